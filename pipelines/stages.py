"""The stages that have a Beam graph, in the order of a build."""

from __future__ import annotations

from pathlib import Path

from pipelines.filesystem import source_files as source_files_anywhere
from pipelines.stage import Stage
from webtext.core.config import PUBLISHED, Config
from webtext.core.config_file import source_files
from webtext.core.directories import DIRECTORIES
from webtext.core.errors import UsageError, WebtextError
from webtext.core.plugins import is_reference, source_file
from webtext.core.records import SPLITS
from webtext.dedup.earlier_builds import earlier_shards
from webtext.documents.files import document_files, group_count
from webtext.overlap.sources import source_files as benchmark_files


def _dumps(config: Config) -> list[str]:
    return source_files_anywhere(config.links.dumps, "links.dumps")


def _warcs(config: Config) -> list[Path]:
    return source_files(config.fetch.warcs, "fetch.warcs")


def _benchmarks(config: Config) -> list[Path]:
    paths = [path for benchmark in config.overlap.benchmarks for path in (benchmark.path, benchmark.train) if path]
    return sorted({file for path in paths for file in benchmark_files(path)})


def _tokenizer(config: Config) -> list[Path]:
    path = Path(config.tokenizer.path)
    if not config.tokenizer.path or (config.tokenizer.path in PUBLISHED and not path.exists()):
        return []
    if not path.exists():
        raise UsageError(f"tokenizer.path: there is no {path}; give a directory or a file of a tokenizer, or one of {', '.join(PUBLISHED)}")
    return sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]


def _against(config: Config) -> list[Path]:
    return [*earlier_shards(config.dedup), *_kept_out(config)]


def _kept_out(config: Config) -> list[Path]:
    files = set()
    for benchmark in config.dedup.decontaminate:
        try:
            files.update(benchmark_files(benchmark.path))
        except WebtextError:
            names = ", ".join(each.name for each in config.overlap.benchmarks) or "none"
            raise UsageError(
                f"dedup.decontaminate: {benchmark.path} is neither a file nor the name of a benchmark (overlap.benchmarks has: {names})"
            ) from None
    return sorted(files)


def _decontamination(config: Config) -> dict[str, int]:
    sets = len(config.dedup.decontaminate)
    return {"testsets": sets, **_seeds(config, config.dedup.decontaminate_edits), "quotations": _shards(config)} if sets else {}


def _seeds(config: Config, edits: float) -> dict[str, int]:
    return {"count": _shards(config), "weigh": 1} if edits else {}


def _copies(config: Config) -> dict[str, int]:
    if not config.dedup.copies:
        return {}
    partitions = config.dedup.partitions
    return {"sign": _shards(config) + len(earlier_shards(config.dedup)), "rank": 1, "join": partitions, "verify": partitions, "settle": 1}


def _engine(config: Config) -> list[Path]:
    return [source_file(config.extract.engine, "extract.engine")] if is_reference(config.extract.engine) else []


def _documents(config: Config) -> list[Path | str]:
    own = config.documents.format
    return [*text_files(config), *([source_file(own, "documents.format")] if is_reference(own) else [])]


def _rules(config: Config) -> list[Path]:
    """The files of the user's own rules: a change of their code makes the stage run again."""
    return sorted({source_file(reference, "clean.rules") for reference in config.clean.rules})


def text_files(config: Config) -> list[str]:
    """The files of texts that a build begins with, of all kinds of paths, sorted."""
    return document_files(config.documents.files, "documents.files", source_files_anywhere)


def _conversions(config: Config) -> dict[str, int]:
    formats = config.tokenize.format
    return {"convert": len(formats) * len(SPLITS)} if formats else {}


def _shards(config: Config) -> int:
    return config.build.shards


