"""From a configuration to rates and work: what is sampled, what is read from manifests, what is assumed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.filesystem import OpenAnywhere, identity, is_url, source_files
from pipelines.stage import check_stage
from webtext.cli.build import cores, stages_of
from webtext.cli.build_directory import open_build
from webtext.core.config import Config
from webtext.core.config_file import source_files as local_files
from webtext.core.errors import UsageError, WebtextError
from webtext.core.tables import read_table
from webtext.cost.extrapolate import LinearCost, Rates, StageCost, StageRates, Work, calibrated, training_tera, volumes
from webtext.cost.measure import SampleBuild, finished, train_config, training_rate, with_samples
from webtext.cost.sample import sample_archives, sample_dumps, write_links

# A crawl of the live web. Processor time: benchmarks/fetch.py, 362 pages a second with two workers. Size: the pages of WCXB, 44 kB
# compressed and 0.5 kB of ledger. Pages: of links of 2005 to 2017, asked today, about that share answers with text.
CRAWL = StageRates({"fetch": LinearCost(1.0, 0.02, 0.0055)}, made=0.6, kept=27_000, spilled=27_000, peak=300 * 2**20, source="assumed")
WIRE_BYTES = 30_000.0  # of a link asked for, over all links, compressed as servers send it
ANSWER_SECONDS = 2.0  # of a link asked for: connection, answer, and the time-outs of dead hosts among them
LARGEST_HOST = 0.01  # share of the links on one host; of WebText's published domains the first has 3.4 %, on many hosts
POSTS_OF_LISTING = 1_000.0  # of a subreddit asked from Reddit's API


class Plan:
    """Rates and work of a configuration, and the assumptions behind them. `sizes`: lines, pages and links to sample; None: nothing."""

    def __init__(
        self, config: Config, rates: Rates, sizes: tuple[int, int, int] | None, out: Path | None, like: Path | None, scratch: Path
    ) -> None:
        if config.documents.files or config.train.tokens:
            raise UsageError("webtext cost: estimates builds that begin with links or archives, not with documents.files or train.tokens")
        self.config, self.sizes, self.out, self.scratch = config, sizes, out, scratch
        crawl = {} if config.fetch.warcs else {"fetch": CRAWL}
        assumed = {name: replace(stage, source="assumed") for name, stage in rates.stages.items()} | crawl
        given = self.rates = replace(rates, stages=assumed)
        self.notes: list[str] = []
        self.hosts: Counter[str] = Counter()
        self.answer_seconds = ANSWER_SECONDS
        stages = stages_of(config)
        done: dict[str, StageCost] = {}
        if out is not None:
            open_build(out)  # refuses what is not a build
            for name, stage in stages.items():
                manifest = stage.manifest(out)
                if manifest is None or not check_stage(stage, out, config, stages).done:
                    break
                done[name] = finished(name, manifest)
        if like is not None:
            self.rates = _rates_like(given, open_build(like), config)
            self.notes.append(f"a record costs what it did in the finished stages of {like}; what does not grow with records is assumed")
        phases = {name: stage.phases(config) for name, stage in stages.items() if name != "report"}
        self.work = Work(phases, 0.0, finished=done, shard_tokens=config.tokenize.shard_tokens)
        posts = self._links()
        self._pages()
        self.work = replace(self.work, records=posts if "links" in stages else self.work.archive_pages or 0.0)
        self.wire = 0.0  # bytes that are downloaded for a link
        entering = volumes(self.rates, self.work)
        if not config.fetch.warcs and "fetch" not in done:
            self.wire = WIRE_BYTES
            self._crawl(entering["fetch"])
        if config.train.enabled and "train" not in done:
            self._train(entering["tokenize"])
        self._assumptions(given.machine, entering)

    def _links(self) -> float:
        """How many posts there are; measures what they cost, and how their links are spread over hosts."""
        section, directory = self.config.links, self.scratch / "links-large"
        if "links" in self.work.finished and self.out is not None:
            self._count_hosts(self.out)
            return self.work.finished["links"].records
        posts = POSTS_OF_LISTING * len(section.subreddits)
        if section.subreddits:
            self.notes.append(f"{POSTS_OF_LISTING:,.0f} posts a listing of the live API")
        if not section.dumps:
            return posts
        paths = source_files(section.dumps, "links.dumps")
        sizes = [int(identity(path)["bytes"]) if is_url(path) else Path(path).stat().st_size for path in paths]
        wanted = self.sizes[0] if self.sizes else 1_000
        found = sample_dumps(paths, sizes, wanted, OpenAnywhere({}), self.scratch / "dumps")
        if not found.whole:
            part = f"the first {wanted:,} lines of {len(found.large)} of {len(paths)} dumps"
            self.notes.append(f"{found.records:,.0f} posts: as many a byte as in {part}")
        if self.sizes:
            small, large = (
                SampleBuild(self.config, self.scratch / name, only="links", links={"dumps": [str(path) for path in files]})
                for name, files in (("links-small", found.small), (directory.name, found.large))
            )
            self.rates = with_samples(self.rates, small, large)
            self._count_hosts(directory)
        return posts + found.records

    def _pages(self) -> None:
        """Measures what pages cost on their way from an archive, or from the network where some are to be fetched, to tokens."""
        if self.config.fetch.warcs:
            paths = [str(path) for path in local_files(self.config.fetch.warcs, "fetch.warcs")]
        elif "fetch" in self.work.finished and self.out is not None:
            paths = [str(path) for path in sorted((self.out / "pages").glob("*.warc.gz"))]
        elif self.sizes and self.sizes[2]:
            self._fetched(self.sizes[2])
            return
        else:
            return
        found = sample_archives(paths, self.sizes[1] if self.sizes else 1, self.scratch / "archives")
        if not found.whole:
            self.notes.append(f"{found.records:,.0f} pages in the archives: as many a byte as in the beginnings of those that were read")
        total = float(sum(Path(path).stat().st_size for path in paths))
        self.work = replace(self.work, archive_bytes=total, archive_pages=found.records if self.config.fetch.warcs else None)
        if self.sizes:
            small, large = (
                SampleBuild(
                    self.config,
                    self.scratch / f"pages-{path.name}",
                    archive_bytes=path.stat().st_size,
                    links={"dumps": []},
                    fetch={"warcs": [str(path)]},
                )
                for path in (*found.small, *found.large)
            )
            self.rates = with_samples(self.rates, small, large)

    def _fetched(self, count: int) -> None:
        """Build from some links, fetched politely. Each link is asked for once: the small sample has others than the large."""
        links = (self.out if "links" in self.work.finished and self.out else self.scratch / "links-large") / "links"
        builds, quarter = [], max(count // 4, 1)
        for name, first, wanted in (("fetch-small", 0, quarter), ("fetch-large", quarter, count)):
            dump = self.scratch / f"{name}.ndjson"
            if not write_links(links, dump, first, wanted):
                raise WebtextError("cost: too few links in the sample to fetch some; leave out --fetch, or raise --posts")
            builds.append(SampleBuild(self.config, self.scratch / name, links={"dumps": [str(dump)]}))
        self.rates = with_samples(self.rates, *builds)
        ledger = (self.scratch / "fetch-large" / "pages" / "ledger").glob("*.parquet")
        seconds = [row["seconds"] or 0.0 for shard in sorted(ledger) for row in read_table(shard)]
        self.answer_seconds = sum(seconds) / max(len(seconds), 1)
        self.notes.append(f"the web answers as it did for {len(seconds):,} links, in {self.answer_seconds:.2f} s each")

    def _count_hosts(self, build: Path) -> None:
        shards = sorted((build / "links").glob("shard-*.parquet"))
        self.hosts = Counter(urlsplit(row["url"]).hostname or "" for shard in shards for row in read_table(shard, ["url"]))

    def _crawl(self, links: float) -> None:
        """How long the pace of the sites makes a crawl last."""
        section = self.config.fetch
        name, largest = max(self.hosts.items(), key=lambda item: (item[1], item[0]), default=("the largest host", 0))
        share = largest / sum(self.hosts.values()) if self.hosts else LARGEST_HOST
        each = section.per_host_delay + self.answer_seconds
        pace = share * links * each
        self.notes.append(f"{name} has {share:.2%} of the links; at {each:.1f} s a link it alone takes {pace / 3600:,.1f} h")
        self.work = replace(self.work, host_pace=pace, crawl_pace=links * self.answer_seconds / section.hosts_at_once)

    def _train(self, documents: float) -> None:
        section, vocabulary, tokens = self.config.train, self.config.tokenizer.vocabulary, self.rates.tokens * documents
        config, val_tokens = train_config(section, vocabulary), tokens * self.config.dedup.val_share
        evaluations = -(-section.steps // section.eval_every)
        evaluated = evaluations * min(section.eval_tokens or val_tokens, val_tokens)
        tera = training_tera(config.model.parameters, section.steps * section.batch_tokens, evaluated)
        self.work = replace(self.work, train_tera=tera, train_threads=section.threads or cores())
        if section.tune_lr:
            self.notes.append("the search for a learning rate is not included: each rate tried costs train.tune_steps more")
        if self.sizes:
            self.rates = replace(self.rates, train=training_rate(section, vocabulary, self.scratch / "training"))

    def _assumptions(self, machine: str, entering: dict[str, float]) -> None:
        """Adds every further assumption, those that weigh most first."""
        left = entering.keys() - self.work.finished.keys()
        assumed = sorted(name for name in left if name in self.rates.stages and self.rates.stages[name].source == "assumed")
        if assumed:
            self.notes.append(f"nothing was measured for {', '.join(assumed)}: the rates given are of {machine}")
        if "fetch" in assumed and not self.config.fetch.warcs:
            answers = f"{CRAWL.made:.0%} of the links answer with a page, after {ANSWER_SECONDS:g} s and {WIRE_BYTES / 1e3:g} kB"
            self.notes.append(f"{answers}; --fetch N asks some")
        if self.config.fetch.warcs and "links" in entering and "fetch" in left:
            self.notes.append("every link has its page in the archives, as long as there are so many")
        self.notes += [
            "pages and documents further on are as those of the sample; duplicates are as many among all as in it",
            "tasks are equally large and a worker has a processor of its own; waiting for disks is not included",
            "disk: what stages keep, and the spills of one stage at a time; bytes are decimal",
        ]


def _rates_like(rates: Rates, build: Path, config: Config) -> Rates:
    """Rates that give what the finished stages of another build took. Raises UsageError where none is finished."""
    done, phases = {}, {}
    for name, stage in stages_of(config).items():
        manifest = stage.manifest(build)
        if manifest is not None and name in rates.stages:
            done[name] = finished(name, manifest)
            # A phase has as many tasks as here, but no more than the build had shards.
            phases[name] = {phase: min(count, manifest.configuration["build"]["shards"]) for phase, count in stage.phases(config).items()}
    if not done:
        raise UsageError(f"--like {build}: no stage of it is finished")
    work = Work(phases, next(iter(done.values())).records, finished=done, shard_tokens=config.tokenize.shard_tokens)
    return calibrated(rates, work, rates.workers)
