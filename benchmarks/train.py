"""The trainer side by side with nanoGPT's on this machine's CPU, in one run. What has to be shown stands at the end, each with yes or NO.

    python benchmarks/train.py --nanogpt ~/nanoGPT --json train.json               # everything, 25 minutes, of which quality 12
    python benchmarks/train.py --nanogpt ~/nanoGPT --only speed generation

nanoGPT is a clone of github.com/karpathy/nanoGPT; its model.py and train.py run as they are, in processes of their own, on the same
tokens, at the same shape, batch, precision and compile setting. Without it the figures of this project alone are printed.
The tokens are the bytes of the novels in $WEBTEXT_DATA, each novel behind an end-of-text token; every twentieth is held out. Five parts:

    speed       tokens a second of both training loops, in turn
    generation  tokens a second of one sample of --tokens tokens, theirs without a cache as they have none
    overhead    what data, log.jsonl, TensorBoard and checkpoints add to a step
    ranks       losses of one process and of two under torchrun (gloo)
    quality     validation loss after equally many tokens, as many as this trainer sees in --minutes
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zstandard

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from model.checkpoint import LAST, State, save  # noqa: E402
from model.data import TokenSplit, Windows, evaluation_windows, windows_of_step  # noqa: E402
from model.device import machine  # noqa: E402
from model.gpt2 import GPT2, GPT2Config  # noqa: E402
from model.log import RunLog, StepReport, read_log  # noqa: E402
from model.optim import adamw  # noqa: E402
from model.sample import generate  # noqa: E402
from webtext.tokens.shards import write_shard  # noqa: E402

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
print("seconds", time.perf_counter() - began)
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
print("loss", total / int((arrays["targets"] >= 0).sum()))
"""


def main() -> None:
    parts: dict[str, Callable[[argparse.Namespace, Path], dict[str, Any]]]
    parts = {"speed": speed, "generation": generation, "overhead": overhead, "ranks": ranks, "quality": quality}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", type=Path, help="a clone of nanoGPT")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts), help="these parts alone")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["readme", "mini"])
    parser.add_argument("--steps", type=int, default=16, help="steps a run of the speed test")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each trainer and generator, alternating")
    parser.add_argument("--tokens", type=int, default=512, help="tokens to generate")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the quality run")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    if options.nanogpt is None:
        print("nanoGPT: missing (--nanogpt PATH): its columns stay empty")
    figures: dict[str, Any] = {"threads": options.threads, "torch": torch.__version__, "nanogpt": options.nanogpt is not None}
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        novels(work / "tokens")
        if options.nanogpt is not None:
            prepare_nanogpt(options.nanogpt, work)
        for name, part in parts.items():
            if name in options.only:
                figures[name] = part(options, work)
    figures["shown"] = verdicts(figures)
    for what, holds in figures["shown"].items():
        print(f"{'yes' if holds else 'NO ':4} {what}")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def verdicts(figures: dict[str, Any]) -> dict[str, bool]:
    """What has to be shown, and whether this run shows it; what needs nanoGPT is left out without it."""
    shown = {}
    for part, least in (("speed", 1.0), ("generation", 5.0)):
        for name, rates in figures.get(part, {}).items():
            if rates["ratio"] is not None:
                shown[f"{part} {name}: {rates['ratio']:.2f} x nanoGPT, at least {least:g} x"] = rates["ratio"] >= least
    for name, cost in figures.get("overhead", {}).items():
        shown[f"overhead {name}: {cost['total']:.2%} of the step, under 2 %"] = cost["total"] < 0.02
    if "ranks" in figures:
        difference = figures["ranks"]["difference"]
        shown[f"ranks: losses of 1 and 2 differ by {difference:.1e} of the loss, 1e-6 allowed"] = difference <= 1e-6
    if "quality" in figures and figures["quality"]["nanogpt"] is not None:
        ours, theirs = figures["quality"]["ours"], figures["quality"]["nanogpt"]
        shown[f"quality: loss {ours:.4f} after {figures['quality']['minutes']:g} minutes, nanoGPT's recipe {theirs:.4f}"] = ours < theirs
    return shown


