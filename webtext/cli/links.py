"""`webtext links --report`: what each rule removed, and how near the domains that stay come to WebText's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from webtext.cli.build_directory import refuse_url
from webtext.core.config_file import DATA, DATA_DEFAULT
from webtext.core.errors import UsageError

DOMAINS = "gpt2/webtext_domains.txt"  # under WEBTEXT_DATA


def show_links(
    build: Path,
    *,
    report: Annotated[bool, typer.Option("--report", help="show what each rule removed, and how the domains that stay compare")] = False,
    domains: Annotated[
        Path | None,
        typer.Option(
            help="OpenAI's list of WebText's domains (domains.txt of github.com/openai/gpt-2) to compare with "
            f"[default: ${DATA}/{DOMAINS} where it is]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print the figures of a finished stage."""
    if domains is not None and not report:
        raise UsageError("--domains is for --report; give both")
    if report:
        refuse_url(build)
        _print(build, domains or _own_list())


def _own_list() -> Path | None:
    path = Path(os.environ.get(DATA, DATA_DEFAULT)) / DOMAINS
    return path if path.is_file() else None


def _print(build: Path, domains: Path | None) -> None:
    from webtext.cli.console import out
    from webtext.links.report import count, measure, read_domains

    figures = measure(count(build), read_domains(domains) if domains else {})
    table = Table("rule", "posts", "share", "domains", "share", "emptied by it alone", box=SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for rule in figures.rules:
        shares = f"{rule.posts_share:.2%}", f"{rule.domains:,}", f"{rule.domains_share:.2%}", f"{rule.domains_emptied:,}"
        table.add_row(rule.reason, f"{rule.posts:,}", *shares)
    out.print(table)
    out.print(f"{figures.posts:,} posts of {figures.domains:,} domains, of which {figures.links:,} links stay")
    if domains is None:
        out.print("No list of OpenAI's domains to compare with: give --domains FILE (domains.txt of github.com/openai/gpt-2).")
        return
    correlation = "too few to compare" if figures.rank_correlation is None else f"rank correlation {figures.rank_correlation:.3f}"
    out.print(f"OpenAI's list: {figures.listed_found:,} of its {figures.listed:,} domains stay; links here and there: {correlation}")
    out.print(f"the built-in host list takes {figures.listed_mass_blocked:.1%} of the list's links")
