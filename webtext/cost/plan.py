"""From a configuration to rates and work: what is sampled, what is taken from manifests, what is assumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.filesystem import OpenAnywhere, identity, is_url, source_files
from pipelines.stage import Stage, check_stage
from webtext.cli.build import cores, stages_of
from webtext.cli.build_directory import open_build
from webtext.core.config import Config
from webtext.core.config_file import load_config
from webtext.core.config_file import source_files as local_files
from webtext.core.errors import UsageError, WebtextError
from webtext.core.tables import read_table
from webtext.cost.assumed import ANSWER_SECONDS, CRAWL, LARGEST_HOST, POSTS_OF_LISTING, WIRE_BYTES
from webtext.cost.measure import (
    Seen,
    launch_of,
    machine,
    observe,
    rates_of,
    small_config,
    stages_done,
    training,
    training_rate,
    with_corpus,
)
from webtext.cost.memory import Sizes
from webtext.cost.model import Finished, Rates, Work, calibrated, volumes
from webtext.cost.sample import sample_archives, sample_dumps, write_links


@dataclass(frozen=True)
class Samples:
    """How much is sampled: lines of dumps, pages of archives, links that are really fetched (0: none)."""

    posts: int = 40_000
    pages: int = 300
    fetch: int = 0


@dataclass
class Plan:
    """What an estimate is made of. `wire` are bytes that are downloaded for a link."""

    config: Config
    rates: Rates
    work: Work
    assumptions: list[str]
    wire: float = 0.0

    @property
    def sizes(self) -> Sizes:
        config = self.config
        held = config.fetch.hosts_at_once * 200_000.0 if not config.fetch.warcs else 0.0
        return Sizes(
            config.build.shards,
            config.dedup.partitions,
            config.ngrams.partitions,
            config.ngrams.error_rate,
            config.tokenize.shard_tokens,
            held,
        )


@dataclass
class _Gathered:
    """What is known so far, and what of it is assumed."""

    rates: Rates
    posts: float = 0.0
    hosts: Counter[str] = field(default_factory=Counter)
    answer_seconds: float = ANSWER_SECONDS
    archive_bytes: float = 0.0
    archive_pages: float | None = None
    notes: list[str] = field(default_factory=list)


def make_plan(config: Config, rates: Rates, samples: Samples | None, out: Path | None, like: Path | None, scratch: Path) -> Plan:
    """Sample what the configuration names (None: nothing), use what `out` has finished, and state what remains assumed."""
    stages = stages_of(config)
    done = _done(config, stages, out)
    known = _Gathered(rates)
    if like is not None:
        known.rates = _rates_like(rates, like)
        known.notes.append(f"costs of a record are those of the finished stages of {like}; what does not grow with records is assumed")
    _links(known, config, samples, done, out, scratch)
    _pages(known, config, samples, done, out, scratch)
    network = not config.fetch.warcs
    work = Work(
        phases={name: stage.phases(config) for name, stage in stages.items() if name != "report"},
        records=known.posts if "links" in stages else known.archive_pages or 0.0,
        archive_bytes=known.archive_bytes,
        archive_pages=None if network else known.archive_pages,
        finished=done,
        shard_tokens=config.tokenize.shard_tokens,
    )
    entering = volumes(known.rates, work)
    if network and "fetch" not in done:
        work = _paced(known, config, work, entering["fetch"])
    if config.train.enabled and "train" not in done:
        work = _trained(known, config, samples, work, entering, scratch)
    assumptions = _assumptions(known, config, done, entering)
    return Plan(config, known.rates, work, assumptions, WIRE_BYTES if network and "fetch" not in done else 0.0)


def _done(config: Config, stages: dict[str, Stage], out: Path | None) -> dict[str, Finished]:
    if out is None:
        return {}
    build = open_build(out)
    return stages_done(stages, lambda stage: check_stage(stage, build, config, stages).done, build)


def _rates_like(rates: Rates, like: Path) -> Rates:
    """Rates that give what the finished stages of another build took."""
    stages = stages_of(Config.model_validate({"links": {"dumps": ["-"]}, "train": {"enabled": True}}))
    done = stages_done(
        {name: stage for name, stage in stages.items() if (open_build(like) / stage.directory).exists()}, lambda _: True, like
    )
    if not done:
        raise UsageError(f"--like {like}: no stage of it is finished")
    phases = {name: _tasks_of(stages[name], like, rates.stages[name].phases) for name in done if name in rates.stages}
    work = Work(phases, next(iter(done.values())).records, finished=done)
    return calibrated(rates, work, rates.workers)


def _tasks_of(stage: Stage, build: Path, phases: Iterable[str]) -> dict[str, int]:
    """How many tasks each phase of a finished stage had, as far as its manifest tells: its sources, one, its partitions, or its shards."""
    manifest = stage.manifest(build)
    configuration = manifest.configuration if manifest else {}
    shards = int(configuration["build"]["shards"])
    partitions = int(configuration.get(stage.name, {}).get("partitions", shards))
    known = {"rank": 1, "settle": 1, "train": 1, "layout": 1, "report": 1, "join": partitions, "verify": partitions, "filter": partitions}
    known |= dict.fromkeys(("parse", "index", "measure"), len(manifest.sources) if manifest else 0)
    return {phase: known.get(phase, shards) for phase in phases}


def _links(known: _Gathered, config: Config, samples: Samples | None, done: dict[str, Finished], out: Path | None, scratch: Path) -> None:
    """How many posts there are, what they cost, and how their links are spread over hosts."""
    if "links" in done and out is not None:
        known.posts = done["links"].records
        known.hosts = _hosts(out / "links")
        return
    if config.links.subreddits:
        known.posts = POSTS_OF_LISTING * len(config.links.subreddits)
        known.notes.append(f"{POSTS_OF_LISTING:,.0f} posts a listing of the live API")
    if not config.links.dumps:
        return
    paths = source_files(config.links.dumps, "links.dumps")
    sizes = [int(identity(path)["bytes"]) if is_url(path) else Path(path).stat().st_size for path in paths]
    wanted = samples.posts if samples else 1_000
    opener = OpenAnywhere({})
    found = sample_dumps(paths, sizes, wanted, opener, scratch / "dumps")
    known.posts += found.posts
    if not found.whole:
        known.notes.append(
            f"{found.posts:,.0f} posts: as many a byte as in the first {wanted:,} lines of {len(found.large)} of {len(paths)} dumps"
        )
    if samples is None:
        return
    seen = [
        observe(small_config(config, links={"dumps": [str(path) for path in files], "subreddits": []}), scratch / name, only="links")
        for name, files in (("links-small", found.small), ("links-large", found.large))
    ]
    known.rates = replace(known.rates, launch=launch_of(*seen), stages={**known.rates.stages, **rates_of(*seen)})
    known.hosts = _hosts(scratch / "links-large" / "links")


def _pages(known: _Gathered, config: Config, samples: Samples | None, done: dict[str, Finished], out: Path | None, scratch: Path) -> None:
    """What pages cost on their way from an archive, or from the network where some are to be fetched, to tokens."""
    if config.fetch.warcs:
        paths = [str(path) for path in local_files(config.fetch.warcs, "fetch.warcs")]
    elif "fetch" in done and out is not None:
        paths = [str(path) for path in sorted((out / "pages").glob("*.warc.gz"))]
    else:
        if samples is not None and samples.fetch:
            known.rates = _after(known, *_fetched(known, config, samples, out if "links" in done else None, scratch))
        else:
            known.rates = replace(known.rates, stages={**known.rates.stages, "fetch": CRAWL})
        return
    known.archive_bytes = float(sum(Path(path).stat().st_size for path in paths))
    found = sample_archives(paths, samples.pages if samples else 1, scratch / "archives")
    known.archive_pages = found.pages
    if not found.whole:
        known.notes.append(f"{found.pages:,.0f} pages in the archives: as many a byte as in the beginnings of those looked into")
    if samples is None:
        return
    seen = []
    for name, path in (("pages-small", found.small), ("pages-large", found.large)):
        sample = small_config(config, links={"dumps": [], "subreddits": []}, fetch={"warcs": [str(path)]})
        seen.append(observe(sample, scratch / name, archive_bytes=path.stat().st_size))
    known.rates = _after(known, *seen)


def _fetched(known: _Gathered, config: Config, samples: Samples, out: Path | None, scratch: Path) -> list[Seen]:
    """Build from some links of the sample, fetched politely. Each link is asked for once: the small sample has others than the large."""
    links = (out or scratch / "links-large") / "links"
    quarter = max(samples.fetch // 4, 1)
    seen = []
    for name, first, count in (("pages-small", 0, quarter), ("pages-large", quarter, samples.fetch)):
        dump = scratch / f"{name}.ndjson"
        if not write_links(links, dump, first, count):
            raise WebtextError("cost: too few links in the sample to fetch some; leave out --fetch, or raise --posts")
        seen.append(observe(small_config(config, links={"dumps": [str(dump)], "subreddits": []}), scratch / name))
    rows = [row for shard in sorted((scratch / "pages-large" / "pages" / "ledger").glob("*.parquet")) for row in read_table(shard)]
    known.answer_seconds = sum(row["seconds"] or 0.0 for row in rows) / max(len(rows), 1)
    known.notes.append(f"the web answers as it did for {len(rows):,} links, in {known.answer_seconds:.2f} s each")
    return seen


def _after(known: _Gathered, small: Seen, large: Seen) -> Rates:
    """Rates with those of two samples of pages in their place."""
    found = {name: stage for name, stage in rates_of(small, large).items() if name != "links"}
    rates = replace(
        known.rates, machine=machine(), workers=large.workers, launch=launch_of(small, large), stages={**known.rates.stages, **found}
    )
    return with_corpus(rates, large)


def _hosts(links: Path) -> Counter[str]:
    """How many links of a build each host has."""
    return Counter(
        urlsplit(row["url"]).hostname or "" for shard in sorted(links.glob("shard-*.parquet")) for row in read_table(shard, ["url"])
    )


def _paced(known: _Gathered, config: Config, work: Work, links: float) -> Work:
    """Work with what the sites' pace makes of a crawl."""
    section = config.fetch
    share = max(known.hosts.values()) / sum(known.hosts.values()) if known.hosts else LARGEST_HOST
    each = section.per_host_delay + known.answer_seconds
    name = max(known.hosts, key=lambda host: (known.hosts[host], host), default="the largest host")
    known.notes.append(f"{name} has {share:.2%} of the links; at {each:.1f} s a link it alone takes {share * links * each / 3600:,.1f} h")
    return replace(work, host_pace=share * links * each, crawl_pace=links * known.answer_seconds / section.hosts_at_once)


