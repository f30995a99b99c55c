"""WikiText-2 and WikiText-103 (Merity et al. 2016), which have one test text: 60 articles of Wikipedia."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from model.evaluate.detokenize import WIKITEXT
from model.evaluate.perplexity import AS_IT_IS, DETOKENIZED, STREAM, Published, evaluate_text, limited_lines
from model.evaluate.results import TaskResult
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task, example_id
from webtext.core.errors import WebtextError
from webtext.overlap.text_readers import read_wikitext


def _run(name: str, paper: Published, scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    passages = []
    for path in files:
        articles = [(example_id(files, path, number), f"{text}\n") for number, text in read_wikitext(path)]
        if not any(line.startswith(" = ") for _, text in articles for line in text.split("\n")):
            raise WebtextError(f"{path}: no heading ` = Title = ` in it; WikiText's test text is wiki.test.raw, or wiki.test.tokens")
        passages += articles
    passages = list(limited_lines(passages, settings.limit))
    result = evaluate_text(name, scorer, files, passages, settings, WIKITEXT, "article", paper)
    result.notes.append(
        "WikiText-2 and WikiText-103 have the same test text; as published, the paper's row of WikiText-2 is near what others find per "
        "token of the text as it is, that of WikiText-103 near what they find per word; the paper does not say."
    )
    return result


# Which protocol is nearest is what others found with GPT-2's weights (docs/evaluation.md).
_PUBLISHED = {
    "wikitext-2": Published({"117M": 29.41, "345M": 22.76, "762M": 19.93, "1542M": 18.34}, AS_IT_IS, STREAM, "tokens"),
    "wikitext-103": Published({"117M": 37.50, "345M": 26.37, "762M": 22.05, "1542M": 17.48}, DETOKENIZED, "article by article"),
}


def _task(name: str, title: str, *more: str) -> Task:
    patterns = (f"{name}*/wiki.test.raw*", f"{name}*/wiki.test.tokens*", *more)
    return Task(name, title, patterns, partial(_run, name, _PUBLISHED[name]))


WIKITEXT_2 = _task("wikitext-2", "WikiText-2", "wikitext-2*/test.txt*", "wiki.test.raw*")
WIKITEXT_103 = _task("wikitext-103", "WikiText-103")
