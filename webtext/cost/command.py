"""`webtext cost`: hours, memory, disk, network and money of a build before it runs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from webtext.core.config_file import parse_setting
from webtext.core.errors import UsageError
from webtext.core.files import to_json, write_bytes
from webtext.cost.assumed import load_rates
from webtext.cost.memory import Need, largest, needs
from webtext.cost.model import Rates, StageCost, estimate
from webtext.cost.prices import Bill, Machine, Prices, dataflow_bill, load_prices, machine_bill

PATHS_BYTES = 200.0  # that Beam shuffles for a task and partition: names of files alone


@dataclass(frozen=True)
class Estimate:
    """All that `webtext cost` says. `stages` are for this machine, with the workers of the configuration."""

    stages: list[StageCost]
    memory: dict[str, Need]
    disk: float
    network: float
    shuffle: float
    bills: list[Bill]
    prices: Prices
    rates: Rates
    assumptions: list[str]

    @property
    def left(self) -> list[StageCost]:
        return [stage for stage in self.stages if not stage.done]

    def to_json(self) -> dict[str, Any]:
        left = self.left
        return {
            "stages": [asdict(stage) for stage in self.stages],
            "left": {"cpu_seconds": sum(stage.seconds for stage in left), "seconds": sum(stage.clock for stage in left)},
            "total": {"cpu_seconds": sum(stage.seconds for stage in self.stages), "seconds": sum(stage.clock for stage in self.stages)},
            "memory_bytes": {name: asdict(need) for name, need in self.memory.items()},
            "disk_bytes": self.disk,
            "network_bytes": self.network,
            "shuffle_bytes": self.shuffle,
            "machines": [bill.model_dump() for bill in self.bills],
            "currency": self.prices.currency,
            "prices": {"date": str(self.prices.date), "source": self.prices.source},
            "measured_on": self.rates.machine,
            "assumptions": self.assumptions,
        }


def cost(
    config: Annotated[Path, typer.Argument(help="configuration (TOML)")],
    out: Annotated[
        Path | None, typer.Option("--out", help="a build that was partly run: what it has finished is told from its manifests")
    ] = None,
    like: Annotated[Path | None, typer.Option(help="another build, whose manifests say what records cost; nothing is sampled")] = None,
    posts: Annotated[int, typer.Option(help="lines of the dumps that are sampled", min=100)] = 40_000,
    pages: Annotated[int, typer.Option(help="pages of the archives that are sampled", min=20)] = 300,
    fetch: Annotated[int, typer.Option(help="links of the sample that are really fetched, politely; 0: none", min=0)] = 0,
    sample: Annotated[bool, typer.Option(help="measure a sample here; without, rates are those that come with the program")] = True,
    rates: Annotated[Path | None, typer.Option(help="rates that --save-rates wrote, instead of those that come with the program")] = None,
    save_rates: Annotated[Path | None, typer.Option(help="write what was measured, for --rates")] = None,
    prices: Annotated[Path | None, typer.Option(help="price table (TOML) instead of webtext/data/prices.toml")] = None,
    machines: Annotated[int, typer.Option(help="machines of Dataflow", min=1)] = 16,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="section.key=value over the file's, repeatable", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say what a build will take before it runs: time, memory, disk, network and money, on one machine and on Dataflow.

    Small builds of a sample of the sources are run in a temporary directory and measured. All that is assumed is printed.
    """
    table, given = load_prices(prices), load_rates(rates)
    found = predict(
        config, table, given, out=out, like=like, sample=sample, sizes=(posts, pages, fetch), machines=machines, settings=settings or ()
    )
    if save_rates is not None:
        write_bytes(save_rates, to_json(found.rates.to_json()))
    if as_json:
        typer.echo(to_json(found.to_json()), nl=False)
    else:
        show(found, Console(highlight=False))


