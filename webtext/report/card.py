"""The card of a build: README.md, by which `datasets.load_dataset` finds its tables and with which it can be pushed to a hub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import orjson

from webtext.core.directories import DIRECTORIES
from webtext.core.manifest import Manifest

LICENCE = "The texts remain their authors': no licence comes with them, so find out whether you may before you publish them."


def card(manifests: dict[str, Manifest], summary: Mapping[str, Any]) -> str:
    """The card as Markdown with a header in YAML. `summary` is of webtext.report.summary. The same for every run of a build."""
    # The last table comes first: it is what the others were made into.
    tables = [stage for stage in reversed(manifests) if _has_table(stage, manifests[stage])]
    header = [line for stage in tables for line in _config(DIRECTORIES[stage], default=stage == tables[0])]
    corpus, tokens = summary["corpus"], summary["tokens"]
    figures = [
        f"{corpus['documents']:,} documents",
        f"{corpus['bytes']:,} bytes of text",
        *([f"{tokens['tokens']:,} tokens"] if tokens else []),
    ]
    rules = {stage: manifests[stage].configuration[stage] for stage in reversed(tables) if stage in manifests[stage].configuration}
    return "\n".join(
        [
            *(["---", "configs:", *header, "---"] if header else []),
            "<!-- `webtext report` writes this file; what is changed by hand goes with the next report. -->",
            "",
            "# A corpus made by webtext",
            "",
            f"{', '.join(figures)}. {LICENCE}",
            "",
            *_splits(corpus["splits"], manifests.get("tokenize")),
            "| stage | records | in | kept | rejected | why |",
            "|---|---|--:|--:|--:|---|",
            *map(_stage, summary["stages"]),
            "",
            "The rules, as configured:",
            "",
            "```json",
            orjson.dumps(rules, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode(),
            "```",
            "",
        ]
    )


def _has_table(stage: str, manifest: Manifest) -> bool:
    paths = [PurePosixPath(file.path) for file in manifest.shards]
    return any(path.suffix == ".parquet" and str(path.parent) == DIRECTORIES[stage] for path in paths)


def _config(directory: str, *, default: bool) -> list[str]:
    lines = [f"- config_name: {directory}", f"  data_files: {directory}/*.parquet"]
    return [*lines, "  default: true"] if default else lines


def _splits(splits: list[tuple[str, int]], tokenize: Manifest | None) -> list[str]:
    """Documents and tokens by the column `split`; all splits of a table lie in the same files."""
    counters = tokenize.counters if tokenize else {}
    rows = [f"| `{name}` | {count:,} | {counters.get(f'tokens-{name}', 0):,} |" for name, count in splits]
    return ["| column `split` | documents | tokens |", "|---|--:|--:|", *rows, ""] if rows else []


def _stage(row: Mapping[str, Any]) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in row["reasons"])
    return f"| {row['stage']} | {row['unit']} | {row['in']:,} | {row['out']:,} | {row['rejected']:,} | {reasons} |"
