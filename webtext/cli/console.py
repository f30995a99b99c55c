"""What the command line prints: the end of each stage, and the table at the end of a build."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from webtext.cli.build import Done
from webtext.report.summary import reasons

REASONS = 3  # named for each stage

out = Console(highlight=False, soft_wrap=True)


def print_stage_line(done: Done) -> None:
    """A line for a stage that has ended."""
    records = done.manifest.records
    if not done.ran:
        out.print(f"[dim]{done.stage.name:<10} up to date ({records['out']:,} of {records['in']:,} {records['unit']})[/]")
        return
    seconds = done.manifest.measured["seconds"]
    out.print(f"[bold]{done.stage.name:<10}[/] {records['in']:,} {records['unit']} in, {records['out']:,} kept, {seconds:,.1f} s")


def print_summary(results: list[Done]) -> None:
    """A table: for each stage the records that came in, were kept and were rejected, and the most frequent reasons."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for column in ("stage", "in", "kept", "rejected", "why", "s"):
        table.add_column(column, justify="left" if column in ("stage", "why") else "right", overflow="fold")
    for done in results:
        records = done.manifest.records
        found = reasons(done.manifest)
        named = [f"{name} {count:,}" for name, count in found[:REASONS]]
        more = sum(count for _, count in found[REASONS:])
        table.add_row(
            done.stage.name,
            f"{records['in']:,} {records['unit']}",
            f"{records['out']:,}",
            f"{records['rejected']:,}",
            escape(", ".join(named + ([f"others {more:,}"] if more else []))),
            f"{done.manifest.measured['seconds']:,.1f}",
        )
    Console(highlight=False).print(table)


def print_results(build: Path, following: str) -> None:
    """The paths of the results, and a command to try next."""
    for name, text in (
        ("report.html", "the report"),
        ("corpus", "the documents"),
        ("overlap/overlap.html", "overlap with benchmarks"),
        ("tokens", "token shards"),
    ):
        if (build / name).exists():
            out.print(f"  {text:<24} {build / name}")
    out.print(f"next: [bold]{escape(following)}[/]")