def predict(
    config: Path,
    prices: Prices,
    rates: Rates,
    *,
    out: Path | None = None,
    like: Path | None = None,
    sample: bool = True,
    sizes: tuple[int, int, int] = (40_000, 300, 0),
    machines: int = 16,
    settings: Sequence[str] = (),
) -> Estimate:
    """Sample, and reckon. Raises WebtextError for what cannot be sampled, UsageError for what cannot be built."""
    # Imported here, as all of Beam comes with it.
    from webtext.cost.plan import Samples, make_plan, rates_from_file, read_config

    if sizes[2] and not sample:
        raise UsageError("--fetch needs a sample: leave out --no-sample")
    chosen = read_config(config, [parse_setting(setting) for setting in settings])
    samples = Samples(*sizes) if sample and like is None else None
    with tempfile.TemporaryDirectory(prefix="webtext-cost-") as scratch:
        plan = make_plan(chosen, rates_from_file(rates), samples, out, like, Path(scratch))
    here = estimate(plan.rates, plan.work, chosen.run.workers)
    memory = needs(plan.rates, plan.work, plan.sizes)
    disk = sum(stage.kept for stage in here) + max((stage.spilled for stage in here), default=0.0)
    network = plan.wire * next((stage.records for stage in here if stage.name == "fetch"), 0.0)
    shuffle = PATHS_BYTES * sum(count * chosen.dedup.partitions for phases in plan.work.phases.values() for count in phases.values())
    open_ = [name for name in memory if name not in plan.work.finished]  # NB: of training nothing is known
    peak = largest({name: memory[name] for name in open_})[1].bytes if open_ else 0.0
    bills = [machine_bill(prices, machine, _on(machine, 1, plan), peak, disk, network) for machine in prices.machines]
    bills += [
        dataflow_bill(prices, machine, machines, _on(machine, machines, plan), peak, disk, shuffle, network) for machine in prices.machines
    ]
    return Estimate(here, memory, disk, network, shuffle, bills, prices, plan.rates, plan.assumptions)


def _on(machine: Machine, count: int, plan: Any) -> list[StageCost]:
    return estimate(plan.rates, plan.work, machine.cores * count, machine.speed)


def show(found: Estimate, console: Console) -> None:
    """The estimate as tables and a list of what it rests on."""
    stages = _table("stage", "records", "CPU", "clock", "GB kept", "spilled", "a worker", "measured by")
    for stage in [*found.stages, _sum("all", found.stages), *([_sum("left", found.left)] if len(found.left) < len(found.stages) else [])]:
        need = found.memory.get(stage.name)
        stages.add_row(
            stage.name,
            f"{stage.records:,.0f}" if stage.records else "",
            _time(stage.seconds),
            _time(stage.clock),
            _gb(stage.kept),
            _gb(stage.spilled),
            _gb(need.bytes) if need else "",
            escape(stage.source),
        )
    console.print(stages)
    if found.memory:
        name, need = largest(found.memory)
        console.print(f"memory: {_gb(need.bytes)} GB a worker at the most, in {name} ({need.why})")
    console.print(f"disk: {_gb(found.disk)} GB; network: {_gb(found.network)} GB in; through Beam's shuffle: {_gb(found.shuffle)} GB")
    bills = _table("machine", "runs on", "cores", "clock", found.prices.currency, "memory")
    for bill in found.bills:
        enough = (
            "enough"
            if bill.fits
            else f"[red]too little for {bill.cores} workers[/]"
            if bill.runs_on == "one machine"
            else "[red]too little[/]"
        )
        bills.add_row(bill.machine, bill.runs_on, f"{bill.cores:,}", _time(bill.hours * 3600), f"{bill.money:,.2f}", enough)
    console.print(bills)
    console.print("rests on:")
    for line in [
        f"processor time of {found.rates.machine}",
        f"prices of {found.prices.date}: {found.prices.source}",
        *found.assumptions,
    ]:
        console.print(f"  - {line}", markup=False, soft_wrap=True)


def _sum(name: str, stages: Sequence[StageCost]) -> StageCost:
    empty = StageCost(name, 0, 0, 0, 0, 0, "")
    return replace(empty, **{key: sum(getattr(stage, key) for stage in stages) for key in ("seconds", "clock", "kept", "spilled")})


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column in ("stage", "machine", "runs on", "memory", "measured by") else "right")
    return table


def _time(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds < 600 else f"{seconds / 3600:,.1f} h"


def _gb(size: float) -> str:
    return f"{size / 1e9:,.3f}" if size < 1e10 else f"{size / 1e9:,.0f}"
