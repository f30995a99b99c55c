"""The Penn Treebank as Mikolov prepared it: lower case, 10,000 words and <unk>, numbers as N, a sentence a line."""

from __future__ import annotations

from pathlib import Path

from model.evaluate.detokenize import PTB as ARTEFACTS
from model.evaluate.perplexity import DETOKENIZED, STREAM, Published, evaluate_text
from model.evaluate.results import TaskResult
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task
from model.evaluate.tasks.sentences import read_sentences
from webtext.core.errors import WebtextError

_PUBLISHED = Published({"117M": 65.85, "345M": 47.33, "762M": 40.31, "1542M": 35.76}, DETOKENIZED, STREAM)


def run(scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    """Perplexity of the test part."""
    sentences = read_sentences(files, settings)
    upper = next((word for _, line in sentences for word in line.split() if word != "N" and word != word.lower()), None)
    if upper is not None:
        raise WebtextError(f"{files[0]}: {upper!r} is not in lower case; the Penn Treebank of the paper is Mikolov's, ptb.test.txt")
    result = evaluate_text("ptb", scorer, files, sentences, settings, ARTEFACTS, "sentence", _PUBLISHED)
    result.notes.append("<unk>, which WebText hardly has, and N for numbers are read as they are written.")
    return result


PTB = Task("ptb", "Penn Treebank", ("ptb.test.txt*", "*ptb*/test*.txt*", "*ptb*/test*.parquet"), run)
