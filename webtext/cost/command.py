"""`webtext cost`: hours, memory, disk, network and money of a build before it runs."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from webtext.core.config_file import load_config, parse_setting
from webtext.core.errors import UsageError
from webtext.core.files import to_json, write_bytes
from webtext.cost.extrapolate import estimate
from webtext.cost.memory import needs
from webtext.cost.prices import Prices, bill, load_prices, load_rates

PATHS_BYTES = 200.0  # that Beam shuffles for a task and partition: only names of files


def cost(
    config: Annotated[Path, typer.Argument(help="configuration (TOML)")],
    out: Annotated[
        Path | None, typer.Option("--out", help="a build that was partly run: its finished stages are read from manifests")
    ] = None,
    like: Annotated[Path | None, typer.Option(help="another build, whose manifests say what records cost; nothing is sampled")] = None,
    posts: Annotated[int, typer.Option(help="lines of the dumps that are sampled", min=100)] = 40_000,
    pages: Annotated[int, typer.Option(help="pages of the archives that are sampled", min=20)] = 300,
    fetch: Annotated[int, typer.Option(help="links of the sample that are really fetched, politely; 0: none", min=0)] = 0,
    sample: Annotated[bool, typer.Option(help="measure a sample here; without it, rates come from --rates or the program")] = True,
    rates: Annotated[Path | None, typer.Option(help="rates that --save-rates wrote, instead of those that come with the program")] = None,
    save_rates: Annotated[Path | None, typer.Option(help="write what was measured, for --rates")] = None,
    prices: Annotated[Path | None, typer.Option(help="price table (TOML) instead of webtext/cost/data/prices.toml")] = None,
    machines: Annotated[int, typer.Option(help="machines of Dataflow", min=1)] = 16,
    settings: Annotated[list[str] | None, typer.Option("--set", help="replaces section.key=value, repeatable", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say what a build will take before it runs: time, memory, disk, network and money, on one machine and on Dataflow.

    Small builds of a sample of the sources are run in a temporary directory and measured. All assumptions are printed.
    """
    from webtext.cli.build import cores
    from webtext.cost.plan import Plan  # imported here because it imports Beam

    table, given = load_prices(prices), load_rates(rates)
    if fetch and not sample:
        raise UsageError("--fetch needs a sample: leave out --no-sample")
    chosen = load_config(config, dict(parse_setting(setting) for setting in settings or ()))
    chosen = chosen.model_copy(update={"run": chosen.run.model_copy(update={"workers": chosen.run.workers or cores()})})
    sizes = (posts, pages, fetch) if sample and like is None else None
    with tempfile.TemporaryDirectory(prefix="webtext-cost-") as scratch:
        plan = Plan(chosen, given, sizes, out, like, Path(scratch))
    if save_rates is not None:
        write_bytes(save_rates, to_json(asdict(plan.rates)))
    found = summary(plan, table, machines)
    if as_json:
        typer.echo(to_json(found), nl=False)
    else:
        show(found, Console(highlight=False))


def summary(plan: Any, prices: Prices, machines: int) -> dict[str, Any]:
    """All that `webtext cost` says, as its JSON; `stages` are for this machine, with the workers of the configuration."""
    rates, work, config = plan.rates, plan.work, plan.config
    stages = estimate(rates, work, config.run.workers)
    left = [stage for stage in stages if not stage.done]
    memory = needs(rates, work, config)
    tasks = sum(count for phases in work.phases.values() for count in phases.values())
    sizes = {
        "peak": max((memory[stage.name].bytes for stage in left if stage.name in memory), default=0.0),  # NB: without training
        "disk": sum(stage.kept for stage in stages) + max((stage.spilled for stage in stages), default=0.0),
        "ingress": plan.wire * next((stage.records for stage in stages if stage.name == "fetch"), 0.0),
        "shuffle": PATHS_BYTES * tasks * config.dedup.partitions,
    }
    bills = [
        bill(prices, machine, estimate(rates, work, machine.cores * max(count, 1), machine.speed), machines=count, **sizes)
        for count in (0, machines)
        for machine in prices.machines
    ]
    return {
        "stages": [asdict(stage) for stage in stages],
        **{
            name: {"cpu_seconds": sum(stage.seconds for stage in part), "seconds": sum(stage.clock for stage in part)}
            for name, part in (("left", left), ("total", stages))
        },
        "memory_bytes": {name: need._asdict() for name, need in memory.items()},
        "disk_bytes": sizes["disk"],
        "network_bytes": sizes["ingress"],
        "shuffle_bytes": sizes["shuffle"],
        "machines": bills,
        "currency": prices.currency,
        "prices": {"date": str(prices.date), "source": prices.source},
        "measured_on": rates.machine,
        "assumptions": plan.notes,
    }


def show(found: dict[str, Any], console: Console) -> None:
    """The summary as tables and a list of the assumptions."""
    memory = found["memory_bytes"]
    stages = _table("stage", "records", "CPU", "clock", "GB kept", "spilled", "a worker", "source")
    for stage in found["stages"]:
        amounts = [f"{stage['records']:,.0f}", _time(stage["seconds"]), _time(stage["clock"]), _gb(stage["kept"]), _gb(stage["spilled"])]
        stages.add_row(
            stage["name"], *amounts, _gb(memory[stage["name"]]["bytes"]) if stage["name"] in memory else "", escape(stage["source"])
        )
    for name in ("total", "left"):
        stages.add_row(name, "", _time(found[name]["cpu_seconds"]), _time(found[name]["seconds"]))
    console.print(stages)
    if memory:
        name = max(memory, key=lambda stage: memory[stage]["bytes"])
        console.print(f"memory: at most {_gb(memory[name]['bytes'])} GB a worker, in {name} ({memory[name]['why']})")
    disk, network, shuffle = (_gb(found[f"{name}_bytes"]) for name in ("disk", "network", "shuffle"))
    console.print(f"disk: {disk} GB; network: {network} GB in; through Beam's shuffle: {shuffle} GB")
    bills = _table("machine", "runs on", "cores", "clock", found["currency"], "memory")
    for each in found["machines"]:
        enough = "enough" if each["fits"] else "[red]too little for a worker a core[/]"
        clock = _time(each["hours"] * 3600)
        bills.add_row(each["machine"], each["runs_on"], f"{each['cores']:,}", clock, f"{each['money']:,.2f}", enough)
    console.print(bills)
    console.print("assumptions:")
    prices = found["prices"]
    for line in (f"processor time of {found['measured_on']}", f"prices of {prices['date']}: {prices['source']}", *found["assumptions"]):
        console.print(f"  - {line}", markup=False, soft_wrap=True)


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column in ("stage", "machine", "runs on", "memory", "source") else "right")
    return table


def _time(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds < 600 else f"{seconds / 3600:,.1f} h"


def _gb(size: float) -> str:
    return f"{size / 1e9:,.3f}" if size < 1e10 else f"{size / 1e9:,.0f}"
