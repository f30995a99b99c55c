"""A build: its stages in order, each skipped, resumed or run."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.run import run_stage, tidy
from pipelines.stage import Stage, StageStatus, check_stage
from pipelines.stages import CLEAN, DEDUP, DOCUMENTS, EXTRACT, FETCH, LINKS, NGRAMS, OVERLAP, TOKENIZE, TOKENIZER
from webtext.clean.own_rules import load_rules
from webtext.cli.build_directory import check_build_owner
from webtext.cli.evaluate import EVALUATE
from webtext.cli.local_stages import REPORT, TRAIN
from webtext.cli.progress import ProgressDisplay
from webtext.cli.reddit_sources import prepare_sources
from webtext.cli.remote_build import check_lock, lock_build
from webtext.core.config import Config
from webtext.core.errors import UsageError
from webtext.core.manifest import Manifest, manifest_of
from webtext.fetch.opt_out import OptOut
from webtext.fetch.previous_crawl import RETRY
from webtext.fetch.user_agent import user_agent
from webtext.links.host_patterns import parse_hosts
from webtext.links.host_rules import HostRules


def stages_of(config: Config) -> dict[str, Stage]:
    """The stages of a build in order, by name: from what it begins with, and without those that are not enabled.

    A stage reads the texts of the last one before it: `overlap` those of dedup, or of clean where dedup is not enabled.
    """
    alone = (
        (TRAIN, config.train.tokens, "train.tokens: a build trains on given shards or makes its own; leave out train.tokens"),
        (EVALUATE, config.evaluate.model, "evaluate.model: a build evaluates a given model or its own; leave out evaluate.model"),
    )
    for stage, given, refusal in alone:
        if given:
            if config.documents.files or config.links.dumps or config.links.subreddits or config.fetch.warcs:
                raise UsageError(f"{refusal} or what it begins with")
            return {stage.name: replace(stage, reads=())}
    stages = _first_stages(config)
    texts = stages[-1].name
    for stage, enabled in ((CLEAN, config.clean.enabled), (DEDUP, config.dedup.enabled)):
        if enabled:
            stages.append(replace(stage, reads=(texts,)))
            texts = stage.name
    for stage in (NGRAMS, OVERLAP, TOKENIZER, TOKENIZE):
        stages.append(replace(stage, reads=(texts, *stage.reads[1:])))
    if config.train.enabled:
        stages.append(TRAIN)
        if config.evaluate.enabled:
            stages.append(replace(EVALUATE, reads=(*EVALUATE.reads, texts)))
    stages.append(replace(REPORT, reads=tuple(stage.name for stage in stages)))
    return {stage.name: stage for stage in stages}


def _first_stages(config: Config) -> list[Stage]:
    """From what the build begins with to its documents."""
    if config.documents.files:
        if config.links.dumps or config.links.subreddits or config.fetch.warcs:
            raise UsageError("documents.files: a build begins with documents or with links and archives; leave out one of them")
        return [DOCUMENTS]
    if config.links.dumps or config.links.subreddits:
        return [LINKS, FETCH, EXTRACT]
    if config.fetch.warcs:
        return [replace(FETCH, reads=()), replace(EXTRACT, reads=("fetch",))]
    raise UsageError(
        "nothing to build from: set documents.files (texts of any kind), links.dumps or links.subreddits (Reddit submissions), "
        "fetch.warcs (archives) or train.tokens (token shards) in the configuration"
    )


def stages_for(config: Config, target: str) -> list[str]:
    """A stage and all that it needs, in the order of the build."""
    stages = stages_of(config)
    wanted = {target}
    for stage in reversed(stages.values()):
        if stage.name in wanted:
            wanted.update(stage.reads)
    return [name for name in stages if name in wanted]


@dataclass(frozen=True)
class Done:
    """A stage of a finished build: its manifest, and whether this run made it."""

    stage: Stage
    manifest: Manifest
    ran: bool


def up_to_date(config: Config, build: Path) -> bool:
    """Whether every stage of a build is done for this configuration. Reads manifests alone."""
    stages = stages_of(config)
    return all(stage.manifest(build) for stage in stages.values()) and all(
        check_stage(stage, build, config, stages).done for stage in stages.values()
    )


def _check_retry(retry: Sequence[str], config: Config) -> None:
    unknown = sorted(set(retry) - RETRY.keys())
    if unknown:
        raise UsageError(f"--retry {unknown[0]}: not a class of failures; choose among {', '.join(RETRY)}")
    if config.fetch.warcs:
        raise UsageError("--retry: pages come from fetch.warcs, which have no other answer to give; leave it out")


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# Inputs up to which a stage runs in the launching process, in bytes: the first worker of a build takes five seconds of a processor, and
# every stage half a second for each. Less for stages that take long over a byte.
SMALL_INPUTS = 16_000_000
SMALL_INPUTS_OF = {"extract": 2_000_000, "clean": 4_000_000, "tokenize": 4_000_000}


def workers_of(stage: Stage, status: StageStatus, build: Path, config: Config) -> int:
    """The number of processes that run a stage: `run.workers`, or where that is 0 one a core, and 1 where the inputs are small.

    One is the launching process itself. A crawl is never small: its time is the network's. What is written is the same for any number.
    """
    if config.run.workers:
        return config.run.workers
    if stage.name == "fetch" and not config.fetch.warcs:
        return cores()
    manifests = [manifest for name in stage.reads if (manifest := manifest_of(build, name))]
    size = sum(file.bytes for manifest in manifests for file in manifest.shards) + sum(source["bytes"] for source in status.sources)
    return 1 if size <= SMALL_INPUTS_OF.get(stage.name, SMALL_INPUTS) else cores()


def _refuse_left_over(stages: dict[str, Stage], directory: Path, build: Path | str) -> None:
    """Raise UsageError where a build holds texts of a stage that it no longer has: readers of the build would take them for the last."""
    for stage in (CLEAN, DEDUP):
        if stage.name not in stages and stage.manifest(directory) is not None:
            raise UsageError(
                f"{build}: holds {stage.directory}/ of an earlier run with `{stage.name}`, which is left out now; choose another --out, "
                f"or set {stage.name}.enabled = true"
            )


def run_build(
    config: Config,
    build: Path | str,
    arguments: Sequence[str] = (),
    *,
    only: Collection[str] = (),
    reuse: bool = False,
    allowed_names: Sequence[str] = (),
    retry: Sequence[str] = (),
    display: ProgressDisplay | None = None,
    on_stage_done: Callable[[Done], None] = lambda done: None,
) -> list[Done]:
    """Run all stages of a build, or `only` some whose inputs are finished; what is up to date is not run again.

    A `build` given as text may be a URL of Beam's. `allowed_names` may exist in the directory before its first build. `retry` names
    classes of failed links (webtext.fetch.previous_crawl.RETRY) that fetch tries again.
    """
    stages = stages_of(config)
    for name in only:
        if name not in stages:
            disabled = name in ("clean", "dedup", "train", "evaluate") and not getattr(config, name).enabled
            remedy = f"set {name}.enabled = true" if disabled else f"it has {', '.join(stages)}"
            raise UsageError(f"{name}: not a stage of this configuration; {remedy}")
    wanted = [name for name in stages if not only or name in only]
    if retry:
        _check_retry(retry, config)
    # Refused now and not hours later, when the links are read.
    HostRules(config.links.block_hosts, config.links.allow_hosts)
    OptOut(config.fetch.opt_out)
    parse_hosts(config.dedup.preferred_hosts, "dedup.preferred_hosts")
    if "fetch" in wanted and not config.fetch.warcs:
        user_agent(config.fetch)
    results = []
    with lock_build(build, arguments) as (directory, remote):
        check_build_owner(directory, config, reuse=reuse, allowed_names=allowed_names, remote=remote)
        _refuse_left_over(stages, directory, build)
        if remote is not None and config.links.subreddits:
            raise UsageError("links.subreddits: answers of Reddit are kept on a local disk; give a local --out, or links.dumps")
        config = prepare_sources(config, directory, arguments, display or ProgressDisplay(), ask="links" in wanted)
        for name in wanted:
            stages[name].sources(config)  # a path that leads to nothing is refused now and not when its stage begins, hours later
        if "clean" in wanted:
            load_rules(config.clean)
        for name in wanted:
            stage = stages[name]
            if remote is not None:
                check_lock(remote)
            status = check_stage(stage, directory, config, stages, remote)
            retry = retry if stage.name == "fetch" else ()
            manifest = stage.manifest(directory) if status.done and not retry else None
            if manifest is None:
                workers = workers_of(stage, status, directory, config)
                manifest = run_stage(stage, directory, config, status, workers, arguments, display or ProgressDisplay(), retry, remote)
                results.append(Done(stage, manifest, ran=True))
            else:
                tidy(stage, directory, remote)
                results.append(Done(stage, manifest, ran=False))
            on_stage_done(results[-1])
    return results
