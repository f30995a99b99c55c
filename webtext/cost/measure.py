"""What small real builds say of the cost of a stage: tasks by phase, bytes, memory."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from statistics import median
from struct import Struct
from typing import Any

import numpy as np

from pipelines.run import collect
from pipelines.stage import Stage
from webtext.cli.build import cores, run_build
from webtext.cli.progress import ProgressDisplay, StageProgress
from webtext.core.config import Config, TrainSection
from webtext.core.errors import WebtextError
from webtext.core.manifest import Manifest
from webtext.core.records import SPLITS
from webtext.core.task import WORK, Report, StageContext
from webtext.cost.lines import Point, Task, fit
from webtext.cost.model import Finished, Rates, StageRates, training_tera
from webtext.tokens.shards import write_tokens

SHARDS = 16  # of a sample at the most; partitions too
LEAST_LAUNCH = 0.2  # seconds
STEPS = 5  # of training that are measured, after the first
MERGED, WORDS_AT, WORDS = "all.words", 16, Struct("<Q")  # of the tokenizer stage: the number of words in tokenizer.counts_file's header
TOKEN_PARAMETERS = 1.5e11  # tokens of a step times parameters, at the most


class Gauge(ProgressDisplay):
    """Shows progress as ProgressDisplay does, and keeps what a stage's tasks reported and spilled before the stage is tidied."""

    def __init__(self) -> None:
        super().__init__()
        self.reports: dict[str, list[Report]] = {}
        self.spilled: dict[str, int] = {}
        self.words = 0  # distinct words that the vocabulary is learned from

    @contextmanager
    def watch(self, stage: str, context: StageContext, phases: dict[str, int]) -> Iterator[StageProgress]:
        with super().watch(stage, context, phases) as progress:
            yield progress
        self.reports[stage] = collect(context, phases)
        counts = context.scratch_path(MERGED)
        self.words = WORDS.unpack(counts.read_bytes()[WORDS_AT : WORDS_AT + WORDS.size])[0] if counts.exists() else self.words
        left = (path for path in (context.path / WORK).iterdir() if path.is_file() and path.suffix not in (".done", ".log"))
        self.spilled[stage] = sum(path.stat().st_size for path in left)


@dataclass
class Seen:
    """A sample build: its directory, manifests by stage, and the tasks behind them."""

    directory: Path
    workers: int
    archive_bytes: float = 0.0
    manifests: dict[str, Manifest] = field(default_factory=dict)
    reports: dict[str, list[Report]] = field(default_factory=dict)
    spilled: dict[str, int] = field(default_factory=dict)
    words: int = 0

    def points(self, stage: str) -> dict[str, Point]:
        """The phases of a stage; records are those of the stage, or of the corpus, or the bytes of the archives."""
        phases: dict[str, list[Task]] = {}
        for report in self.reports[stage]:
            phase = report.task.rpartition("-")[0]
            phases.setdefault(phase, []).append(Task(int(report.measured["seen"]), report.measured["cpu_seconds"]))
        records = entering(stage, self.manifests)
        return {phase: Point(tasks, self.archive_bytes if phase == "index" else records) for phase, tasks in phases.items()}

    def launch(self) -> list[float]:
        """For each stage the seconds by the clock beside its tasks."""
        found = []
        for stage, reports in self.reports.items():
            count: dict[str, int] = {}
            for report in reports:
                phase = report.task.rpartition("-")[0]
                count[phase] = count.get(phase, 0) + 1
            busy = sum(report.measured["seconds"] / min(self.workers, count[report.task.rpartition("-")[0]]) for report in reports)
            found.append(max(float(self.manifests[stage].measured["seconds"]) - busy, LEAST_LAUNCH))
        return found


def entering(stage: str, manifests: Mapping[str, Manifest]) -> float:
    """The records that a stage works on: those that enter it, or for overlap the documents of the corpus."""
    manifest = manifests["dedup" if stage == "overlap" else stage]
    return float(manifest.records["out" if stage == "overlap" else "in"])


def made(stage: str, manifest: Manifest) -> float:
    """The records that the next stage gets: of links the URLs, for its own count are posts."""
    if stage == "links":
        return float(sum(file.records for file in manifest.shards if "/rejected/" not in file.path))
    return float(manifest.records["out"])


def finished(stage: str, manifest: Manifest) -> Finished:
    """A stage that has been run, as its manifest tells."""
    measured = manifest.measured
    return Finished(
        records=float(manifest.records["in"]),
        made=made(stage, manifest),
        kept=float(sum(file.bytes for file in manifest.shards)),
        seconds=float(measured["cpu_seconds"]),
        clock=float(measured["seconds"]),
        peak=int(measured["peak_memory_bytes"]),
    )


def small_config(config: Config, **sections: Mapping[str, Any]) -> Config:
    """The configuration for a sample: few shards and partitions, no training, keys of sections replaced."""
    changes: dict[str, dict[str, Any]] = {
        "build": {"shards": min(config.build.shards, SHARDS)},
        "run": {"workers": config.run.workers or cores()},
        "links": {"max_broken": 1.0},
        "dedup": {"partitions": min(config.dedup.partitions, SHARDS)},
        "ngrams": {"partitions": min(config.ngrams.partitions, SHARDS)},
        "train": {"enabled": False},
    }
    for name, keys in sections.items():
        changes.setdefault(name, {}).update(keys)
    return config.model_copy(update={name: getattr(config, name).model_copy(update=keys) for name, keys in changes.items()})


