"""Fine-tuning: what pre-training brings, and a step beside the Trainer of transformers, on this machine's CPU.

    python -m benchmarks.finetune --json finetune.json                       # 40 minutes on two cores
    python -m benchmarks.finetune --pretrained DIR --seeds 2 --tokens 10000  # DIR: model/, tokens/ and tokenizer/ of an earlier --keep DIR

A model of 2.6 M parameters reads the novels for --minutes, then learns RTE, MRPC, STS-B, CoLA and SST-2 from as many of their examples as
hold --tokens tokens, with several seeds; so does the same model with fresh weights. At most --validated examples are validated on.

    learning    medians and spread of the official measures. Expected: pre-training wins on 3 of 5 tasks by more than the seeds' spread
    trainer     processor seconds a step and peak memory of this trainer and of transformers' Trainer on one model and task, without the
                auxiliary loss, which it has not; it needs `accelerate`, here or in the environment of --peer-python
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.corpus import novels
from benchmarks.harness import DATA, ROOT, Figures, bar, installed, run, run_command
from model.config import TrainConfig
from model.data import permute
from model.finetune.objective import Encoded
from model.finetune.run import Recipe, finetune
from model.finetune.tasks import TASKS, TaskData, files_of, read_task
from model.finetune.transformations import Marks
from model.log import read_log
from model.train import train
from model.weights import load_language_model
from tokenizer import ByteBPE
from tokenizer import train as train_tokenizer
from webtext.tokens.shards import write_shard

VOCABULARY, CONTEXT, BATCH = 8192, 256, 2048
NAMES = ("sst2", "cola", "stsb", "rte", "mrpc")
RECIPE: dict[str, Any] = {"lr": 1e-3, "batch": 16, "device": "cpu", "threads": 1}  # a small model needs a larger rate than the paper's
OURS = """
import json, sys, time
from pathlib import Path
from benchmarks.finetune import peer_data, timed
model, steps, out = sys.argv[1:]
Path(out, "ours.json").write_text(json.dumps(timed(Path(model), int(steps), Path(out))))
"""
THEIRS = """
import json, sys, time
from pathlib import Path
import torch
from transformers import GPT2ForSequenceClassification, Trainer, TrainerCallback, TrainingArguments
model, steps, out = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
torch.set_num_threads(1)
rows = json.loads((out / "rows.json").read_text())
net = GPT2ForSequenceClassification.from_pretrained(model)
times = []
class Clock(TrainerCallback):
    def on_step_end(self, *arguments, **keywords):
        times.append(time.process_time())
def collate(batch):
    longest = max(len(row["tokens"]) for row in batch)
    pad = net.config.pad_token_id
    tokens = torch.tensor([row["tokens"] + [pad] * (longest - len(row["tokens"])) for row in batch])
    mask = (tokens != pad).long() | (torch.arange(longest) == 0).long()  # the first token is the one that pads
    return {"input_ids": tokens, "attention_mask": mask, "labels": torch.tensor([row["label"] for row in batch])}
plan = TrainingArguments(str(out / "trainer"), max_steps=steps, per_device_train_batch_size=16, learning_rate=1e-3, report_to=[],
                         use_cpu=True, save_strategy="no", logging_strategy="no", remove_unused_columns=False, disable_tqdm=True)