def _trained(known: _Gathered, config: Config, samples: Samples | None, work: Work, entering: dict[str, float], scratch: Path) -> Work:
    tokens = known.rates.tokens * entering["tokenize"]
    tera, threads = training(config.train, config.tokenizer.vocabulary, tokens, tokens * config.dedup.val_share)
    if config.train.tune_lr:
        known.notes.append("the search for a learning rate is not in it: each rate tried costs train.tune_steps more")
    if samples is not None:
        rate = training_rate(config.train, config.tokenizer.vocabulary, scratch / "training")
        known.rates = replace(known.rates, train=rate)
    return replace(work, train_tera=tera, train_threads=threads)


def _assumptions(known: _Gathered, config: Config, done: dict[str, Finished], entering: dict[str, float]) -> list[str]:
    """Every assumption, those that weigh most first."""
    told = list(known.notes)
    assumed = sorted(
        name for name, stage in known.rates.stages.items() if stage.source == "assumed" and name in entering and name not in done
    )
    if assumed:
        told.append(f"nothing was measured for {', '.join(assumed)}: figures of {known.rates.machine}, which come with the program")
    if "fetch" in assumed and not config.fetch.warcs:
        told.append(
            f"{CRAWL.made:.0%} of the links answer with a page, after {ANSWER_SECONDS:g} s and {WIRE_BYTES / 1e3:g} kB; --fetch N asks some"
        )
    if config.fetch.warcs and "links" in entering and "fetch" not in done:
        told.append("every link has its page in the archives, as long as there are so many")
    told += [
        "pages and documents further on are as those of the sample; duplicates are as many among all as in it",
        "tasks are equally large and a worker has a processor of its own; what a clock waits for on disks is not in the sums",
        "disk: what stages keep, and the spills of one stage at a time; bytes are decimal",
    ]
    return told


def rates_from_file(value: Rates) -> Rates:
    """Rates that were not measured now: every stage says so."""
    return replace(value, stages={name: replace(stage, source="assumed") for name, stage in value.stages.items()})


def read_config(path: Path, settings: Sequence[tuple[str, object]]) -> Config:
    """The configuration, its workers filled in."""
    config = load_config(path, dict(settings))
    return config.model_copy(update={"run": config.run.model_copy(update={"workers": config.run.workers or cores()})})
