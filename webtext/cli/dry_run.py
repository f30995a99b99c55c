"""`webtext build --dry-run`: what a build would do. It writes nothing but job descriptions and sends no requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from pipelines.filesystem import is_url, without_listing
from pipelines.stage import Stage, check_stage
from webtext.cli.build import stages_of
from webtext.cli.reddit_sources import prepare_sources
from webtext.core.config import Config
from webtext.core.errors import UsageError
from webtext.core.files import write_bytes

PLACEHOLDER_KEY = "0" * 64  # the fingerprint depends on inputs that do not exist yet


@dataclass(frozen=True)
class Plan:
    """A stage of a build to be: whether it is done already, its tasks by phase, and the description of its job where one was written."""

    stage: Stage
    done: bool
    phases: dict[str, int]
    description: Path | None = None


def plan_build(config: Config, build: str, arguments: Sequence[str], descriptions: Path) -> list[Plan]:
    """The stages of a build in order. For Dataflow the whole description of each job is written to `descriptions`/STAGE.json.

    A build at a URL is not looked at, and a URL among the sources counts as one file. Raises what the build would.
    """
    remote = is_url(build)
    if config.links.subreddits and not remote:
        from webtext.cli.progress import ProgressDisplay

        config = prepare_sources(config, Path(build), arguments, ProgressDisplay(), ask=False)
        unasked = [
            path for path in config.links.dumps if not is_url(path) and not Path(path).exists() and Path(build) in Path(path).parents
        ]
        if unasked:
            raise UsageError("links.subreddits: Reddit has not been asked for its listings yet; run `webtext links` first")
    stages = stages_of(config)
    plans: list[Plan] = []
    with without_listing():
        for stage in stages.values():
            done = not remote and _done(stage, Path(build), config, stages, plans)
            description = None if done else _describe_job(stage, config, build, arguments, descriptions)
            plans.append(Plan(stage, done, stage.phases(config), description))
    return plans


def _done(stage: Stage, build: Path, config: Config, stages: dict[str, Stage], before: Sequence[Plan]) -> bool:
    ready = {plan.stage.name for plan in before if plan.done}
    return (
        all(name in ready for name in stage.reads) and stage.manifest(build) is not None and check_stage(stage, build, config, stages).done
    )


def _describe_job(stage: Stage, config: Config, build: str, arguments: Sequence[str], descriptions: Path) -> Path | None:
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipelines.remote_store import BeamStore
    from pipelines.runners import is_dataflow

    options = PipelineOptions(list(arguments))
    if not stage.graph or not is_dataflow(options):
        return None
    if not is_url(build):
        raise UsageError(f"{build}: Dataflow's workers do not see this disk; give --out gs://BUCKET/DIR")
    from pipelines.dataflow import describe

    remote = BeamStore(build.rstrip("/"), options.get_all_options(drop_default=True))
    context = stage.context(remote.root / "launcher", PLACEHOLDER_KEY, remote)
    graph = partial(import_module(stage.graph).graph, context=context, config=config)
    path = descriptions / f"{stage.name}.json"
    write_bytes(path, describe(graph, arguments, f"{stage.name}-{PLACEHOLDER_KEY[:8]}").to_json())
    return path


def show_plans(plans: Sequence[Plan]) -> None:
    """The plans as a table."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    described = any(plan.description for plan in plans)
    for column in ("stage", "", "tasks", *(["job description", "bytes"] if described else [])):
        table.add_column(column, justify="right" if column == "bytes" else "left", overflow="fold")
    for plan in plans:
        tasks = ", ".join(f"{phase} {count:,}" for phase, count in plan.phases.items())
        path = plan.description
        more = [str(path or "none: in this process"), f"{path.stat().st_size:,}" if path else ""] if described else []
        table.add_row(plan.stage.name, "[dim]up to date[/]" if plan.done else "to do", tasks, *more)
    Console(highlight=False).print(table)
