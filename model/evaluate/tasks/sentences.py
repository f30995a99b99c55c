"""Sets of a sentence a line: the Penn Treebank as Mikolov prepared it, and the 1B Word Benchmark (Chelba et al. 2013)."""

from __future__ import annotations

from pathlib import Path

from model.evaluate.detokenize import LM1B
from model.evaluate.detokenize import PTB as TREEBANK
from model.evaluate.paper import published
from model.evaluate.perplexity import DETOKENIZED, STREAM, WORDS, Published, evaluate_text
from model.evaluate.results import TaskResult
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task
from webtext.core.errors import WebtextError
from webtext.overlap.readers import example_id
from webtext.overlap.record_readers import read_records
from webtext.overlap.text_readers import read_units

_PTB = Published(published("PTB", "PPL"), DETOKENIZED, STREAM, WORDS)
_1BW = Published(published("1BW", "PPL"), DETOKENIZED, "sentence by sentence", WORDS)


def _sentences(files: list[Path], settings: Settings) -> list[tuple[str, str]]:
    """(id, sentence and line feed)."""
    found = []
    for path in files:
        table = path.suffix == ".parquet"
        read = ((name, line) for name, line, _ in read_records(path, "parquet", "text")) if table else read_units(path, "line")
        found += [(example_id(path, name, len(files)), f"{line}\n") for name, line in read]
    return list(settings.limited(found))


def _run_ptb(scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    sentences = _sentences(files, settings)
    upper = next((word for _, line in sentences for word in line.split() if word not in ("N", word.lower())), None)
    if upper is not None:
        raise WebtextError(f"{files[0]}: {upper!r} is not in lower case; the Penn Treebank of the paper is Mikolov's, ptb.test.txt")
    result = evaluate_text("ptb", scorer, files, sentences, settings, TREEBANK, "sentence", _PTB)
    result.notes.append("<unk>, which WebText hardly has, and N for numbers are read as they are written.")
    return result


def _run_1bw(scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    sentences = _sentences(files, settings)
    if not any(word in (".", ",") for _, line in sentences for word in line.split()):
        raise WebtextError(
            f"{files[0]}: no full stop stands alone in it; the 1B Word Benchmark is tokenized, as news.en.heldout-00000-of-00050"
        )
    return evaluate_text("1bw", scorer, files, sentences, settings, LM1B, "sentence", _1BW)


PTB = Task("ptb", "Penn Treebank", ("ptb.test.txt*", "*ptb*/test*.txt*", "*ptb*/test*.parquet"), _run_ptb)
ONE_BILLION = Task("1bw", "1B Word Benchmark", ("news.en.heldout-00000-of-*", "news.en.heldout-*", "1b_benchmark.test.*"), _run_1bw)
