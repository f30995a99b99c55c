"""Rates and volumes to an estimate. Nothing here reads a file or a clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from webtext.cost.lines import Line

BY_CORPUS = ("overlap",)  # stages whose work grows with the corpus and not with the records that they count
HEAPS = 0.6  # distinct words grow with this power of the text (Heaps' law; 0.4 to 0.7 in English)
ONE_MORE = {"tokenize": "write"}  # a phase whose number of tasks follows from what the stage finds


@dataclass(frozen=True)
class StageRates:
    """What a stage costs a record that enters it. `made` are the records that the next stage gets; `kept` and `spilled` are bytes
    written, the latter only for the next phase; `peak` is the memory of a worker in the sample."""

    phases: Mapping[str, Line]
    made: float = 1.0
    kept: float = 0.0
    spilled: float = 0.0
    peak: int = 0
    source: str = "sample"

    def scaled(self, factor: float, source: str) -> StageRates:
        return replace(self, phases={name: line.scaled(factor) for name, line in self.phases.items()}, source=source)


@dataclass(frozen=True)
class Rates:
    """What was measured, where, by how many workers. `launch` are the seconds by the clock that a stage takes beside its tasks."""

    machine: str
    workers: int
    launch: float
    stages: Mapping[str, StageRates]
    train: float = 0.0  # processor seconds of 10^12 floating-point operations of training
    documents: float = 0.0  # of the sample's corpus
    text_bytes: float = 0.0  # of a document of the corpus
    tokens: float = 0.0  # of a document of the corpus
    ngrams: float = 0.0  # distinct n-grams of a document of the corpus
    words: float = 0.0  # distinct words of a document of the corpus: fewer, the larger the corpus

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rates:
        """Raises TypeError, KeyError or AttributeError for what `to_json` has not written."""
        stages = {
            name: StageRates(**{**stage, "phases": {phase: Line(**line) for phase, line in stage["phases"].items()}})
            for name, stage in value["stages"].items()
        }
        return cls(**{**value, "stages": stages})


@dataclass(frozen=True)
class Finished:
    """A stage that has been run already: what its manifest says."""

    records: float
    made: float
    kept: float
    seconds: float
    clock: float
    peak: int


@dataclass(frozen=True)
class Work:
    """What there is to do: the stages in order with the tasks of each phase, and the records that enter the first.

    `finished` are stages that are done. `fetch_clock` are the seconds that the sites' pace alone makes a crawl last.
    """

    phases: Mapping[str, Mapping[str, int]]
    records: float
    archive_bytes: float = 0.0
    archive_pages: float | None = None  # None: pages come from the network
    finished: Mapping[str, Finished] = field(default_factory=dict)
    host_pace: float = 0.0
    crawl_pace: float = 0.0
    shard_tokens: int = 0
    train_tera: float = 0.0  # 10^12 floating-point operations of training
    train_threads: int = 1


@dataclass(frozen=True)
class StageCost:
    """The cost of a stage. Seconds are of one processor like the one measured on, bytes are decimal."""

    name: str
    records: float
    seconds: float
    clock: float
    kept: float
    spilled: float
    source: str
    done: bool = False


def volumes(rates: Rates, work: Work) -> dict[str, float]:
    """The records that enter each stage, each following from the one before.

    Pages that come from archives are at most those that are in them.
    """
    entering: dict[str, float] = {}
    records, corpus = work.records, 0.0
    for name in work.phases:
        stage = rates.stages.get(name)
        if name in ("ngrams", *BY_CORPUS, "tokenizer", "tokenize"):
            entering[name] = corpus
            continue
        entering[name] = work.finished[name].records if name in work.finished else records
        records = work.finished[name].made if name in work.finished else entering[name] * (stage.made if stage else 1.0)
        if name == "fetch" and work.archive_pages is not None and name not in work.finished:
            records = min(records, work.archive_pages)
        if name == "dedup":
            corpus = records
    return entering


def estimate(rates: Rates, work: Work, workers: int, speed: float = 1.0) -> list[StageCost]:
    """What each stage costs with so many workers, a processor each of `speed` times the one measured on."""
    entering = volumes(rates, work)
    costs = []
    for name, phases in work.phases.items():
        records = entering[name]
        if name in work.finished:
            done = work.finished[name]
            costs.append(StageCost(name, done.records, done.seconds, done.clock, done.kept, 0.0, "manifest", done=True))
        elif name == "train":
            seconds = rates.train * work.train_tera / speed
            costs.append(StageCost(name, 1, seconds, rates.launch + seconds / min(workers, work.train_threads), 0.0, 0.0, "training steps"))
        else:
            stage = rates.stages[name]
            tasks = _tasks(name, phases, rates, work, records)
            seconds, clock = _phases(rates, name, tasks, records, work, workers)
            crawls = name == "fetch" and work.archive_pages is None
            pace = max(work.host_pace, work.crawl_pace / min(workers, phases["fetch"])) if crawls else 0.0
            clock = rates.launch + max(clock / speed, pace)
            costs.append(StageCost(name, records, seconds / speed, clock, stage.kept * records, stage.spilled * records, stage.source))
    return costs


def _tasks(name: str, phases: Mapping[str, int], rates: Rates, work: Work, records: float) -> dict[str, int]:
    tasks = dict(phases)
    if name in ONE_MORE and work.shard_tokens:
        tasks[ONE_MORE[name]] = 3 + int(rates.tokens * records / work.shard_tokens)  # a file a split at the least
    return tasks


def by_words(rates: Rates, documents: float) -> float:
    """Documents that would have as many distinct words if these grew with the text, as they do within the sample.

    >>> by_words(Rates("", 1, 0.0, {}, documents=100), 100 * 2**10)
    6400.0
    """
    if not rates.documents or documents <= rates.documents:
        return documents
    return float(rates.documents * (documents / rates.documents) ** HEAPS)


def _phases(rates: Rates, name: str, tasks: Mapping[str, int], records: float, work: Work, workers: int) -> tuple[float, float]:
    """Processor and clock seconds of the phases of a stage, one after another."""
    seconds = clock = 0.0
    for phase, count in tasks.items():
        line = rates.stages[name].phases.get(phase, Line())
        volume = work.archive_bytes if phase == "index" else by_words(rates, records) if phase == "train" else records
        seconds += line.seconds(count, volume, workers)
        clock += line.clock(count, volume, workers)
    return seconds, clock


def calibrated(rates: Rates, like: Work, workers: int) -> Rates:
    """Rates made to fit another build, `like`, whose stages are finished: what each costs and makes is as its manifest says, and the
    share of it that does not grow with the records is as in `rates`."""
    entering = volumes(rates, like)
    stages = dict(rates.stages)
    for name, done in like.finished.items():
        if name in stages and done.records:
            stage, records = stages[name], entering[name]
            expected, _ = _phases(rates, name, _tasks(name, like.phases[name], rates, like, records), records, like, workers)
            scaled = stage.scaled(done.seconds / expected if expected else 1.0, "manifest")
            stages[name] = replace(scaled, made=done.made / done.records, kept=done.kept / max(records, 1), peak=done.peak)
    return replace(rates, stages=stages)


def training_tera(parameters: float, tokens: float, evaluated: float) -> float:
    """10^12 floating-point operations of a training run: 6 a parameter and token, 2 for a token that is only evaluated
    (Kaplan et al. 2020, 2.1)."""
    return parameters * (6 * tokens + 2 * evaluated) / 1e12