def novels(directory: Path) -> None:
    """Token shards of bytes."""
    data = Path(os.environ.get("WEBTEXT_DATA", ROOT.parent / "shared" / "data")) / "text" / "novels.tar.zst"
    with data.open("rb") as file, tarfile.open(fileobj=io.BytesIO(zstandard.ZstdDecompressor().stream_reader(file).read())) as archive:
        members = sorted((member for member in archive.getmembers() if member.isfile()), key=lambda member: member.name)
        books = [archive.extractfile(member) for member in members]
        texts = [np.concatenate([[EOT], np.frombuffer(book.read(), np.uint8)]) for book in books if book is not None]
    directory.mkdir()
    write_shard(directory / "train-00000.bin", (text for number, text in enumerate(texts) if number % 20), vocab_size=BYTES)
    write_shard(directory / "val-00000.bin", texts[::20], vocab_size=BYTES)


def prepare_nanogpt(source: Path, work: Path) -> None:
    """Its model and loop, and the same tokens where it looks for them."""
    data = work / "nanogpt" / "data" / "novels"
    data.mkdir(parents=True)
    for name in ("model.py", "train.py", "configurator.py"):
        shutil.copy(source / name, work / "nanogpt" / name)
    for split in ("train", "val"):
        (data / f"{split}.bin").write_bytes((work / "tokens" / f"{split}-00000.bin").read_bytes()[1024:])


