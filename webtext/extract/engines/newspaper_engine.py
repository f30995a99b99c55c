"""newspaper3k (https://github.com/codelucas/newspaper, MIT), one of the two extractors of the GPT-2 paper.

Its parts are called one by one. `Article` would look for images, videos, authors and dates that a corpus has no use for, cut the text at
100,000 characters, and keep files in the temporary directory.
"""

from __future__ import annotations

import tempfile
from copy import deepcopy

from webtext.extract import dom
from webtext.extract.engines import Extraction, by_length
from webtext.extract.text import tidy

with tempfile.TemporaryDirectory() as _directory:
    # NB: importing newspaper makes directories where `tempfile` says.
    _before, tempfile.tempdir = tempfile.tempdir, _directory
    try:
        from newspaper.cleaners import DocumentCleaner
        from newspaper.configuration import Configuration
        from newspaper.extractors import ContentExtractor
        from newspaper.outputformatters import OutputFormatter
        from newspaper.utils import get_available_languages
    finally:
        tempfile.tempdir = _before

NAME = "newspaper3k"

# Stop words decide what a paragraph is. NB: Chinese would have jieba write a cache to the disk and trust the one it finds there.
LANGUAGES = frozenset(get_available_languages()) - {"zh"}


def extract(html: str, url: str) -> Extraction:
    """The main text of a page. `url` is not used; nothing is asked of the network."""
    tree = dom.parse(html)
    return Extraction("", "", 0.0, NAME) if tree is None else from_tree(tree)


def from_tree(tree: dom.Tree) -> Extraction:
    """The same for a page that is parsed already; the tree stays as it is."""
    configuration = Configuration()
    claimed = dom.language(tree)
    configuration.set_language(claimed if claimed in LANGUAGES else "en")
    extractor = ContentExtractor(configuration)
    top = extractor.calculate_best_node(DocumentCleaner(configuration).clean(deepcopy(tree)))
    text = ""
    if top is not None:
        text, _ = OutputFormatter(configuration).get_formatted(extractor.post_cleanup(top))
        text = tidy(text)
    return Extraction(dom.title(tree), text, by_length(text), NAME)
