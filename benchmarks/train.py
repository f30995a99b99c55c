"""The trainer side by side with nanoGPT's on this machine's CPU, in one run.

    git clone https://github.com/karpathy/nanoGPT
    python -m benchmarks.train --nanogpt nanoGPT --json train.json               # everything, 25 minutes, of which quality 12
    python -m benchmarks.train --nanogpt nanoGPT --only speed generation

nanoGPT's model.py and train.py run as they are, in processes of their own, on the same tokens, at the same shape, batch, precision and
compile setting. Without it the figures of this project alone are printed. The tokens are the bytes of the novels, each novel behind an
end-of-text token; every twentieth is held out. tests/model/test_parallel.py compares the losses of one process and of two.

    speed       tokens a second of both training loops, in turn, of the median step. Expected: 1.5 x at 7 M parameters, 1.05 x at 14 M
    generation  tokens a second of one sample of --tokens tokens, theirs without a cache as they have none. Expected: 6 x and 11 x
    quality     validation loss after as many tokens as this trainer sees in --minutes. Expected: 1.496 nats a byte, nanoGPT's recipe 1.538
"""

from __future__ import annotations

import argparse
import os
import pickle
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks.corpus import novels
from benchmarks.harness import MISSING, ROOT, Figures, bar, run
from model.data import TokenSplit, Windows, evaluation_windows
from model.gpt2 import GPT2, GPT2Config
from model.log import StepReport, read_log
from model.sample import generate
from webtext.tokens.shards import write_shard

BYTES, EOT = 257, 256

# name: (layers, heads, width, context, vocabulary, windows a step). The first is the one nanoGPT's README gives for a CPU.
SHAPES = {
    "readme": (4, 4, 128, 64, 50_257, 12),
    "mini": (6, 6, 384, 256, 8192, 8),
    "124M": (12, 12, 768, 1024, 50_257, 1),
}
GENERATE = """
import sys, time, torch
from model import GPT, GPTConfig
layers, heads, width, context, vocab, tokens, threads = map(int, sys.argv[1:])
torch.set_num_threads(threads)
model = GPT(GPTConfig(n_layer=layers, n_head=heads, n_embd=width, block_size=context, vocab_size=vocab)).eval()
with torch.no_grad():
    model.generate(torch.ones(1, 1, dtype=torch.long), 4, top_k=40)
    began = time.perf_counter()
    model.generate(torch.ones(1, 1, dtype=torch.long), tokens, top_k=40)
print("result", time.perf_counter() - began)
"""
VALIDATE = """
import sys, numpy as np, torch
from model import GPT, GPTConfig
checkpoint = torch.load("out/ckpt.pt", weights_only=False)
model = GPT(GPTConfig(**checkpoint["model_args"])).eval()
model.load_state_dict(checkpoint["model"])
arrays = np.load("windows.npz")
total = 0.0
with torch.no_grad():
    for inputs, targets in zip(torch.from_numpy(arrays["inputs"]).split(64), torch.from_numpy(arrays["targets"]).split(64)):
        total += float(model(inputs, torch.where(targets < 0, -1, targets))[1]) * int((targets >= 0).sum())
print("result", total / int((arrays["targets"] >= 0).sum()))
"""


def prepare(options: argparse.Namespace) -> Path:
    """Token shards of bytes, and nanoGPT's model and loop with the same tokens where it looks for them."""
    torch.set_num_threads(options.threads)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    work: Path = options.directory
    texts = [np.concatenate([[EOT], np.frombuffer(text.encode(), np.uint8)]) for text in novels().values()]
    (work / "tokens").mkdir()
    write_shard(work / "tokens" / "train-00000.bin", (text for number, text in enumerate(texts) if number % 20), vocab_size=BYTES)
    write_shard(work / "tokens" / "val-00000.bin", texts[::20], vocab_size=BYTES)
    if options.nanogpt is None:
        MISSING[:] = ["nanoGPT (--nanogpt PATH)"]
        return work
    data = work / "nanogpt" / "data" / "novels"
    data.mkdir(parents=True)
    for name in ("model.py", "train.py", "configurator.py"):
        shutil.copy(options.nanogpt / name, work / "nanogpt" / name)
    for split in ("train", "val"):
        (data / f"{split}.bin").write_bytes((work / "tokens" / f"{split}-00000.bin").read_bytes()[1024:])
    return work


