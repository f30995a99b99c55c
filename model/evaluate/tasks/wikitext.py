"""WikiText-2 and WikiText-103 (Merity et al. 2016), which have one test text: 60 articles of Wikipedia."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from pathlib import Path

from model.evaluate.detokenize import WIKITEXT
from model.evaluate.paper import published
from model.evaluate.perplexity import AS_IT_IS, DETOKENIZED, STREAM, WORDS, Published, evaluate_text
from model.evaluate.results import TaskResult
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task
from webtext.core.errors import WebtextError
from webtext.overlap.readers import example_id
from webtext.overlap.text_readers import read_wikitext

# Which protocol is nearest is what others found with GPT-2's weights (docs/evaluation.md).
_2 = Published(published("WikiText-2", "PPL"), AS_IT_IS, STREAM, "tokens")
_103 = Published(published("WikiText-103", "PPL"), DETOKENIZED, "article by article", WORDS)


def _run(name: str, paper: Published, scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    articles = [(example_id(path, number, len(files)), f"{text}\n") for path in files for number, text in read_wikitext(path)]
    if not any(line.startswith(" = ") for _, text in articles for line in text.split("\n")):
        raise WebtextError(f"{files[0]}: no heading ` = Title = ` in it; WikiText's test text is wiki.test.raw, or wiki.test.tokens")
    lines = settings.limited((name, f"{line}\n") for name, text in articles for line in text.split("\n")[:-1])
    passages = [(name, "".join(line for _, line in part)) for name, part in groupby(lines, key=lambda row: row[0])]
    result = evaluate_text(name, scorer, files, passages, settings, WIKITEXT, "article", paper)
    result.notes.append("WikiText-2 and WikiText-103 have one test text; the paper's two rows of it differ, and it does not say by what.")
    return result


_2_FILES = ("wikitext-2*/wiki.test.raw*", "wikitext-2*/wiki.test.tokens*", "wikitext-2*/test.txt*", "wiki.test.raw*")
_103_FILES = ("wikitext-103*/wiki.test.raw*", "wikitext-103*/wiki.test.tokens*")
WIKITEXT_2 = Task("wikitext_2", "WikiText-2", _2_FILES, partial(_run, "wikitext_2", _2))
WIKITEXT_103 = Task("wikitext_103", "WikiText-103", _103_FILES, partial(_run, "wikitext_103", _103))
