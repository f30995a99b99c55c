"""Near duplicates, quality: against the exact Jaccard of all pairs, on real articles with known copies, and the same bytes in any order.

python -m benchmarks.dedup_quality --curve curve.svg --json figures.json      # three minutes; the curve needs `pip install matplotlib`

quality   10,000 documents of `corpus.passages` against all pairs: recall, precision, the share of pairs that met in a band beside the
          theoretical curve (--curve draws it), how near train comes to what is held out. Expected: precision 1.0, recall 0.99
articles  data/neardup: 100, 1,000 and 2,500 news articles, the 5, 10 and 20 known pairs one by one
same      20,000 documents with 1, 2 and 8 workers, with tasks and with documents in another order: the same bytes
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import subprocess
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse

from benchmarks.corpus import Record, document_id, documents, passages, unpacked, write_documents
from benchmarks.dedup_stage import SECTION, context_of
from benchmarks.harness import DATA, ROOT, Figures, bar, installed, run
from webtext.dedup import bands
from webtext.dedup.packed import Packed
from webtext.dedup.rank import Order
from webtext.dedup.signed import SIGNATURES
from webtext.dedup.verify import EDGES, METHODS, Edges

WORD = re.compile(r"[^\W_]+")
SHAPE = bands.shape(SECTION.threshold, SECTION.permutations)  # bands, rows of a band

Pair = tuple[int, int]


@dataclass(frozen=True)
class Outcome:
    """What the stage made of documents, which are numbers here, and what there was to find."""

    found: dict[Pair, tuple[str, float]]  # verified pairs: method, Jaccard
    similarity: dict[Pair, float]  # exact, from 0.4 on
    keys: np.ndarray  # (documents, bands): equal where two meet
    splits: dict[int, str]  # of those that are kept

    def met(self, pair: Pair) -> bool:
        return bool((self.keys[pair[0]] == self.keys[pair[1]]).any())


def stage(build: Path, records: Iterable[Record], *flags: str) -> Path:
    write_documents(build / "documents", records)
    subprocess.run([sys.executable, "-m", "benchmarks.dedup_stage", str(build), *flags], cwd=ROOT, check=True)
    return build


def all_pairs(texts: Iterable[str], least: float) -> dict[Pair, float]:
    """The exact Jaccard similarities from `least` on, by counting the common shingles of all pairs; shingles are tuples of words."""
    vocabulary: dict[tuple[str, ...], int] = {}
    columns, ends = [], [0]
    for text in texts:
        words = WORD.findall(unicodedata.normalize("NFKC", text).lower())
        columns += [vocabulary.setdefault(tuple(words[k : k + 5]), len(vocabulary)) for k in range(len(words) - 4)]
        ends.append(len(columns))
    matrix = scipy.sparse.csr_matrix((np.ones(len(columns), np.int32), columns, ends), (len(ends) - 1, len(vocabulary)))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    sizes = np.asarray(matrix.sum(axis=1)).ravel()
    common = scipy.sparse.triu(matrix @ matrix.T, 1).tocoo()
    similarity = common.data / (sizes[common.row] + sizes[common.col] - common.data)
    chosen = similarity >= least
    return dict(zip(zip(common.row[chosen].tolist(), common.col[chosen].tolist()), similarity[chosen].tolist()))


def judge(texts: list[str], build: Path) -> Outcome:
    """Run the stage on texts, and compare all of them."""
    stage(build, documents(texts))
    index = {document_id(number): number for number in range(len(texts))}
    order = Order(context_of(build))
    packed = [Packed(path, SIGNATURES) for path in sorted((build / "duplicates" / "signatures").iterdir())]
    position = np.array([index[row.tobytes().hex()] for one in packed for row in one.read("ids")])
    found: dict[Pair, tuple[str, float]] = {}
    for part in range(SECTION.partitions):
        edges = Edges.read(Packed(context_of(build).scratch_path(f"edges-{part:05d}"), EDGES))
        both = np.sort(np.stack([position[order.numbers(edges.later)], position[order.numbers(edges.earlier)]], axis=1), axis=1)
        for (first, second), method, jaccard in zip(both.tolist(), edges.method, edges.jaccard.tolist()):
            found[first, second] = METHODS[method], jaccard
    keys = np.empty((len(texts), SHAPE[0]), np.uint64)
    keys[position] = np.concatenate([bands.keys(one.read("signatures"), *SHAPE) for one in packed])
    corpus = pq.read_table(build / "corpus", columns=["id", "split"]).to_pylist()
    return Outcome(found, all_pairs(texts, 0.4), keys, {index[row["id"]]: row["split"] for row in corpus})


def quality(options: argparse.Namespace) -> Figures:
    """Recall, precision, the curve of detection and the splits."""
    outcome = judge(list(passages(1000 if options.quick else 10_000, seed=3)), options.directory)
    true = {pair for pair, value in outcome.similarity.items() if value >= SECTION.threshold}
    right = len(outcome.found.keys() & true)
    bins = detection(outcome)
    if options.curve and installed("matplotlib"):
        draw(list(bins.values()), options.curve)
    return {
        "pairs": len(true),
        "recall": right / len(true),
        "precision": right / len(outcome.found),
        "missed": len(true) - right,
        "missed_by_theory": sum(1 - bands.meeting_probability(outcome.similarity[pair], *SHAPE) for pair in true),
        **splits(outcome, true),
        **bins,
    }


def detection(outcome: Outcome) -> dict[str, dict[str, float]]:
    """By range of similarity: pairs, their mean similarity, the shares that met in a band (and by theory) and that were found."""
    bins = {}
    for low, high in pairwise(np.linspace(0.4, 1, 13)):
        chosen = [pair for pair, value in outcome.similarity.items() if low <= value < high or value == high == 1]
        if chosen:
            values = [outcome.similarity[pair] for pair in chosen]
            bins[f"Jaccard {low:.2f} to {high:.2f}"] = {
                "pairs": len(chosen),
                "jaccard": float(np.mean(values)),
                "met_in_a_band": float(np.mean([outcome.met(pair) for pair in chosen])),
                "theory": float(np.mean([bands.meeting_probability(value, *SHAPE) for value in values])),
                "found": float(np.mean([pair in outcome.found for pair in chosen])),
            }
    return bins


def draw(bins: Sequence[dict[str, float]], path: Path) -> None:
    """The curve of detection; bars are twice the standard error of a share of so many pairs."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    x = np.linspace(0.4, 1, 201)
    pyplot.plot(x, [bands.meeting_probability(value, *SHAPE) for value in x], "grey", label="theory of the bands")
    similarity, met = ([one[key] for one in bins] for key in ("jaccard", "met_in_a_band"))
    error = [2 * (one["met_in_a_band"] * (1 - one["met_in_a_band"]) / one["pairs"]) ** 0.5 for one in bins]
    pyplot.errorbar(similarity, met, error, fmt="o", label="met in a band")
    pyplot.plot(similarity, [one["found"] for one in bins], "s", fillstyle="none", label="found and verified")
    pyplot.axvline(SECTION.threshold, linestyle="--")
    pyplot.title(f"Detection of planted copies: {SHAPE[0]} bands of {SHAPE[1]} rows")
    pyplot.xlabel("exact Jaccard similarity of the pair")
    pyplot.legend()
    pyplot.savefig(path)


