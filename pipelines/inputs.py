"""The inputs of each task in the build: downloaded to its machine where the build is remote (pipelines.remote_store).

A row for every phase. A file that a phase reads and its row lacks is missing in a remote build, so tests/portable/test_gcs.py compares a
whole remote build with one on the disk, file for file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from webtext.core.directories import DIRECTORIES
from webtext.core.errors import WebtextError
from webtext.core.manifest import MANIFEST_NAME

Patterns = tuple[str, ...]


class Inputs(NamedTuple):
    """Patterns relative to the build; * matches anything without a slash. `shared` are the same for all tasks of the phase; in `own` N is
    the number of the task (five digits)."""

    shared: Patterns = ()
    own: Patterns = ()
    chosen: Callable[[Sequence[Any]], Patterns] = lambda arguments: ()  # by the arguments of the task


def _pieces(arguments: Sequence[Any]) -> Patterns:
    return tuple(f"tokens/.work/encode-{shard:05d}.{kind}" for shard, *_ in arguments[2] for kind in ("parquet", "tokens"))


RANKS = ("corpus/.work/ranks.json", "corpus/.work/document_at.npy", "corpus/.work/ordinals.npy")
SIGNED = ("duplicates/signatures/*", "corpus/.work/part-*.signatures")
SHINGLES = ("corpus/.work/part-*.shingles",)
CORPUS = ("corpus/shard-N.parquet",)
DOCUMENTS = ("documents/shard-N.parquet", "corpus/.work/decontaminated-N.parquet")
FILTERS = ("ngrams/*.bloom",)
PREVIOUS = "pages/.previous/*"

INPUTS = {
    ("links", "parse"): Inputs(),
    ("links", "group"): Inputs(shared=("links/.work/parse-*.arrow",)),
    ("pages", "fetch"): Inputs(
        shared=("pages/.work/retry", f"{PREVIOUS}/{MANIFEST_NAME}", f"{PREVIOUS}/.work/fingerprint"),
        own=(
            "links/shard-N.parquet",
            f"{PREVIOUS}/ledger/shard-N.parquet",
            f"{PREVIOUS}/shard-N-*.warc.gz",
            f"{PREVIOUS}/.work/fetch-N.journal.*",
        ),
    ),
    ("pages", "index"): Inputs(),
    ("pages", "join"): Inputs(own=("links/shard-N.parquet", "pages/.work/index-*.shard-N.parquet")),
    ("documents", "extract"): Inputs(own=("pages/ledger/shard-N.parquet", "pages/shard-N-*.warc.gz", "links/shard-N.parquet")),
    ("corpus", "testsets"): Inputs(),
    ("corpus", "quotations"): Inputs(shared=("corpus/.work/test-set-*",), own=DOCUMENTS),
    ("corpus", "sign"): Inputs(own=DOCUMENTS),
    ("corpus", "rank"): Inputs(shared=("corpus/.work/part-*.ranked",)),
    ("corpus", "join"): Inputs(shared=(*RANKS, *SIGNED, *SHINGLES, "corpus/.work/part-*.bands")),
    ("corpus", "verify"): Inputs(shared=(*RANKS, *SIGNED, *SHINGLES, "corpus/.work/candidates-*")),
    ("corpus", "settle"): Inputs(shared=(*RANKS, *SIGNED, *SHINGLES, "corpus/.work/edges-*", "corpus/.work/large-buckets-*")),
    ("corpus", "decide"): Inputs(shared=(*RANKS, *SIGNED, "corpus/.work/removed-*"), own=DOCUMENTS),
    ("ngrams", "hash"): Inputs(own=CORPUS),
    ("ngrams", "filter"): Inputs(shared=("ngrams/.work/hashes-*.runs",)),
    ("overlap", "measure"): Inputs(shared=FILTERS),
    ("overlap", "locate"): Inputs(shared=("ngrams/filter-00000.bloom", "overlap/.work/hits-*", "overlap/.work/measured-*"), own=CORPUS),
    ("overlap", "report"): Inputs(shared=(*FILTERS, *(f"overlap/.work/{kind}-*" for kind in ("measured", "hits", "located")))),
    ("tokenizer", "take"): Inputs(shared=(f"corpus/{MANIFEST_NAME}",)),
    ("tokenizer", "count"): Inputs(own=CORPUS),
    ("tokenizer", "train"): Inputs(shared=(f"corpus/{MANIFEST_NAME}", "tokenizer/.work/count-*.words")),
    ("tokens", "encode"): Inputs(shared=("tokenizer/*",), own=CORPUS),
    ("tokens", "layout"): Inputs(shared=("tokens/.work/encode-*.parquet",)),
    ("tokens", "write"): Inputs(shared=("tokenizer/*",), chosen=_pieces),
    ("model", "train"): Inputs(shared=("tokens/*.bin", "tokens/index/*", f"tokens/{MANIFEST_NAME}", f"tokenizer/{MANIFEST_NAME}")),
    ("report", "report"): Inputs(
        shared=(*(f"{directory}/{MANIFEST_NAME}" for directory in DIRECTORIES.values()), "corpus/shard-*.parquet"),
        own=("model/log.jsonl", "overlap/overlap.html"),
    ),
}


def inputs_of(directory: str, task: str, arguments: Sequence[Any]) -> tuple[Patterns, Patterns]:
    """Patterns of the inputs of a task: those that all tasks of its phase share, and its own.

    `arguments` are those of the phase's function.

    >>> inputs_of("ngrams", "hash-00007", (7,))
    ((), ('corpus/shard-00007.parquet',))
    """
    phase, _, number = task.rpartition("-")
    row = INPUTS.get((directory, phase))
    if row is None:
        raise WebtextError(f"{directory}: the inputs of `{phase}` are not declared (pipelines/inputs.py), so it needs a build on this disk")
    return row.shared, (*(path.replace("-N", f"-{number}") for path in row.own), *row.chosen(arguments))
