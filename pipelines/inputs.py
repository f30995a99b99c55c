"""The inputs of each task in the build: downloaded to its machine where the build is remote (pipelines.remote_store).

A row for every phase. A file that a phase reads and its row lacks is missing in a remote build, so tests/portable/test_gcs.py compares a
whole remote build with one on the disk, file for file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from webtext.core.directories import DIRECTORIES, MANIFEST_NAME, WORK, manifest_path, work_directory
from webtext.core.errors import WebtextError
from webtext.core.hashing import shard_name
from webtext.core.texts import AFTER_DOCUMENTS

Patterns = tuple[str, ...]
FETCH, DEDUP, OVERLAP, TOKENIZE = map(work_directory, ("fetch", "dedup", "overlap", "tokenize"))


class Inputs(NamedTuple):
    """Patterns relative to the build; * matches anything without a slash. `shared` are the same for all tasks of the phase; in `own` N is
    the number of the task (five digits)."""

    shared: Patterns = ()
    own: Patterns = ()
    chosen: Callable[[Sequence[Any]], Patterns] = lambda arguments: ()  # by the arguments of the task


def _texts(arguments: Sequence[Any]) -> Patterns:
    """The shard of the documents that the stage reads; their directory is the last argument (webtext.core.texts)."""
    return (f"{arguments[-1]}/{shard_name(arguments[0])}.parquet",)


RANKS = (f"{DEDUP}/ranks.json", f"{DEDUP}/document_at.npy", f"{DEDUP}/ordinals.npy")
SIGNED = ("duplicates/signatures/*", f"{DEDUP}/part-*.signatures")
CLUSTERS = tuple(f"{DEDUP}/{name}.npy" for name in ("head", "size", "group"))
SHINGLES = (f"{DEDUP}/part-*.shingles",)
CHANGED = (f"{DEDUP}/decontaminated-N.parquet",)
FILTERS = ("ngrams/*.bloom",)
SEEDS = ("parts-*", "rarity")  # of edited copies
PREVIOUS = "pages/.previous/*"

INPUTS = {
    ("links", "parse"): Inputs(),
    ("links", "group"): Inputs(shared=(f"{work_directory('links')}/parse-*.arrow",)),
    ("fetch", "fetch"): Inputs(
        shared=(f"{FETCH}/retry", f"{PREVIOUS}/{MANIFEST_NAME}", f"{PREVIOUS}/{WORK}/fingerprint"),
        own=(
            "links/shard-N.parquet",
            f"{PREVIOUS}/ledger/shard-N.parquet",
            f"{PREVIOUS}/shard-N-*.warc.gz",
            f"{PREVIOUS}/{WORK}/fetch-N.journal.*",
        ),
    ),
    ("fetch", "index"): Inputs(),
    ("fetch", "join"): Inputs(own=("links/shard-N.parquet", f"{FETCH}/index-*.shard-N.parquet")),
    ("extract", "extract"): Inputs(own=("pages/ledger/shard-N.parquet", "pages/shard-N-*.warc.gz", "links/shard-N.parquet")),
    ("documents", "read"): Inputs(),
    ("clean", "clean"): Inputs(own=("documents/shard-N.parquet",)),
    ("dedup", "testsets"): Inputs(),
    ("dedup", "count"): Inputs(shared=(f"{DEDUP}/parts-*",), chosen=_texts),
    ("dedup", "weigh"): Inputs(shared=(f"{DEDUP}/seeds-*",)),
    ("dedup", "quotations"): Inputs(shared=(f"{DEDUP}/test-set-*", *(f"{DEDUP}/{name}" for name in SEEDS)), chosen=_texts),
    ("dedup", "sign"): Inputs(own=(*CHANGED, "pages/ledger/shard-N.parquet"), chosen=_texts),
    ("dedup", "rank"): Inputs(shared=(f"{DEDUP}/part-*.ranked",)),
    ("dedup", "join"): Inputs(shared=(*RANKS, *SIGNED, *SHINGLES, f"{DEDUP}/part-*.bands", f"{DEDUP}/part-*.sketches")),
    ("dedup", "verify"): Inputs(shared=(*RANKS, *SIGNED, *SHINGLES, f"{DEDUP}/candidates-*", f"{DEDUP}/pairs-*")),
    ("dedup", "settle"): Inputs(shared=(*RANKS, *SIGNED, *SHINGLES, f"{DEDUP}/edges-*", f"{DEDUP}/links-*", f"{DEDUP}/large-buckets-*")),
    ("dedup", "decide"): Inputs(shared=(*RANKS, *SIGNED, f"{DEDUP}/removed-*", *CLUSTERS), own=CHANGED, chosen=_texts),
    ("ngrams", "hash"): Inputs(chosen=_texts),
    ("ngrams", "filter"): Inputs(shared=(f"{work_directory('ngrams')}/hashes-*.runs",)),
    ("overlap", "measure"): Inputs(shared=FILTERS),
    ("overlap", "count"): Inputs(shared=(f"{OVERLAP}/parts-*",), chosen=_texts),
    ("overlap", "weigh"): Inputs(shared=(f"{OVERLAP}/seeds-*",)),
    ("overlap", "locate"): Inputs(
        shared=("ngrams/filter-00000.bloom", *(f"{OVERLAP}/{name}" for name in ("hits-*", "measured-*", *SEEDS))), chosen=_texts
    ),
    ("overlap", "report"): Inputs(
        shared=(*FILTERS, *(f"{OVERLAP}/{name}" for name in ("measured-*", "hits-*", "located-*", "copies-*", *SEEDS)))
    ),
    ("tokenizer", "take"): Inputs(shared=(manifest_path("dedup"),)),
    ("tokenizer", "count"): Inputs(chosen=_texts),
    ("tokenizer", "train"): Inputs(shared=(manifest_path("dedup"), f"{work_directory('tokenizer')}/count-*.words")),
    ("tokenize", "encode"): Inputs(shared=("tokenizer/*",), chosen=_texts),
    ("tokenize", "layout"): Inputs(shared=(f"{TOKENIZE}/encode-*.arrow",)),
    ("tokenize", "write"): Inputs(shared=("tokenizer/*", f"{TOKENIZE}/encode-*.arrow", f"{TOKENIZE}/encode-*.tokens")),
    ("tokenize", "convert"): Inputs(shared=("tokenizer/*", "tokens/*.bin", "tokens/index/*")),
    ("train", "train"): Inputs(shared=("tokens/*.bin", "tokens/index/*", manifest_path("tokenize"), manifest_path("tokenizer"))),
    ("report", "report"): Inputs(
        shared=(*map(manifest_path, DIRECTORIES), *(f"{name}/shard-*.parquet" for name in AFTER_DOCUMENTS)),
        own=("model/log.jsonl", "overlap/overlap.html"),
    ),
}


def inputs_of(stage: str, task: str, arguments: Sequence[Any]) -> tuple[Patterns, Patterns]:
    """Patterns of the inputs of a task: those that all tasks of its phase share, and its own.

    `arguments` are those of the phase's function.

    >>> inputs_of("ngrams", "filter-00007", (7,))
    (('stages/ngrams/.work/hashes-*.runs',), ())
    """
    phase, _, number = task.rpartition("-")
    row = INPUTS.get((stage, phase))
    if row is None:
        raise WebtextError(f"{stage}: the inputs of `{phase}` are not declared (pipelines/inputs.py), so it needs a build on this disk")
    return row.shared, (*(path.replace("-N", f"-{number}") for path in row.own), *row.chosen(arguments))