def splits(outcome: Outcome, true: set[Pair]) -> Figures:
    """How near train comes to what is held out; see webtext.dedup.splits."""
    held = {number for number, split in outcome.splits.items() if split != "train"}

    def straddles(pair: Pair) -> bool:
        return (pair[0] in held) != (pair[1] in held)

    kept = {pair: value for pair, value in outcome.similarity.items() if outcome.splits.keys() >= set(pair)}
    nearest: dict[int, float] = defaultdict(float)
    for pair, value in kept.items():
        if straddles(pair):
            one = pair[0] if pair[0] in held else pair[1]
            nearest[one] = max(nearest[one], value)
    copies = defaultdict(set)  # by document that was removed: those that are kept and that it is near to
    for first, second in true:
        for removed, stays in ((first, second), (second, first)):
            if removed not in outcome.splits and stays in outcome.splits:
                copies[removed].add(stays)
    shared = {pair for stay in copies.values() for pair in combinations(sorted(stay), 2)} - true
    return {
        "documents_kept": len(outcome.splits),
        "held_out": len(held),
        "near_copies_both_kept": sum(value >= SECTION.threshold for value in kept.values()),
        "near_copies_in_train_of_held_out": sum(value >= SECTION.threshold for value in nearest.values()),
        "held_out_with_train_at_0.6_to_threshold": sum(0.6 <= value < SECTION.threshold for value in nearest.values()),
        "share_a_removed_copy": len(shared),
        "share_a_removed_copy_straddling": sum(map(straddles, shared)),
        "share_a_removed_copy_jaccard": sorted(outcome.similarity[pair] for pair in shared),
    }