Trainer(net, plan, data_collator=collate, train_dataset=rows, callbacks=[Clock()]).train()
(out / "theirs.json").write_text(json.dumps([later - sooner for sooner, later in zip(times, times[1:])]))
"""


def pretrained(options: argparse.Namespace) -> tuple[Path, ByteBPE]:
    """The model that has read the novels, made now or given; its pace is measured in a trial of 20 steps."""
    home: Path = options.pretrained or options.keep or options.directory / "novels"
    if options.pretrained is None and not (home / "model" / "hf").exists():
        texts = list(novels().values())
        bpe = train_tokenizer((text for number, text in enumerate(texts) if number % 20), VOCABULARY)
        bpe.save(home / "tokenizer")
        tokens = [np.array([bpe.eot, *bpe.encode(text)]) for text in texts]
        (home / "tokens").mkdir()
        write_shard(home / "tokens" / "train-00000.bin", (row for number, row in enumerate(tokens) if number % 20), vocab_size=VOCABULARY)
        write_shard(home / "tokens" / "val-00000.bin", tokens[::20], vocab_size=VOCABULARY)
        plan: dict[str, Any] = {"layers": 4, "heads": 4, "width": 160, "context": CONTEXT, "vocab_size": VOCABULARY, "device": "cpu"}
        plan |= {"batch_tokens": BATCH, "threads": 1, "eval_tokens": 16_384, "eval_every": 10**6, "checkpoint_every": 10**6}
        trial = train(TrainConfig(**plan, steps=20), home / "tokens", options.directory / "trial")
        pace = median(report.tokens_per_second for report in read_log(trial.log)[5:])
        minutes = 0.05 if options.quick else options.minutes
        train(TrainConfig(**plan, steps=max(20, round(minutes * 60 * pace / BATCH))), home / "tokens", home / "model")
    return home / "model", ByteBPE.load(home / "tokenizer")


def task_data(name: str, bpe: ByteBPE, tokens: int, validated: int) -> TaskData:
    """A task's first examples, in an order drawn once, that hold so many tokens, and at most so many to validate on."""
    data = read_task(TASKS[name], *files_of(TASKS[name], DATA / "finetune"))
    order = permute(np.arange(len(data.train)), len(data.train), "finetune")
    taken, held = [], 0
    for place in order:
        if held >= tokens:
            break
        taken.append(data.train[place])
        held += Encoded(taken[-1:], data.task, bpe, Marks(0, 0, 0), CONTEXT).tokens
    every = -(-len(data.val) // validated)
    return data._replace(train=taken, val=data.val[::every])


def learn(job: tuple[str, str, str, bool, int, int, int, float]) -> Figures:
    """One task with or without pre-training, all seeds."""
    model, out, name, kept, seeds, tokens, validated, auxiliary = job
    bpe = ByteBPE.load(Path(model).parent / "tokenizer")
    recipe = Recipe(**RECIPE, pretrained=kept, auxiliary=auxiliary)
    data = task_data(name, bpe, tokens, validated)
    return finetune(load_language_model(Path(model)), bpe, data, Path(out) / name / str(kept), recipe, seeds=range(seeds))


def learning(options: argparse.Namespace) -> Figures:
    """Medians, lowest and highest of the first measure of each task, with pre-training and without."""
    model, _ = pretrained(options)
    seeds, tokens = (1, 600) if options.quick else (options.seeds, options.tokens)
    plan = (seeds, tokens, options.validated, options.auxiliary)
    jobs = [(str(model), str(options.directory), name, kept, *plan) for name in options.tasks for kept in (True, False)]
    figures: Figures = {"seeds": seeds, "tokens": tokens, "auxiliary": options.auxiliary}
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        for job, found in zip(jobs, pool.map(learn, jobs)):
            name, kept, measure = job[2], job[3], next(iter(found["median"]))
            row = figures.setdefault(name, {"measure": measure, "examples": found["examples"]["train"]})
            part = "pretrained" if kept else "fresh"
            row[part] = found["median"][measure]
            row[f"{part}_lowest"], row[f"{part}_highest"] = found["lowest"][measure], found["highest"][measure]
            print(name, part, found["median"], found["lowest"], found["highest"], flush=True)
    for row in figures.values():
        if isinstance(row, dict):
            spread = max(row[f"{part}_highest"] - row[f"{part}_lowest"] for part in ("pretrained", "fresh"))
            row["wins"] = row["pretrained"] - row["fresh"] > spread
    return figures


def peer_data(bpe: ByteBPE, out: Path) -> TaskData:
    """RTE's first examples, for both trainers; theirs reads them from rows.json."""
    data = task_data("rte", bpe, 20_000, 16)
    encoded = Encoded(data.train, data.task, bpe, Marks(VOCABULARY, VOCABULARY + 1, VOCABULARY + 2), CONTEXT)
    rows = [{"tokens": tokens[0], "label": int(label)} for tokens, label in zip(encoded.sequences, encoded.labels)]
    (out / "rows.json").write_text(json.dumps(rows))
    return data


def timed(model: Path, steps: int, out: Path) -> list[float]:
    """Seconds of each step of ours but the first."""
    bpe, times = ByteBPE.load(model.parent / "tokenizer"), [0.0] * 0
    data = peer_data(bpe, out)
    epochs = -(-steps // -(-len(data.train) // 16))
    recipe = Recipe(**{**RECIPE, "auxiliary": 0.0, "epochs": epochs})
    shutil.rmtree(out / "ours", ignore_errors=True)
    finetune(load_language_model(model), bpe, data, out / "ours", recipe, progress=lambda _: times.append(time.process_time()))
    return [later - sooner for sooner, later in pairwise(times)]


def trainer(options: argparse.Namespace) -> Figures:
    """Median processor seconds a step on one thread and peak memory of both, each in a process of its own; in turn."""
    model, _ = pretrained(options)
    out, steps = options.directory, 8 if options.quick else options.steps
    peers = {"ours": [sys.executable, "-c", OURS, str(model), str(steps), str(out)]}
    if installed("accelerate", python=options.peer_python):
        peers["theirs"] = [options.peer_python, "-c", THEIRS, str(out / "ours/seed-0/hf"), str(steps), str(out)]
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    peaks = dict.fromkeys(peers, 0)
    for _ in range(options.rounds):
        for name, command in peers.items():
            peaks[name] = max(peaks[name], run_command(command, ROOT, OMP_NUM_THREADS="1")["peak_bytes"])
            seconds[name] += json.loads((out / f"{name}.json").read_text())
    return {name: {"step_seconds": median(seconds[name]), "peak_bytes": peaks[name]} for name in peers}


def bars(figures: Figures) -> Iterator[Figures]:
    rows = [row for row in figures.get("learning", {}).values() if isinstance(row, dict)]
    if rows:
        yield bar("learning, tasks on which pre-training wins by more than the spread", sum(row["wins"] for row in rows), least=3)
    part = figures.get("trainer", {})
    if "theirs" in part:
        yield bar("trainer, seconds a step by theirs", part["ours"]["step_seconds"] / part["theirs"]["step_seconds"], most=1.0)


OPTIONS: dict[str, dict[str, Any]] = {
    "--pretrained": {"type": Path, "help": "directory with model/, tokens/ and tokenizer/ of an earlier --keep"},
    "--keep": {"type": Path, "help": "keep the pre-trained model there"},
    "--minutes": {"type": float, "default": 10.0, "help": "of pre-training"},
    "--seeds": {"type": int, "default": 5},
    "--tokens": {"type": int, "default": 50_000, "help": "of the training examples of each task"},
    "--validated": {"type": int, "default": 500, "help": "validation examples of each task"},
    "--tasks": {"nargs": "+", "choices": NAMES, "default": NAMES},
    "--auxiliary": {"type": float, "default": 0.5, "help": "weight of the auxiliary loss"},
    "--processes": {"type": int, "default": 2},
    "--steps": {"type": int, "default": 40, "help": "steps of the comparison with the Trainer"},
    "--peer-python": {"default": sys.executable, "help": "Python of an environment with transformers and accelerate"},
}

if __name__ == "__main__":
    run(__doc__, {"learning": learning, "trainer": trainer}, OPTIONS, bars)