def nanogpt_train(work: Path, vocab: int, settings: dict[str, Any]) -> list[tuple[float, float]]:
    """(loss, seconds) of each step of its train.py."""
    (work / "nanogpt/data/novels/meta.pkl").write_bytes(pickle.dumps({"vocab_size": -(-vocab // 64) * 64}))
    given = {"dataset": "novels", "out_dir": "out", "device": "cpu", "log_interval": 1, "gradient_accumulation_steps": 1, **settings}
    command = [sys.executable, "train.py", *(f"--{name}={value}" for name, value in given.items())]
    output = subprocess.run(command, cwd=work / "nanogpt", check=True, stdout=subprocess.PIPE, text=True).stdout
    return [(float(loss), float(ms) / 1000) for loss, ms in re.findall(r"^iter \d+: loss ([\d.]+), time ([\d.]+)ms", output, re.M)]


def our_train(work: Path, settings: dict[str, Any], processes: int = 1) -> list[StepReport]:
    """The reports of `python -m model.train`, under torchrun where there are several processes."""
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items() if not isinstance(value, bool)]
    flags += [f"--{name}" for name, value in settings.items() if value is True]
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    command = [sys.executable, *torchrun, "-m", "model.train", str(work / "tokens"), str(out), "--device=cpu", *flags]
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return read_log(out / "log.jsonl")


def speed(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Tokens a second of both loops as their users run them: of the fastest tenth of the steps, which other work disturbed least."""
    figures = {}
    for name in options.shapes:
        layers, heads, width, context, vocab, batch = SHAPES[name]
        seconds: dict[str, list[float]] = {"ours": [], "nanogpt": []}
        ours: dict[str, Any] = {"layers": layers, "heads": heads, "width": width, "context": context, "vocab_size": vocab}
        ours |= {"batch_tokens": batch * context, "micro_batch": batch, "steps": options.steps, "eval_tokens": context}
        ours |= {"precision": options.precision, "compile": options.compile, "threads": options.threads}
        theirs: dict[str, Any] = {
            "n_layer": layers,
            "n_head": heads,
            "n_embd": width,
            "block_size": context,
            "batch_size": batch,
            "bias": True,
        }
        theirs |= {"max_iters": options.steps - 1, "eval_interval": 10**6, "eval_iters": 1, "compile": options.compile}
        theirs |= {"dtype": {"fp32": "float32", "bf16": "bfloat16"}[options.precision]}
        for _ in range(options.rounds):
            seconds["ours"] += [batch * context / report.tokens_per_second for report in our_train(work, ours)[3:]]
            if options.nanogpt is not None:
                seconds["nanogpt"] += [step for _, step in nanogpt_train(work, vocab, theirs)[3:]]
        rates = {trainer: batch * context / float(np.quantile(times, 0.1)) if times else None for trainer, times in seconds.items()}
        figures[name] = {**rates, "ratio": ratio(rates["ours"], rates["nanogpt"])}
        show(f"training {name}", "tokens/s", figures[name])
    return figures


def generation(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Tokens a second of one sample of so many tokens from a fresh model, within the context: of the fastest round of each."""
    figures = {}
    for name in options.shapes:
        layers, heads, width, context, vocab, _ = SHAPES[name]
        context = max(context, options.tokens + 1)
        model = GPT2(GPT2Config(layers, heads, width, context, vocab))
        arguments = [str(value) for value in (layers, heads, width, context, vocab, options.tokens, options.threads)]
        seconds: dict[str, list[float]] = {"ours": [], "nanogpt": []}
        for _ in range(options.rounds):
            list(generate(model, [1], max_tokens=4, top_k=40))
            began = time.perf_counter()
            list(generate(model, [1], max_tokens=options.tokens, top_k=40))
            seconds["ours"].append(time.perf_counter() - began)
            if options.nanogpt is not None:
                seconds["nanogpt"].append(run_in(work / "nanogpt", GENERATE, *arguments)["seconds"])
        rates = {generator: options.tokens / min(times) if times else None for generator, times in seconds.items()}
        figures[name] = {**rates, "ratio": ratio(rates["ours"], rates["nanogpt"])}
        show(f"generation {name}, {options.tokens} tokens", "tokens/s", figures[name])
    return figures


def overhead(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """What data, logging and checkpoints (every 250 steps) add to a step, as parts of the step."""
    figures = {}
    for name in options.shapes:
        layers, heads, width, context, vocab, batch = SHAPES[name]
        config = GPT2Config(layers, heads, width, context, vocab)
        model = GPT2(config)
        optimizer = adamw(model, weight_decay=0.1, betas=(0.9, 0.95))
        windows = Windows(TokenSplit(work / "tokens", "train"), context, vocab)
        inputs, targets = (torch.from_numpy(array) for array in windows.load(np.arange(batch)))
        report = StepReport(1, 2, 3, 4.0, 5.0, 6.0, None, 7.0, None, 8, 9.0)
        with machine("cpu", "fp32", options.threads), RunLog(work, 0) as log:
            costs = {
                "step": timed(partial(train_step, model, optimizer, inputs, targets), 5),
                "data": timed(partial(load_step, windows, batch), 50),
                "log": timed(partial(log.write, report), 50),
                "checkpoint": timed(partial(save, work / LAST, State({}, {}), model, optimizer), 3) / 250,
            }
        parts = {key: costs[key] / costs["step"] for key in ("data", "log", "checkpoint")}
        figures[name] = {"seconds": costs, "parts": parts, "total": sum(parts.values())}
        print(
            f"overhead {name:12} " + "  ".join(f"{key} {part:.2%}" for key, part in parts.items()) + f"  together {sum(parts.values()):.2%}"
        )
    return figures


def train_step(model: GPT2, optimizer: torch.optim.Optimizer, inputs: torch.Tensor, targets: torch.Tensor) -> None:
    (model(inputs, targets) / targets.numel()).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


def load_step(windows: Windows, batch: int) -> None:
    windows.load(windows_of_step(len(windows), batch, 0, 7))


def ranks(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """The largest difference between the losses of one process and of two, as a part of the loss, over 30 steps with dropout.

    NB: fp32 itself tells losses between 4 and 8 apart by 5e-7.
    """
    layers, heads, width, context, _, batch = SHAPES["readme"]
    settings: dict[str, Any] = {"layers": layers, "heads": heads, "width": width, "context": context, "vocab_size": BYTES, "dropout": 0.1}
    settings |= {"batch_tokens": batch * context, "micro_batch": batch // 4, "steps": 30, "eval_every": 10, "eval_tokens": 2**14}
    losses = []
    for processes in (1, 2):
        reports = our_train(work, settings, processes)
        losses.append([report.loss for report in reports] + [report.val_loss for report in reports if report.val_loss is not None])
    difference = max(abs(one - two) / one for one, two in zip(*losses, strict=True))
    print(f"losses of 1 and 2 ranks, {len(losses[0])} of each: differ by at most {difference:.1e} of the loss", flush=True)
    return {"losses": losses, "difference": difference}


def quality(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Validation loss in nats a byte after equally many tokens: our defaults against the recipe of nanoGPT's README for a CPU.

    The shape and the batch are the README's; the number of steps is what this trainer does in `--minutes` by its pace of a trial.
    Both train at once, each on its own cores, where there are enough.
    """
    layers, heads, width, context, _, batch = SHAPES["readme"]
    shape = {"layers": layers, "heads": heads, "width": width, "context": context, "vocab_size": BYTES, "threads": options.threads}
    plan = {"batch_tokens": batch * context, "micro_batch": batch, "eval_every": 10**6, "eval_tokens": 2**18, "checkpoint_every": 10**6}
    pace = statistics.median(report.tokens_per_second for report in our_train(work, {**shape, **plan, "steps": 60})[10:])
    steps = max(200, round(options.minutes * 60 * pace / (batch * context)))
    with ThreadPoolExecutor(2 if (os.cpu_count() or 1) >= 2 * options.threads else 1) as pool:
        own = pool.submit(our_train, work, {**shape, **plan, "steps": steps})
        theirs = pool.submit(nanogpt_loss, work, steps, plan["eval_tokens"]) if options.nanogpt is not None else None
        losses: dict[str, Any] = {"ours": own.result()[-1].val_loss, "nanogpt": theirs.result() if theirs else None}
    losses |= {"minutes": options.minutes, "steps": steps, "tokens": steps * batch * context}
    show(f"validation loss, {steps:,} steps of {batch * context} bytes", "nats/byte", losses)
    return losses


def nanogpt_loss(work: Path, steps: int, eval_tokens: int) -> float:
    """Validation loss of nanoGPT's recipe: config/train_shakespeare_char.py with what the README changes for a CPU."""
    layers, heads, width, context, _, batch = SHAPES["readme"]
    recipe: dict[str, Any] = {"n_layer": layers, "n_head": heads, "n_embd": width, "block_size": context, "batch_size": batch}
    recipe |= {"max_iters": steps, "lr_decay_iters": steps, "learning_rate": 1e-3, "min_lr": 1e-4, "beta2": 0.99, "warmup_iters": 100}
    recipe |= {"dropout": 0.0, "dtype": "float32", "compile": False}
    nanogpt_train(work, BYTES, {**recipe, "eval_interval": steps, "eval_iters": 1, "always_save_checkpoint": True})
    windows = Windows(TokenSplit(work / "tokens", "val"), context, BYTES)
    inputs, targets = windows.load(evaluation_windows(windows, eval_tokens))
    np.savez(work / "nanogpt/windows.npz", inputs=inputs, targets=targets)
    return run_in(work / "nanogpt", VALIDATE)["loss"]


def run_in(directory: Path, program: str, *arguments: str) -> dict[str, float]:
    """Run a program of nanoGPT's; its lines "name number" are the result."""
    command = [sys.executable, "-c", program, *arguments]
    output = subprocess.run(command, cwd=directory, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(_numbers(output))


def _numbers(output: str) -> Iterator[tuple[str, float]]:
    for name, number in re.findall(r"^(\w+) ([\d.e+-]+)$", output, re.M):
        yield name, float(number)


def timed(work: Callable[[], object], times: int) -> float:
    """Seconds of the median call, after one to warm up."""
    work()
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours and theirs else None


def show(what: str, unit: str, figures: dict[str, Any]) -> None:
    theirs = "missing" if figures["nanogpt"] is None else f"{figures['nanogpt']:,.4g}"
    factor = "" if figures.get("ratio") is None else f"  {figures['ratio']:.2f} x"
    print(f"{what:44} ours {figures['ours']:,.4g}  nanoGPT {theirs} {unit}{factor}", flush=True)


if __name__ == "__main__":
    main()
