"""Rates, volumes, memory and money: the arithmetic of `webtext cost`."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webtext.core.config import Config
from webtext.core.errors import UsageError
from webtext.cost.extrapolate import (
    LinearCost,
    Rates,
    StageCost,
    StageRates,
    Tasks,
    Work,
    calibrated,
    estimate,
    fit,
    training_tera,
    volumes,
)
from webtext.cost.memory import bits_a_key, needs
from webtext.cost.prices import bill, load_prices, load_rates

PHASES = {
    "links": {"parse": 2, "group": 4},
    "fetch": {"fetch": 4},
    "extract": {"extract": 4},
    "dedup": {"sign": 4, "rank": 1},
    "ngrams": {"hash": 4, "filter": 2},
    "overlap": {"measure": 1},
    "tokenizer": {"count": 4, "train": 1},
    "tokenize": {"encode": 4, "layout": 1},
}


def some_rates() -> Rates:
    made = {"links": 0.5, "fetch": 0.8, "extract": 0.9, "dedup": 0.95}
    stages = {
        name: StageRates(
            {phase: LinearCost(1.0, 0.1, 0.01) for phase in phases}, made=made.get(name, 1.0), kept=100.0, spilled=10.0, peak=200_000_000
        )
        for name, phases in PHASES.items()
    }
    return Rates("a machine", 2, 3.0, stages, documents=300, tokens=1000, ngrams=800, words=50)


def sampled(line: LinearCost, tasks: list[int], workers: int) -> tuple[Tasks, float]:
    """Tasks as a line makes them, the first of each worker with its start."""
    started = [line.start if index < workers else 0.0 for index in range(len(tasks))]
    return [(seen, start + line.task + line.record * seen) for seen, start in zip(tasks, started)], sum(tasks)


@given(st.floats(0, 5), st.floats(0, 1), st.floats(1e-6, 0.1), st.lists(st.integers(50, 500), min_size=5, max_size=30), st.integers(1, 2))
def test_fit_finds_the_line(start: float, task: float, record: float, seen: list[int], workers: int) -> None:
    line = LinearCost(start, task, record)
    found = fit(sampled(line, [count // 5 for count in seen], workers), sampled(line, seen, workers), workers)
    assert found.start == pytest.approx(start, rel=1e-6, abs=1e-6)
    assert found.task == pytest.approx(task, rel=1e-6, abs=1e-6)
    assert found.record == pytest.approx(record, rel=1e-6)


@given(st.lists(st.tuples(st.integers(0, 99), st.floats(0, 9)), min_size=1, max_size=9), st.lists(st.floats(0, 9), min_size=1, max_size=9))
def test_fit_gives_back_the_larger_sample(large: list[tuple[int, float]], small: list[float]) -> None:
    """Whatever the noise, nothing is negative and the line goes through what was measured."""
    line = fit(([(1, seconds) for seconds in small], 25), (large, 100), 2)
    assert min(line.start, line.task, line.record) >= 0
    assert line.seconds(len(large), 100, 2) == pytest.approx(sum(seconds for _, seconds in large), abs=1e-9)


def test_samples_of_one_size_say_nothing_of_records() -> None:
    same = ([(10, 1.0)], 100.0)
    assert fit(same, same, 2) == LinearCost(start=0.0, task=1.0, record=0.0)


def test_clock_is_that_of_the_busiest_worker() -> None:
    line = LinearCost(start=1.0, task=2.0, record=0.1)
    assert line.clock(tasks=3, records=30, workers=2) == pytest.approx(1 + 2 * (2 + 1))
    assert line.clock(tasks=1, records=30, workers=8) == pytest.approx(1 + 2 + 3)
    assert line.clock(tasks=0, records=0, workers=8) == 0


def test_volumes_follow_from_stage_to_stage() -> None:
    entering = volumes(some_rates(), Work(PHASES, 1000))
    assert entering["fetch"] == 500
    assert entering["extract"] == 400
    assert entering["dedup"] == pytest.approx(360)
    assert entering["ngrams"] == entering["overlap"] == entering["tokenizer"] == entering["tokenize"] == pytest.approx(342)


def test_archives_bound_the_pages() -> None:
    assert volumes(some_rates(), Work(PHASES, 1000, archive_pages=100))["extract"] == 100


def test_seconds_are_starts_tasks_and_records() -> None:
    costs = {cost.name: cost for cost in estimate(some_rates(), Work(PHASES, 1000), workers=2)}
    links = costs["links"]
    assert links.seconds == pytest.approx((2 + 0.2 + 10) + (2 + 0.4 + 10))
    assert links.clock == pytest.approx(3 + (1 + 0.1 + 5) + (1 + 2 * (0.1 + 2.5)))
    assert links.kept == 100_000
    assert links.spilled == 10_000
    faster = {cost.name: cost for cost in estimate(some_rates(), Work(PHASES, 1000), workers=2, speed=2.0)}
    assert faster["links"].seconds == pytest.approx(links.seconds / 2)


def test_a_crawl_waits_for_its_largest_host() -> None:
    def fetch(**pace: float) -> float:
        return next(cost.clock for cost in estimate(some_rates(), Work(PHASES, 1000, **pace), workers=2) if cost.name == "fetch")

    assert fetch(host_pace=5000.0, crawl_pace=10.0) == 3 + 5000
    assert fetch(host_pace=50.0, crawl_pace=8000.0) == 3 + 4000
    assert fetch() < 3 + 50


def test_finished_stages_are_told_as_they_were() -> None:
    done = {"links": StageCost("links", records=900, made=100, kept=7.0, seconds=42.0, clock=50.0, peak=1, done=True)}
    costs = {cost.name: cost for cost in estimate(some_rates(), Work(PHASES, 1000, finished=done), workers=2)}
    assert costs["links"].done
    assert costs["links"].seconds == 42
    assert costs["links"].kept == 7
    assert costs["fetch"].records == 100
    assert not costs["fetch"].done


def test_another_build_calibrates_its_stages() -> None:
    rates = some_rates()
    like = Work(
        PHASES, 1000, finished={"links": StageCost("links", 1000, made=300, kept=5000.0, seconds=49.2, clock=9, peak=123, done=True)}
    )
    found = calibrated(rates, like, workers=2)
    assert found.stages["links"].phases["parse"].record == pytest.approx(0.02)
    assert found.stages["links"].made == 0.3
    assert found.stages["links"].kept == 5
    assert found.stages["links"].source == "manifest"
    assert found.stages["fetch"] == rates.stages["fetch"]
    again = estimate(found, Work(PHASES, 1000), workers=2)[0]
    assert again.seconds == pytest.approx(49.2)


def test_training_counts_forward_and_backward() -> None:
    assert training_tera(124e6, 10e9, 0) == pytest.approx(7.44e6)
    assert training_tera(1e6, 0, 3e6) == pytest.approx(6.0)
    work = Work({**PHASES, "train": {"train": 1}}, 1000, train_tera=10.0, train_threads=2)
    train = estimate(replace(some_rates(), train=4.0), work, workers=8)[-1]
    assert train.seconds == 40
    assert train.clock == 3 + 20


def config(shards: int, dedup_partitions: int, ngram_partitions: int) -> Config:
    return Config.model_validate(
        {"build": {"shards": shards}, "dedup": {"partitions": dedup_partitions}, "ngrams": {"partitions": ngram_partitions}}
    )


def test_memory_follows_partitions() -> None:
    def need(stage: str, shards: int = 64, dedup_partitions: int = 16, ngram_partitions: int = 4) -> float:
        return needs(some_rates(), Work(PHASES, 45_000_000), config(shards, dedup_partitions, ngram_partitions))[stage].bytes

    assert need("ngrams", ngram_partitions=16) < need("ngrams", ngram_partitions=4)
    assert need("dedup", dedup_partitions=64) < need("dedup", dedup_partitions=16)
    assert need("links", shards=16) > need("links", shards=256)
    assert need("dedup", shards=100_000) > need("dedup", shards=256) * 2  # the merge of ranks holds some of every part


def test_a_filter_takes_what_it_is_known_to() -> None:
    assert bits_a_key(1e-8) == pytest.approx(38.34, abs=0.01)
    rates, work = some_rates(), Work(PHASES, 1e9)
    documents = volumes(rates, work)["ngrams"]
    need = needs(rates, work, config(10_000, 512, 64))["ngrams"]
    assert need.bytes == pytest.approx(documents * 800 / 64 * 38.34 / 8, rel=0.05)
    assert need.why == "bytes of a filter, buffers"


def test_memory_of_a_large_build_is_decided_by_the_filters() -> None:
    found = needs(some_rates(), Work(PHASES, 1e9), config(10_000, 512, 1))
    assert max(found, key=lambda stage: found[stage].bytes) == "ngrams"


def test_memory_is_at_least_that_of_the_sample() -> None:
    need = needs(some_rates(), Work(PHASES, 100), config(64, 16, 4))["overlap"]
    assert need == (200_000_000, "as in the sample")


def test_bills_add_up() -> None:
    prices = load_prices()
    machine = prices.machines[0].model_copy(update={"cores": 4, "memory_gb": 16.0, "hour": 2.0})
    costs = estimate(some_rates(), Work(PHASES, 1000), workers=4)
    hours = sum(cost.clock for cost in costs) / 3600
    sizes = {"peak": 3e9, "disk": 0.0, "ingress": 0.0, "shuffle": 1e9}
    one = bill(prices, machine, costs, machines=0, **sizes)
    assert one["money"] == pytest.approx(hours * 2)
    assert one["fits"]
    assert not bill(prices, machine, costs, machines=0, **{**sizes, "peak": 5e9})["fits"]
    engine = prices.dataflow
    flow = bill(prices, machine, costs, machines=3, **sizes)
    launched = hours + len(costs) * engine.launch_seconds / 3600
    worker = 4 * engine.core_hour + 16 * engine.memory_gb_hour + engine.disk_gb * engine.disk_gb_hour
    assert flow["money"] == pytest.approx(launched * 3 * worker + engine.shuffle_gb)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("currency = 3 x", "not valid TOML"),
        ('currency = "EUR"', "date: field required"),
        ("speed = 1", "currency: field required"),
    ],
)
def test_a_wrong_price_table_is_named(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=told) as caught:
        load_prices(path)
    assert str(path) in str(caught.value)


def test_an_absent_price_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_prices(tmp_path / "none.toml")


def test_rates_go_through_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rates.json"
    path.write_bytes(orjson.dumps(asdict(some_rates())))
    assert load_rates(path) == some_rates()
    path.write_bytes(b'{"machine": 1}')
    with pytest.raises(UsageError, match="not rates"):
        load_rates(path)


def test_the_rates_that_come_along_know_every_stage() -> None:
    rates = load_rates()
    assert set(PHASES) <= set(rates.stages)
    assert rates.tokens > 100
    assert rates.ngrams > 100
    assert rates.words > 1
    assert rates.documents > 100
