"""Measures small real builds, and training steps."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from pipelines.run import collect
from webtext.cli.build import run_build
from webtext.cli.progress import ProgressDisplay, StageProgress
from webtext.core.config import Config
from webtext.core.errors import WebtextError
from webtext.core.manifest import Manifest
from webtext.core.model_sections import TrainSection
from webtext.core.records import SPLITS
from webtext.core.task import StageContext
from webtext.cost.extrapolate import Rates, StageCost, StageRates, fit, training_tera
from webtext.tokens.shards import write_tokens

SHARDS = 16  # of a sample at most; partitions too
LEAST_LAUNCH = 0.2  # seconds
STEPS = 5  # of training that are measured, after the first
TOKEN_PARAMETERS = 1.5e11  # tokens of a step times parameters at most: a second or ten of one processor


class SampleBuild(ProgressDisplay):
    """A small build, run with the workers of the whole one: its manifests, and of each phase the tasks, read before the stage is tidied."""

    def __init__(self, config: Config, directory: Path, *, only: str | None = None, archive_bytes: float = 0.0, **sections: Any) -> None:
        super().__init__()
        self.workers = config.run.workers
        self.archive_bytes = archive_bytes
        self.tasks: dict[str, dict[str, list[tuple[int, float]]]] = {}
        self.busy: dict[str, float] = {}  # seconds by the clock that a stage's tasks took
        self.spilled: dict[str, int] = {}
        self.words = 0  # distinct words that the vocabulary is learned from
        small = {
            "build": {"shards": min(config.build.shards, SHARDS)},
            "links": {"max_broken": 1.0, "subreddits": [], **sections.get("links", {})},
            "fetch": sections.get("fetch", {}),
            "dedup": {"partitions": min(config.dedup.partitions, SHARDS)},
            "ngrams": {"partitions": min(config.ngrams.partitions, SHARDS)},
            "train": {"enabled": False},
        }
        config = config.model_copy(update={name: getattr(config, name).model_copy(update=keys) for name, keys in small.items()})
        done = run_build(config, directory, only=[only] if only else (), display=self)
        self.manifests = {each.stage.name: each.manifest for each in done if each.stage.name != "report"}

    @contextmanager
    def watch(self, stage: str, context: StageContext, phases: dict[str, int]) -> Iterator[StageProgress]:
        with super().watch(stage, context, phases) as progress:
            yield progress
        tasks: dict[str, list[tuple[int, float]]] = {}
        reports = [(report.task.rpartition("-")[0], report.measured) for report in collect(context, phases)]
        for phase, measured in reports:
            tasks.setdefault(phase, []).append((int(measured["seen"]), measured["cpu_seconds"]))
        self.tasks[stage] = tasks
        self.busy[stage] = sum(measured["seconds"] / min(self.workers, len(tasks[phase])) for phase, measured in reports)
        counts = context.scratch_path("all.words")
        if counts.exists():
            self.words = int.from_bytes(counts.read_bytes()[16:24], "little")  # in the header of tokenizer.counts_file
        left = (path for path in context.scratch_path("").iterdir() if path.is_file() and path.suffix not in (".done", ".log"))
        self.spilled[stage] = sum(path.stat().st_size for path in left)

    def volume(self, stage: str, phase: str) -> float:
        """The amount of work in a phase: bytes of the archives, or records."""
        return self.archive_bytes if phase == "index" else self.records(stage)

    def records(self, stage: str) -> float:
        """The records that a stage works on: those that enter it, or for overlap the documents of the corpus."""
        return float(self.manifests["dedup"].records["out"] if stage == "overlap" else self.manifests[stage].records["in"])


def finished(stage: str, manifest: Manifest) -> StageCost:
    """The cost of a stage that is done. What links passes on are URLs, though it counts posts."""
    records, kept = manifest.records, float(sum(file.bytes for file in manifest.shards))
    made = float(records["out"])
    if stage == "links":
        made = float(sum(file.records for file in manifest.shards if file.path.startswith("links/")))
    seconds, clock, peak = (manifest.measured[name] for name in ("cpu_seconds", "seconds", "peak_memory_bytes"))
    return StageCost(stage, float(records["in"]), seconds, clock, kept, done=True, made=made, peak=int(peak))


def with_samples(rates: Rates, small: SampleBuild, large: SampleBuild) -> Rates:
    """Rates with those of two sample builds in their place; links of a build that goes on to fetch are too few to measure."""
    stages, launches = dict(rates.stages), []
    for stage, manifest in large.manifests.items():
        launches += [max(build.manifests[stage].measured["seconds"] - build.busy[stage], LEAST_LAUNCH) for build in (small, large)]
        if stage == "links" and "fetch" in large.manifests:
            continue
        phases = {
            phase: fit((small.tasks[stage][phase], small.volume(stage, phase)), (tasks, large.volume(stage, phase)), large.workers)
            for phase, tasks in large.tasks[stage].items()
            if phase in small.tasks[stage]
        }
        done, records = finished(stage, manifest), max(large.records(stage), 1.0)
        kept, spilled = done.kept / records, large.spilled[stage] / records
        stages[stage] = StageRates(phases, done.made / max(done.records, 1.0), kept, spilled, done.peak)
    rates = replace(rates, machine=machine(), workers=large.workers, launch=median(launches), stages=stages)
    if "tokenize" not in large.manifests:
        return rates
    counters, documents = large.manifests["tokenize"].counters, max(large.records("tokenize"), 1.0)
    return replace(
        rates,
        documents=documents,
        tokens=counters["tokens"] / documents,
        ngrams=large.manifests["ngrams"].counters["distinct-n-grams"] / documents,
        words=large.words / documents,
    )


def machine() -> str:
    """This machine in a few words."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} processors, Python {platform.python_version()}"


def train_config(section: TrainSection, vocabulary: int, **changes: Any) -> Any:
    """The training run that a configuration asks for. Raises WebtextError where torch is missing."""
    try:
        from model.config import TrainConfig
    except ImportError as error:
        raise WebtextError(f"train: {error}; install it with `pip install 'webtext[train]'` or set train.enabled = false") from None
    known = {item.name for item in fields(TrainConfig)}  # the section has keys that are not of a single run
    return TrainConfig(vocab_size=vocabulary, **{**section.model_dump(include=known), **changes})


def training_rate(section: TrainSection, vocabulary: int, directory: Path) -> float:
    """Processor seconds of 10^12 operations, from some steps on random tokens, each of at most TOKEN_PARAMETERS."""
    config = train_config(section, vocabulary)
    context = config.model.context
    windows = max(min(config.windows, int(TOKEN_PARAMETERS / config.model.parameters / context)), 1)
    micro = min(config.micro_batch or windows, windows)
    changes = {"steps": STEPS + 2, "batch_tokens": windows // micro * micro * context, "micro_batch": config.micro_batch and micro}
    plan = train_config(section, vocabulary, **changes, warmup=0, eval_every=10**6, eval_tokens=context, checkpoint_every=10**6)
    tokens = np.random.default_rng(0).integers(0, vocabulary, 64 * context + 1).astype(np.uint32)
    directory.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        with open(directory / f"{split}-00000.bin", "wb") as file:
            write_tokens(file, iter([tokens]), len(tokens), vocabulary)
    from model.train import train

    times: list[float] = []
    train(plan, directory, directory / "model", progress=lambda _: times.append(time.process_time()))
    # The first steps are slower because memory is new to the process; the validation follows the last.
    return float(np.median(np.diff(times[: STEPS + 1]))) / training_tera(plan.model.parameters, plan.batch_tokens, 0)