def observe(config: Config, directory: Path, *, only: str | None = None, archive_bytes: float = 0.0) -> Seen:
    """Build a sample with as many workers as the build is to have, every stage's workers fresh, as they are in a build."""
    gauge = Gauge()
    seen = Seen(directory, config.run.workers, archive_bytes)
    for done in run_build(config, directory, only=only, display=gauge):
        seen.manifests[done.stage.name] = done.manifest
    seen.reports = {name: reports for name, reports in gauge.reports.items() if name != "report"}
    seen.spilled, seen.words = gauge.spilled, gauge.words
    return seen


def rates_of(small: Seen, large: Seen) -> dict[str, StageRates]:
    """The rates of every stage that both samples have."""
    rates = {}
    for stage in large.reports:
        points, others = large.points(stage), small.points(stage)
        lines = {phase: fit(others[phase], point, large.workers) for phase, point in points.items() if phase in others}
        manifest, records = large.manifests[stage], max(entering(stage, large.manifests), 1.0)
        facts = finished(stage, manifest)
        rates[stage] = StageRates(
            phases=lines,
            made=facts.made / max(facts.records, 1.0),
            kept=facts.kept / records,
            spilled=large.spilled.get(stage, 0) / records,
            peak=facts.peak,
        )
    return rates


def with_corpus(rates: Rates, seen: Seen) -> Rates:
    """What a document of the sample's corpus holds."""
    tokenize, ngrams = seen.manifests["tokenize"], seen.manifests["ngrams"]
    documents = max(float(tokenize.records["in"]), 1.0)
    return replace(
        rates,
        documents=documents,
        text_bytes=tokenize.counters["text-bytes"] / documents,
        tokens=tokenize.counters["tokens"] / documents,
        ngrams=ngrams.counters["distinct-n-grams"] / documents,
        words=seen.words / documents,
    )


def launch_of(*seen: Seen) -> float:
    """The median of the seconds that stages take beside their tasks."""
    return median(seconds for each in seen for seconds in each.launch())


def machine() -> str:
    """This machine in a few words."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} processors, Python {platform.python_version()}"


def training(section: TrainSection, vocabulary: int, tokens: float, val_tokens: float) -> tuple[float, int]:
    """10^12 operations of the training run, and its threads. Raises WebtextError where torch is missing."""
    config = _train_config(section, vocabulary)
    evaluations = section.steps // section.eval_every + (section.steps % section.eval_every > 0)
    evaluated = evaluations * min(section.eval_tokens or val_tokens, val_tokens)
    return training_tera(config.model.parameters, section.steps * section.batch_tokens, evaluated), section.threads or cores()


def _train_config(section: TrainSection, vocabulary: int, **changes: Any) -> Any:
    try:
        from model.config import TrainConfig
    except ImportError as error:
        raise WebtextError(f"train: {error}; install it with `pip install 'webtext[train]'` or set train.enabled = false") from None
    known = {
        item.name for item in fields(TrainConfig)
    }  # further keys of the section are not the run's own: enabled, and the search for a rate
    return TrainConfig(vocab_size=vocabulary, **{**section.model_dump(include=known), **changes})


def training_rate(section: TrainSection, vocabulary: int, directory: Path) -> float:
    """Processor seconds of 10^12 operations, from some steps on random tokens; a step is cut to what a second or ten can do."""
    config = _train_config(section, vocabulary)
    context = config.model.context
    windows = max(min(config.windows, int(TOKEN_PARAMETERS / config.model.parameters / context)), 1)
    micro = min(config.micro_batch or windows, windows)
    changes = {"steps": STEPS + 2, "batch_tokens": windows // micro * micro * context, "micro_batch": config.micro_batch and micro}
    plan = _train_config(section, vocabulary, **changes, warmup=0, eval_every=10**6, eval_tokens=context, checkpoint_every=10**6)
    generator = np.random.default_rng(0)
    directory.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        count = 64 * context + 1
        with open(directory / f"{split}-00000.bin", "wb") as file:
            write_tokens(file, iter([generator.integers(0, vocabulary, count).astype(np.uint32)]), count, vocabulary)
    from model.train import train

    times: list[float] = []
    train(plan, directory, directory / "model", progress=lambda _: times.append(time.process_time()))
    # The first steps are slower, for memory is new to the process, and the last has the validation behind it.
    step = float(np.median(np.diff(times[: STEPS + 1])))
    return step / training_tera(plan.model.parameters, plan.batch_tokens, 0)


def stages_done(stages: Mapping[str, Stage], fits: Callable[[Stage], bool], build: Path) -> dict[str, Finished]:
    """The stages of a build that are finished and fit, up to the first that is not."""
    done = {}
    for name, stage in stages.items():
        manifest = stage.manifest(build)
        if manifest is None or not fits(stage):
            break
        done[name] = finished(name, manifest)
    return done