def articles(options: argparse.Namespace) -> Figures:
    """The known copies of data/neardup, one by one."""
    figures: Figures = {}
    for size in (100,) if options.quick else (100, 1000, 2500):
        path = DATA / "neardup" / f"articles_{size}"
        train = path.with_suffix(".train")
        data = train.read_bytes() if train.exists() else unpacked(Path(f"{train}.zst"))
        rows = [line.split(" ", 1) for line in data.decode().splitlines() if line.strip()]
        names = [name for name, _ in rows]
        outcome = judge([text for _, text in rows], options.directory / str(size))
        truth = [line.split() for line in path.with_suffix(".truth").read_text().splitlines() if line.strip()]
        known = [tuple(sorted((names.index(one), names.index(other)))) for one, other in truth]
        others = outcome.found.keys() - set(known)
        figures[f"{size} articles"] = {"known": len(known), "found": sum(pair in outcome.found for pair in known), "others": len(others)}
        for pair in [*known, *others]:
            figures[f"{size}: {names[pair[0]]} {names[pair[1]]}"] = fate(outcome, pair)
    return figures


def fate(outcome: Outcome, pair: Any) -> Record:
    """Whether a pair was found, and how or why not."""
    value = outcome.similarity.get(pair, 0.0)
    if pair in outcome.found:
        how = "found by {}, as {:.3f}".format(*outcome.found[pair])
    elif value < SECTION.threshold:
        how = f"missed: below the threshold of {SECTION.threshold}"
    else:
        how = "missed: met, and the estimate was too low" if outcome.met(pair) else "missed: no band in common"
    return {"jaccard": value, "how": how}


def same(options: argparse.Namespace) -> Figures:
    """Digests of all files, and of the records sorted.

    A shard of the corpus holds its documents in the order of documents/. So of documents in another order the records are compared,
    sorted; the pairs are sorted as they are.
    """
    made = list(documents(passages(1000 if options.quick else 20_000, seed=4)))
    runs = {f"{workers} workers": (made, ["--workers", str(workers)]) for workers in (1, 2, 8)}
    runs |= {"tasks shuffled": (made, ["--shuffle", "1"]), "documents shuffled": (random.Random(9).sample(made, len(made)), [])}
    figures: Figures = {}
    for name, (records, flags) in runs.items():
        build = stage(options.directory / name, records, *flags)
        files = sorted(path for part in ("corpus", "duplicates") for path in (build / part).glob("**/shard-*") if path.is_file())
        table = pa.concat_tables([pq.read_table(path).sort_by("id") for path in files if path.parent.name == "corpus"])
        pairs = [path.read_bytes() for path in files if path.parent.name == "pairs"]
        all_files = digest(path.read_bytes() for path in files)
        figures[name] = {"all_files": all_files, "records_sorted": digest([*pairs, str(table.to_pylist()).encode()])}
    return figures


def digest(pieces: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(piece).digest() for piece in pieces)).hexdigest()[:16]


def bars(figures: Figures) -> Iterator[Figures]:
    if "quality" in figures:
        yield bar("precision", figures["quality"]["precision"], least=0.999)
        yield bar("recall", figures["quality"]["recall"], least=0.98)
    if "same" in figures:
        rows = figures["same"]
        yield bar("different results by records", len({row["records_sorted"] for row in rows.values()}), most=1)
        yield bar("different results by files", len({row["all_files"] for name, row in rows.items() if name[0] != "d"}), most=1)


if __name__ == "__main__":
    curve = {"--curve": {"type": Path, "metavar": "FILE", "help": "draw the curve of detection (SVG)"}}
    run(__doc__, {"quality": quality, "articles": articles, "same": same}, curve, bars)
