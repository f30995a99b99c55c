"""What time, memory and bytes cost: a table with its date, and the bill of an estimate. Also loads rates, which are checked alike."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat, PositiveInt, TypeAdapter, ValidationError

from webtext.core.errors import UsageError
from webtext.cost.extrapolate import Rates, StageCost

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GB = 1e9
HOURS_A_MONTH = 730.0
T = TypeVar("T")


class Machine(BaseModel, extra="forbid", frozen=True):
    """A machine: `hour` is its price, `speed` one of its processors against the one measured on."""

    name: str
    cores: PositiveInt
    memory_gb: PositiveFloat
    hour: NonNegativeFloat
    speed: PositiveFloat = 1.0


class Engine(BaseModel, extra="forbid", frozen=True):
    """What Dataflow charges by the hour and by the gigabyte, machines included."""

    core_hour: NonNegativeFloat
    memory_gb_hour: NonNegativeFloat
    disk_gb_hour: NonNegativeFloat
    shuffle_gb: NonNegativeFloat
    disk_gb: NonNegativeFloat  # of each worker
    launch_seconds: NonNegativeFloat  # until the workers of a job are there; each stage is a job


class Prices(BaseModel, extra="forbid", frozen=True):
    """A price table."""

    currency: str
    date: date
    source: str
    storage_gb_month: NonNegativeFloat
    ingress_gb: NonNegativeFloat
    egress_gb: NonNegativeFloat
    dataflow: Engine
    machines: list[Machine] = Field(min_length=1)


def load_prices(path: Path | None = None) -> Prices:
    """The prices in a TOML file, or those that come with the program. Raises UsageError that names the file and what is wrong."""
    return _load(path, "prices.toml", "a price table", lambda text: Prices.model_validate(tomllib.loads(text)))


def load_rates(path: Path | None = None) -> Rates:
    """The rates that `webtext cost --save-rates` wrote, or those that come with the program. Raises UsageError as load_prices does."""
    return _load(path, "rates.json", "rates that `webtext cost --save-rates` wrote", TypeAdapter(Rates).validate_json)


def _load(path: Path | None, name: str, what: str, parse: Callable[[str], T]) -> T:
    try:
        return parse((path or resources.files("webtext.cost") / "data" / name).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path or name}: cannot be read ({error.strerror}); give {what}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path or name}: not valid TOML: {error}") from None
    except ValidationError as error:
        detail: Any = error.errors()[0]
        place = ".".join(str(part) for part in detail["loc"])
        raise UsageError(f"{path or name}: not {what}: {place}: {detail['msg'][0].lower()}{detail['msg'][1:]}") from None


def bill(
    prices: Prices,
    machine: Machine,
    stages: Sequence[StageCost],
    *,
    peak: float,
    disk: float,
    shuffle: float,
    ingress: float,
    machines: int,
) -> dict[str, Any]:
    """What the stages that are not done cost on one machine (`machines` 0) or so many of Dataflow, for which `stages` were estimated.

    `peak`, `disk`, `shuffle` and `ingress` are bytes. Beside one machine the disk is paid while it runs; with Dataflow storage is paid
    for a month, and training is not in the bill: Dataflow does not run it. `fits`: whether a worker a core has the memory that it needs.
    """
    engine = prices.dataflow
    left = [stage for stage in stages if not stage.done and not (machines and stage.name == "train")]
    hours = sum(stage.clock + (engine.launch_seconds if machines else 0) for stage in left) / 3600
    worker = machine.cores * engine.core_hour + machine.memory_gb * engine.memory_gb_hour + engine.disk_gb * engine.disk_gb_hour
    hourly, months = (machines * worker, 1.0) if machines else (machine.hour, hours / HOURS_A_MONTH)
    shuffled = shuffle / GB * engine.shuffle_gb if machines else 0.0
    return {
        "machine": machine.name,
        "runs_on": f"Dataflow, {machines} of them" if machines else "one machine",
        "cores": machine.cores * max(machines, 1),
        "hours": hours,
        "memory_needed": peak,
        "fits": peak * machine.cores <= machine.memory_gb * GB,
        "money": hours * hourly + shuffled + disk / GB * prices.storage_gb_month * months + ingress / GB * prices.ingress_gb,
    }