LINKS = Stage(
    name="links",
    directory=DIRECTORIES["links"],
    unit="posts",
    reads=(),
    sections=("build", "links"),
    sources=_dumps,
    phases=lambda config: {"parse": len(_dumps(config)), "group": _shards(config)},
    graph="pipelines.links",
    version=3,  # lists of URLs; over_18 in any form; posts with NaN and lone surrogates
)
FETCH = Stage(
    name="fetch",
    directory=DIRECTORIES["fetch"],
    unit="URLs",
    reads=("links",),
    sections=("build", "fetch"),
    sources=_warcs,
    phases=lambda config: {"index": len(_warcs(config)), "join": _shards(config)} if config.fetch.warcs else {"fetch": _shards(config)},
    graph="pipelines.fetch",
    version=2,  # answers as browsers read them, soft 404s, wishes about training, more kinds of archives
    reuse_previous=True,
)
EXTRACT = Stage(
    name="extract",
    directory=DIRECTORIES["extract"],
    unit="pages",
    reads=("links", "fetch"),
    sections=("build", "extract"),
    sources=_engine,
    keys=("fetch.opt_out",),
    phases=lambda config: {"extract": _shards(config)},
    graph="pipelines.extract",
    version=4,  # texts keep their structure
)
DOCUMENTS = Stage(
    name="documents",
    directory=DIRECTORIES["documents"],
    unit="records",
    reads=(),
    sections=("build", "documents"),
    sources=_documents,
    phases=lambda config: {"read": group_count(len(text_files(config)), _shards(config))},
    graph="pipelines.documents",
)
CLEAN = Stage(
    name="clean",
    directory=DIRECTORIES["clean"],
    unit="documents",
    reads=("extract",),
    sections=("build", "clean"),
    sources=_rules,
    phases=lambda config: {"clean": _shards(config)},
    graph="pipelines.clean",
    version=2,  # English only where the detector is sure of it
)
DEDUP = Stage(
    name="dedup",
    directory=DIRECTORIES["dedup"],
    extra_outputs=("duplicates",),
    unit="documents",
    reads=("clean",),
    sections=("build", "dedup"),
    sources=_against,
    phases=lambda config: {
        **_decontamination(config),
        **_copies(config),
        "decide": _shards(config),
    },
    graph="pipelines.dedup",
    version=4,  # words of the n-grams, clusters
)
NGRAMS = Stage(
    name="ngrams",
    directory=DIRECTORIES["ngrams"],
    unit="documents",
    reads=("dedup",),
    sections=("build", "ngrams"),
    phases=lambda config: {"hash": _shards(config), "filter": config.ngrams.partitions},
    graph="pipelines.ngrams",
    version=2,  # a checksum, and no file of pybloom-live within the file
)
OVERLAP = Stage(
    name="overlap",
    directory=DIRECTORIES["overlap"],
    unit="examples",
    reads=("dedup", "ngrams"),
    sections=("build", "overlap"),
    sources=_benchmarks,
    phases=lambda config: {
        "measure": len(config.overlap.benchmarks),
        **_seeds(config, config.overlap.edits),
        "locate": _shards(config),
        "report": 1,
    },
    graph="pipelines.overlap",
    version=3,  # edited copies; a report names the files of its test set
)
TOKENIZER = Stage(
    name="tokenizer",
    directory=DIRECTORIES["tokenizer"],
    unit="documents",
    reads=("dedup",),
    sections=("build", "tokenizer"),
    sources=_tokenizer,
    phases=lambda config: {"take": 1} if config.tokenizer.path else {"count": _shards(config), "train": 1},
    graph="pipelines.tokenizer",
)
TOKENIZE = Stage(
    name="tokenize",
    directory=DIRECTORIES["tokenize"],
    unit="documents",
    reads=("dedup", "tokenizer"),
    sections=("build", "tokenize"),
    # NB: how many files there are to write follows from the layout, so their number is not known here.
    phases=lambda config: {"encode": _shards(config), "layout": 1, **_conversions(config)},
    graph="pipelines.tokenize",
    version=2,  # documents in a shuffled order, in files of equal length that begin with <|endoftext|>
)