def nanogpt_train(work: Path, vocab: int, settings: dict[str, Any]) -> list[float]:
    """Seconds of each step of its train.py."""
    (work / "nanogpt/data/novels/meta.pkl").write_bytes(pickle.dumps({"vocab_size": -(-vocab // 64) * 64}))
    given = {"dataset": "novels", "out_dir": "out", "device": "cpu", "log_interval": 1, "gradient_accumulation_steps": 1, **settings}
    command = [sys.executable, "train.py", *(f"--{name}={value}" for name, value in given.items())]
    output = subprocess.run(command, cwd=work / "nanogpt", check=True, stdout=subprocess.PIPE, text=True).stdout
    return [float(ms) / 1000 for ms in re.findall(r"^iter \d+: loss [\d.]+, time ([\d.]+)ms", output, re.M)]


def our_train(work: Path, settings: dict[str, Any]) -> list[StepReport]:
    """The reports of `python -m model.train`."""
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items() if not isinstance(value, bool)]
    flags += [f"--{name}" for name, value in settings.items() if value is True]
    command = [sys.executable, "-m", "model.train", str(work / "tokens"), str(out), "--device=cpu", *flags]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return read_log(out / "log.jsonl")


def result_of(directory: Path, program: str, *arguments: object) -> float:
    """Run a program in nanoGPT's directory; it prints its result."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    output = subprocess.run(command, cwd=directory, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(output.split("result ")[1])


def in_both(ours: list[float], theirs: list[float], count: float) -> Figures:
    """Of times that were taken in turn: `count` units a second in the median, and the ratio."""
    row: Figures = {"ours": count / median(ours), "our_times": ours, "nanogpt_times": theirs}
    return {**row, "nanogpt": count / median(theirs), "ratio": median(theirs) / median(ours)} if theirs else row


def speed(options: argparse.Namespace) -> Figures:
    """Tokens a second of both loops as their users run them; the first three steps of each run are not counted."""
    work, figures, steps = prepare(options), {}, 6 if options.quick else options.steps
    for name in options.shapes:
        layers, heads, width, context, vocab, batch = SHAPES[name]
        ours: dict[str, Any] = {"layers": layers, "heads": heads, "width": width, "context": context, "vocab_size": vocab}
        ours |= {"batch_tokens": batch * context, "micro_batch": batch, "steps": steps, "eval_tokens": context}
        ours |= {"precision": options.precision, "compile": options.compile, "threads": options.threads}
        theirs: dict[str, Any] = {"n_layer": layers, "n_head": heads, "n_embd": width, "block_size": context, "batch_size": batch}
        theirs |= {"bias": True, "max_iters": steps - 1, "eval_interval": 10**6, "eval_iters": 1, "compile": options.compile}
        theirs |= {"dtype": {"fp32": "float32", "bf16": "bfloat16"}[options.precision]}
        our_seconds: list[float] = []
        their_seconds: list[float] = []
        for _ in range(options.rounds):
            our_seconds += [batch * context / report.tokens_per_second for report in our_train(work, ours)[3:]]
            their_seconds += nanogpt_train(work, vocab, theirs)[3:] if options.nanogpt else []
        figures[name] = in_both(our_seconds, their_seconds, batch * context)
    return figures


def generation(options: argparse.Namespace) -> Figures:
    """Tokens a second of one sample of so many tokens from a fresh model, within the context."""
    work, figures, tokens = prepare(options), {}, 32 if options.quick else options.tokens
    for name in options.shapes:
        layers, heads, width, context, vocab, _ = SHAPES[name]
        context = max(context, tokens + 1)
        model = GPT2(GPT2Config(layers, heads, width, context, vocab))
        ours, theirs = [], []
        for _ in range(options.rounds):
            list(generate(model, [1], max_tokens=4, top_k=40))
            began = time.perf_counter()
            list(generate(model, [1], max_tokens=tokens, top_k=40))
            ours.append(time.perf_counter() - began)
            if options.nanogpt:
                shape = (layers, heads, width, context, vocab, tokens, options.threads)
                theirs.append(result_of(work / "nanogpt", GENERATE, *shape))
        figures[name] = in_both(ours, theirs, tokens)
    return figures


def quality(options: argparse.Namespace) -> Figures:
    """Validation loss in nats a byte after equally many tokens: our defaults against the recipe of nanoGPT's README for a CPU.

    The shape and the batch are the README's; the number of steps is what this trainer does in `--minutes` by its pace of a trial.
    Both train at once, each on its own cores, where there are enough.
    """
    work, minutes = prepare(options), 0.1 if options.quick else options.minutes
    layers, heads, width, context, _, batch = SHAPES["readme"]
    plan = {"layers": layers, "heads": heads, "width": width, "context": context, "vocab_size": BYTES, "threads": options.threads}
    plan |= {"batch_tokens": batch * context, "micro_batch": batch, "eval_every": 10**6, "eval_tokens": 2**18, "checkpoint_every": 10**6}
    pace = median(report.tokens_per_second for report in our_train(work, {**plan, "steps": 60})[10:])
    steps = max(200, round(minutes * 60 * pace / (batch * context)))
    with ThreadPoolExecutor(2 if (os.cpu_count() or 1) >= 2 * options.threads else 1) as pool:
        own = pool.submit(our_train, work, {**plan, "steps": steps})
        theirs = pool.submit(nanogpt_loss, work, steps, plan["eval_tokens"]) if options.nanogpt else None
        figures = {"steps": steps, "tokens": steps * batch * context, "ours": own.result()[-1].val_loss}
        return {**figures, "nanogpt": theirs.result()} if theirs else figures


def nanogpt_loss(work: Path, steps: int, eval_tokens: int) -> float:
    """Validation loss of nanoGPT's recipe: config/train_shakespeare_char.py with what the README changes for a CPU."""
    layers, heads, width, context, _, batch = SHAPES["readme"]
    recipe: dict[str, Any] = {"n_layer": layers, "n_head": heads, "n_embd": width, "block_size": context, "batch_size": batch}
    recipe |= {"max_iters": steps, "lr_decay_iters": steps, "learning_rate": 1e-3, "min_lr": 1e-4, "beta2": 0.99, "warmup_iters": 100}
    recipe |= {"dropout": 0.0, "dtype": "float32", "compile": False, "eval_interval": steps, "eval_iters": 1}
    nanogpt_train(work, BYTES, {**recipe, "always_save_checkpoint": True})
    windows = Windows(TokenSplit(work / "tokens", "val"), context, BYTES)
    inputs, targets = windows.load(evaluation_windows(windows, eval_tokens))
    np.savez(work / "nanogpt/windows.npz", inputs=inputs, targets=targets)
    return result_of(work / "nanogpt", VALIDATE)


def bars(figures: Figures) -> Iterator[Figures]:
    for part, least in (("speed", 1.0), ("generation", 5.0)):
        for name, row in figures.get(part, {}).items():
            if "ratio" in row:
                yield bar(f"{part}, {name}, times nanoGPT's", row["ratio"], least=least)
    if "nanogpt" in figures.get("quality", {}):
        yield bar("quality, nats a byte, at most nanoGPT's", figures["quality"]["ours"], most=figures["quality"]["nanogpt"])


OPTIONS = {
    "--nanogpt": {"type": Path, "help": "a clone of nanoGPT"},
    "--shapes": {"nargs": "+", "choices": SHAPES, "default": ["readme", "mini"]},
    "--steps": {"type": int, "default": 16, "help": "steps a run of the speed test"},
    "--tokens": {"type": int, "default": 512, "help": "tokens to generate"},
    "--minutes": {"type": float, "default": 10.0, "help": "length of the quality run"},
    "--threads": {"type": int, "default": 1},
    "--precision": {"choices": ("fp32", "bf16"), "default": "fp32"},
    "--compile": {"action": "store_true"},
}

if __name__ == "__main__":
    run(__doc__, {"speed": speed, "generation": generation, "quality": quality}, OPTIONS, bars)
