"""LAMBADA by our scorer beside lm-evaluation-harness's own model class, on the same random weights, in one run.

    python -m benchmarks.evaluate --json evaluate.json            # 124M and all 5,153 passages: an hour on two cores
    python -m benchmarks.evaluate --passages 200

Both read OpenAI's file by the harness's protocol: the last word behind the rest of its passage, in fp32, on all threads. The harness runs
as it is (lm_eval.models.huggingface with transformers, batches of its choosing), in turn with ours. Its peer class needs `accelerate`.

    lambada     seconds of both, and the largest difference of a log-probability. Expected: at most the harness's, 1e-4
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import torch

from benchmarks.harness import DATA, Figures, bar, installed, run
from model import hf
from model.device import machine
from model.evaluate.scorer import Scorer
from model.gpt2 import GPT2, preset
from tokenizer import ByteBPE
from webtext.overlap.record_readers import read_lambada


def lambada(options: argparse.Namespace) -> Figures:
    """Log-probabilities of the last words, ours and the harness's in turn."""
    size = "tiny" if options.quick else options.size
    bpe = ByteBPE.from_gpt2(DATA / "gpt2")
    model = GPT2(preset(size), seed=1)
    hf.export(model, options.directory, eot=bpe.eot)
    bpe.save(options.directory, context=model.config.context)
    passages = [text for _, text, _ in read_lambada(DATA / "benchmarks" / "lambada_test.jsonl", "text")]
    pairs = [(context, f" {word}") for context, _, word in (text.rpartition(" ") for text in passages)]
    pairs = pairs[: 20 if options.quick else options.passages or None]
    figures: Figures = {"passages": len(pairs), "size": size}
    found: dict[str, list[float]] = {}
    for name, score in (("webtext", ours(model, bpe, pairs)), ("lm-eval", theirs(options, pairs))):
        if score is not None:
            began, processor = time.perf_counter(), time.process_time()
            found[name] = score()
            figures[name] = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - processor}
    if len(found) == 2:
        figures["largest_difference"] = max(abs(one - other) for one, other in zip(*found.values()))
    return figures


def ours(model: GPT2, bpe: ByteBPE, pairs: list[tuple[str, str]]) -> Any:
    def score() -> list[float]:
        with machine("auto", "fp32") as here:
            scorer = Scorer(model, bpe, here)
            return [found.total for found in scorer.continuations([scorer.pair(*pair) for pair in pairs])]

    return score


def theirs(options: argparse.Namespace, pairs: list[tuple[str, str]]) -> Any:
    if not installed("lm_eval", "lm-eval") or not installed("accelerate"):
        return None
    from lm_eval.models.huggingface import HFLM

    peer = HFLM(pretrained=str(options.directory), device="cuda" if torch.cuda.is_available() else "cpu", dtype="float32", batch_size=16)
    return lambda: [value for value, _ in peer.loglikelihood([SimpleNamespace(args=pair) for pair in pairs])]


def bars(figures: Figures) -> Iterator[Figures]:
    part = figures.get("lambada", {})
    if "lm-eval" in part:
        yield bar("lambada, seconds by lm-eval's", part["webtext"]["seconds"] / part["lm-eval"]["seconds"], most=1.0)
        yield bar("lambada, difference of a log-probability", part["largest_difference"], most=1e-4)


OPTIONS = {
    "--size": {"default": "124M", "help": "preset of the model"},
    "--passages": {"type": int, "default": 0, "help": "the first passages; 0: all"},
}

if __name__ == "__main__":
    run(__doc__, {"lambada": lambada}, OPTIONS, bars)
