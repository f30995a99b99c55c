"""What time, memory and bytes cost: a table with its date, and the bill of an estimate."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from webtext.core.errors import UsageError
from webtext.cost.model import StageCost

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Price = Annotated[float, Field(ge=0)]
GB = 1e9
HOURS_A_MONTH = 730.0


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Machine(_Table):
    """A machine: `hour` is its price, `speed` one of its processors against the one measured on."""

    name: str
    cores: int = Field(ge=1)
    memory_gb: float = Field(gt=0)
    hour: Price
    speed: float = Field(1.0, gt=0)


class Engine(_Table):
    """What an engine charges by the hour and by the gigabyte, on top of no machine of its own."""

    core_hour: Price
    memory_gb_hour: Price
    disk_gb_hour: Price
    shuffle_gb: Price
    disk_gb: float = Field(ge=0)  # of each worker
    launch_seconds: float = Field(ge=0)  # until the workers of a job are there; each stage is a job


class Prices(_Table):
    """A price table."""

    currency: str
    date: date
    source: str
    storage_gb_month: Price
    ingress_gb: Price
    egress_gb: Price
    dataflow: Engine
    machines: list[Machine] = Field(min_length=1)


class Bill(_Table):
    """What a build costs on a machine. `fits` says whether a worker a core has the memory that it needs."""

    machine: str
    runs_on: str  # one machine, or Dataflow with so many of them
    cores: int
    hours: float
    memory_needed: float  # bytes a worker
    fits: bool
    money: float


def load_prices(path: Path | None = None) -> Prices:
    """The prices in a TOML file, or those that come with the program. Raises UsageError that names the file and what is wrong."""
    name = str(path) if path else "prices.toml"
    try:
        text = (
            path.read_text(encoding="utf-8")
            if path
            else (resources.files("webtext.cost") / "data" / "prices.toml").read_text(encoding="utf-8")
        )
        return Prices.model_validate(tomllib.loads(text))
    except OSError as error:
        raise UsageError(f"{name}: cannot be read ({error.strerror}); give a price table, as webtext/data/prices.toml is one") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: not valid TOML: {error}") from None
    except ValidationError as error:
        detail: Any = error.errors()[0]
        place = ".".join(str(part) for part in detail["loc"])
        raise UsageError(f"{name}: {place}: {detail['msg'][0].lower()}{detail['msg'][1:]}") from None


def machine_bill(prices: Prices, machine: Machine, costs: Sequence[StageCost], peak: float, disk: float, ingress: float) -> Bill:
    """One machine for all stages, the disk beside it at the price of storage. `costs` were estimated for its cores and speed."""
    hours = sum(cost.clock for cost in costs if not cost.done) / 3600
    money = hours * machine.hour + disk / GB * prices.storage_gb_month * hours / HOURS_A_MONTH + ingress / GB * prices.ingress_gb
    return Bill(
        machine=machine.name,
        runs_on="one machine",
        cores=machine.cores,
        hours=hours,
        memory_needed=peak,
        fits=peak * machine.cores <= machine.memory_gb * GB,
        money=money,
    )


def dataflow_bill(
    prices: Prices, machine: Machine, count: int, costs: Sequence[StageCost], peak: float, disk: float, shuffle: float, ingress: float
) -> Bill:
    """Dataflow with `count` such machines, a month of storage for what is kept. Training is not Dataflow's and not in it."""
    engine = prices.dataflow
    stages = [cost for cost in costs if not cost.done and cost.name not in ("train", "report")]
    hours = sum(cost.clock + engine.launch_seconds for cost in stages) / 3600
    worker = machine.cores * engine.core_hour + machine.memory_gb * engine.memory_gb_hour + engine.disk_gb * engine.disk_gb_hour
    money = (
        hours * count * worker + shuffle / GB * engine.shuffle_gb + disk / GB * prices.storage_gb_month + ingress / GB * prices.ingress_gb
    )
    return Bill(
        machine=machine.name,
        runs_on=f"Dataflow, {count} of them",
        cores=machine.cores * count,
        hours=hours,
        memory_needed=peak,
        fits=peak * machine.cores <= machine.memory_gb * GB,
        money=money,
    )
