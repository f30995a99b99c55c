"""The 1B Word Benchmark (Chelba et al. 2013): sentences of news in random order."""

from __future__ import annotations

from pathlib import Path

from model.evaluate.detokenize import LM1B
from model.evaluate.perplexity import DETOKENIZED, Published, evaluate_text
from model.evaluate.results import TaskResult
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task
from model.evaluate.tasks.sentences import read_sentences
from webtext.core.errors import WebtextError

_PUBLISHED = Published({"117M": 75.20, "345M": 55.72, "762M": 44.575, "1542M": 42.16}, DETOKENIZED, "sentence by sentence")


def run(scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    """Perplexity of held-out sentences."""
    sentences = read_sentences(files, settings)
    if not any(word in (".", ",") for _, line in sentences for word in line.split()):
        raise WebtextError(
            f"{files[0]}: no full stop stands alone in it; the 1B Word Benchmark is tokenized, as news.en.heldout-00000-of-00050"
        )
    return evaluate_text("1bw", scorer, files, sentences, settings, LM1B, "sentence", _PUBLISHED)


ONE_BILLION = Task("1bw", "1B Word Benchmark", ("news.en.heldout-00000-of-*", "news.en.heldout-*", "1b_benchmark.test.*"), run)
