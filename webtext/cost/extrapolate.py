"""Extrapolates a sample to the whole: rates and volumes become an estimate. Nothing here reads a file or a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

LEAST_GROWTH = 1.2  # samples closer in size than this differ by noise: no cost of a record follows from them
HEAPS = 0.6  # distinct words grow with this power of the text (Heaps' law; 0.4 to 0.7 in English)
BY_CORPUS = ("ngrams", "overlap", "tokenizer", "tokenize")  # stages that all read the corpus

Tasks = Sequence[tuple[int, float]]  # of a phase in a sample build: the records that each task saw, and its processor seconds


@dataclass(frozen=True)
class LinearCost:
    """Processor seconds of a phase: `start` for each worker that has a task, `task` for each task, `record` for each record."""

    start: float = 0.0
    task: float = 0.0
    record: float = 0.0

    def seconds(self, tasks: int, records: float, workers: int) -> float:
        """Processor seconds in all.

        >>> LinearCost(1.0, 0.1, 0.001).seconds(tasks=10, records=1000, workers=2)
        4.0
        """
        return self.start * min(workers, tasks) + self.task * tasks + self.record * records

    def clock(self, tasks: int, records: float, workers: int) -> float:
        """Seconds by the clock where the tasks are equally large and every worker has a processor of its own."""
        if not tasks:
            return 0.0
        rounds = -(-tasks // min(workers, tasks))
        return self.start + rounds * (self.task + self.record * records / tasks)


def fit(small: tuple[Tasks, float], large: tuple[Tasks, float], workers: int) -> LinearCost:
    """The cost of a phase from its tasks in two samples, each with its records in the unit in which the whole will be counted.

    The slope between the samples is the cost of a record. What remains of the larger sample, which is reproduced exactly, is divided
    into tasks and starts: the median task shows what a task costs, because only the first task of each worker includes its start.

    >>> round(fit(([(10, 1.2), (10, 0.2)], 20), ([(40, 1.5), (40, 0.5)], 80), 1).record, 6)
    0.01
    """
    tasks, records = large
    if not tasks:
        return LinearCost()
    total, less = sum(seconds for _, seconds in tasks), sum(seconds for _, seconds in small[0])
    grown = records >= LEAST_GROWTH * max(small[1], 1)
    record = min(max((total - less) / (records - small[1]), 0.0), total / records) if grown else 0.0
    seen = sum(count for count, _ in tasks)
    without = [seconds - record * records * (count / seen if seen else 1 / len(tasks)) for count, seconds in tasks]
    fixed = max(total - record * records, 0.0)
    task = min(max(median(without), 0.0), fixed / len(tasks))
    # NB: rounding can leave slightly less than nothing for the starts.
    return LinearCost(max(fixed - task * len(tasks), 0.0) / min(workers, len(tasks)), task, record)


@dataclass(frozen=True)
class StageRates:
    """What a stage costs for each record that enters it. `made` are the records that the next stage gets; `kept` and `spilled` are bytes
    written, the latter only for the next phase; `peak` is the memory of a worker in the sample, in bytes."""

    phases: Mapping[str, LinearCost]
    made: float = 1.0
    kept: float = 0.0
    spilled: float = 0.0
    peak: int = 0
    source: str = "sample"


@dataclass(frozen=True)
class Rates:
    """What was measured, where, by how many workers. `launch` are the seconds by the clock that a stage takes beside its tasks."""

    machine: str
    workers: int
    launch: float
    stages: Mapping[str, StageRates]
    train: float = 0.0  # processor seconds of 10^12 floating-point operations of training
    documents: float = 0.0  # of the sample's corpus; what follows is for each of them
    tokens: float = 0.0
    ngrams: float = 0.0  # distinct ones
    words: float = 0.0  # distinct ones: fewer, the larger the corpus


@dataclass(frozen=True)
class StageCost:
    """The cost of a stage, estimated or (`done`) from its manifest. Seconds are of a processor like the one measured on."""

    name: str
    records: float
    seconds: float
    clock: float
    kept: float = 0.0
    spilled: float = 0.0
    source: str = "manifest"
    done: bool = False
    made: float = 0.0
    peak: int = 0


@dataclass(frozen=True)
class Work:
    """The stages in order with the tasks of each phase, the records that enter the first, and the stages that are done.

    `host_pace` and `crawl_pace` are the seconds that the largest host, and all hosts with one worker, make a crawl last.
    """

    phases: Mapping[str, Mapping[str, int]]
    records: float
    archive_bytes: float = 0.0
    archive_pages: float | None = None  # None: pages come from the network
    finished: Mapping[str, StageCost] = field(default_factory=dict)
    host_pace: float = 0.0
    crawl_pace: float = 0.0
    shard_tokens: int = 0
    train_tera: float = 0.0  # 10^12 floating-point operations of training
    train_threads: int = 1


def volumes(rates: Rates, work: Work) -> dict[str, float]:
    """The records that enter each stage, each following from the one before; pages of archives are at most those that are in them."""
    entering: dict[str, float] = {}
    records = work.records
    for name in work.phases:
        done = work.finished.get(name)
        entering[name] = done.records if done and name not in BY_CORPUS else records
        if name in BY_CORPUS:
            continue
        made = rates.stages[name].made if name in rates.stages else 1.0
        records = done.made if done else entering[name] * made
        if name == "fetch" and work.archive_pages is not None and not done:
            records = min(records, work.archive_pages)
    return entering


def estimate(rates: Rates, work: Work, workers: int, speed: float = 1.0) -> list[StageCost]:
    """What each stage costs with so many workers, a processor each of `speed` times the one measured on."""
    costs = []
    for name, records in volumes(rates, work).items():
        if name in work.finished:
            costs.append(work.finished[name])
        elif name == "train":
            seconds = rates.train * work.train_tera / speed
            clock = rates.launch + seconds / min(workers, work.train_threads)
            costs.append(StageCost(name, 1, seconds, clock, source="training steps"))
        else:
            stage = rates.stages[name]
            seconds, clock = stage_seconds(rates, name, records, work, workers)
            pace = 0.0
            if name == "fetch" and work.crawl_pace:
                pace = max(work.host_pace, work.crawl_pace / min(workers, work.phases[name]["fetch"]))
            clock = rates.launch + max(clock / speed, pace)
            costs.append(StageCost(name, records, seconds / speed, clock, stage.kept * records, stage.spilled * records, stage.source))
    return costs


def by_words(rates: Rates, documents: float) -> float:
    """Documents that would have as many distinct words if these grew with the text, as they do within the sample.

    >>> round(by_words(Rates("", 1, 0.0, {}, documents=100), 100 * 2**10))
    6400
    """
    known = rates.documents
    return float(known * (documents / known) ** HEAPS) if 0 < known < documents else documents


def stage_seconds(rates: Rates, name: str, records: float, work: Work, workers: int) -> tuple[float, float]:
    """Processor and clock seconds of the phases of a stage, one after another."""
    tasks = dict(work.phases[name])
    if name == "tokenize" and work.shard_tokens:
        tasks["write"] = 3 + int(rates.tokens * records / work.shard_tokens)  # the stage itself counts them; at least a file a split
    seconds = clock = 0.0
    for phase, count in tasks.items():
        cost = rates.stages[name].phases.get(phase, LinearCost())
        volume = work.archive_bytes if phase == "index" else by_words(rates, records) if phase == "train" else records
        seconds += cost.seconds(count, volume, workers)
        clock += cost.clock(count, volume, workers)
    return seconds, clock


def calibrated(rates: Rates, like: Work, workers: int) -> Rates:
    """Rates that give what the finished stages of another build took; the share that does not grow with records stays as in `rates`."""
    stages = dict(rates.stages)
    for name, records in volumes(rates, like).items():
        if name in stages and name in like.finished and like.finished[name].records:
            done, stage = like.finished[name], stages[name]
            ratio = done.seconds / (stage_seconds(rates, name, records, like, workers)[0] or done.seconds)
            phases = {phase: LinearCost(cost.start * ratio, cost.task * ratio, cost.record * ratio) for phase, cost in stage.phases.items()}
            made, kept = done.made / done.records, done.kept / max(records, 1)
            stages[name] = replace(stage, phases=phases, made=made, kept=kept, peak=done.peak, source="manifest")
    return replace(rates, stages=stages)


def training_tera(parameters: float, tokens: float, evaluated: float) -> float:
    """10^12 floating-point operations of training: 6 a parameter and token, 2 for a token only evaluated (Kaplan et al. 2020, 2.1)."""
    return parameters * (6 * tokens + 2 * evaluated) / 1e12
