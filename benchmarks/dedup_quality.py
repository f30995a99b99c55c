"""What benchmarks/dedup.py says of quality: against the exact Jaccard of all pairs, of the splits, of data/neardup, and of equal bytes."""

from __future__ import annotations

import hashlib
import random
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse
from dedup_corpus import Record, document_id, documents, neardup, neardup_pairs, texts, write_documents
from dedup_curve import Bin, curve
from dedup_stage import SECTION, place_of

from webtext.dedup import bands
from webtext.dedup.packed import Packed
from webtext.dedup.rank import Order
from webtext.dedup.signed import SIGNATURES
from webtext.dedup.verify import EDGES, METHODS, Edges

WORD = re.compile(r"[^\W_]+")
STAGE = [sys.executable, str(Path(__file__).with_name("dedup_stage.py"))]
SIZES = (100, 1000, 2500)

Pair = tuple[int, int]


@dataclass(frozen=True)
class Judged:
    """What the stage made of documents, which are numbers here, and what there was to find."""

    found: dict[Pair, tuple[str, float]]  # verified pairs: method, Jaccard
    similarity: dict[Pair, float]  # exact, from 0.4 on
    keys: np.ndarray  # (documents, bands): equal where two meet
    splits: dict[int, str]  # of those that stay

    def met(self, pair: Pair) -> bool:
        return bool((self.keys[pair[0]] == self.keys[pair[1]]).any())


def all_pairs(made: Iterable[str], least: float) -> dict[Pair, float]:
    """The exact Jaccard similarities from `least` on, by counting the common shingles of all pairs; shingles are tuples of words."""
    vocabulary: dict[tuple[str, ...], int] = {}
    columns, ends = [], [0]
    for text in made:
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


def judge(made: list[str], workers: int) -> Judged:
    """Run the stage on texts, and compare all of them."""
    with tempfile.TemporaryDirectory() as directory:
        build = Path(directory) / "build"
        write_documents(build, documents(made))
        subprocess.run([*STAGE, str(build), "--workers", str(workers)], check=True)
        index = {document_id(number): number for number in range(len(made))}
        order = Order(place_of(build))
        packed = [Packed(path, SIGNATURES) for path in sorted((build / "duplicates" / "signatures").iterdir())]
        position = np.array([index[row.tobytes().hex()] for one in packed for row in one.read("ids")])
        found: dict[Pair, tuple[str, float]] = {}
        for part in range(SECTION.partitions):
            edges = Edges.read(Packed(place_of(build).scratch_path(f"edges-{part:05d}"), EDGES))
            both = np.sort(np.stack([position[order.numbers(edges.later)], position[order.numbers(edges.earlier)]], axis=1), axis=1)
            for (first, second), method, jaccard in zip(both.tolist(), edges.method, edges.jaccard.tolist()):
                found[first, second] = METHODS[method], jaccard
        shape = [packed[0].facts[name] for name in ("bands", "rows")]
        keys = np.empty((len(made), shape[0]), np.uint64)
        keys[position] = np.concatenate([bands.keys(one.read("signatures"), *shape) for one in packed])
        corpus = pq.read_table(build / "corpus", columns=["id", "split"]).to_pylist()
        return Judged(found, all_pairs(made, 0.4), keys, {index[row["id"]]: row["split"] for row in corpus})


def against_brute_force(workers: int, drawn: Path | None) -> dict[str, Any]:
    """Recall, precision, the curve of detection (drawn into a file) and the splits, on 10,000 documents."""
    judged = judge(list(texts(10_000, seed=3)), workers)
    true = {pair for pair, value in judged.similarity.items() if value >= SECTION.threshold}
    right = len(judged.found.keys() & true)
    figures: dict[str, Any] = {"pairs": len(true), "recall": round(right / len(true), 4), "precision": round(right / len(judged.found), 4)}
    count, rows = bands.shape(SECTION.threshold, SECTION.permutations)
    print(f"\nQuality, 10,000 documents: {len(true):,} pairs of Jaccard >= {SECTION.threshold}; {count} bands of {rows} rows")
    print(f"  recall {figures['recall']:.4f}   precision {figures['precision']:.4f}")
    bins = _bins(judged, count, rows)
    print("  Jaccard       pairs   met in a band   theory   found and verified")
    for one in bins:
        print(f"  {one.low:.2f} - {one.high:.2f} {one.pairs:7,}   {one.met:13.3f}   {one.theory:6.3f}   {one.found:18.3f}")
    figures["curve"] = [asdict(one) for one in bins]
    if drawn:
        title = f"Detection of planted copies: {count} bands of {rows} rows, {SECTION.permutations} permutations"
        drawn.write_text(curve(bins, lambda value: bands.meeting_probability(value, count, rows), SECTION.threshold, title))
        print(f"  drawn in {drawn}")
    figures["missed_by_theory"] = sum(1 - bands.meeting_probability(judged.similarity[pair], count, rows) for pair in true)
    missed, theory = len(true) - right, figures["missed_by_theory"]
    print(f"  {missed} pairs missed; {theory:.2f} is what the bands' theory expects")
    figures["splits"] = _splits(judged, true)
    return figures


def _bins(judged: Judged, count: int, rows: int) -> list[Bin]:
    bins = []
    edges = np.linspace(0.4, 1, 13)
    for low, high in pairwise(edges):
        chosen = [pair for pair, value in judged.similarity.items() if low <= value < high or value == high == 1]
        if chosen:
            met = float(np.mean([judged.met(pair) for pair in chosen]))
            theory = float(np.mean([bands.meeting_probability(judged.similarity[pair], count, rows) for pair in chosen]))
            found = float(np.mean([pair in judged.found for pair in chosen]))
            mean = float(np.mean([judged.similarity[pair] for pair in chosen]))
            bins.append(Bin(round(float(low), 2), round(float(high), 2), len(chosen), mean, met, theory, found))
    return bins


def _splits(judged: Judged, true: set[Pair]) -> dict[str, Any]:
    """How near train comes to what is held out; see webtext.dedup.splits."""
    held = {number for number, split in judged.splits.items() if split != "train"}

    def straddles(pair: Pair) -> bool:
        return (pair[0] in held) != (pair[1] in held)

    kept = {pair: value for pair, value in judged.similarity.items() if pair[0] in judged.splits and pair[1] in judged.splits}
    nearest: dict[int, float] = defaultdict(float)
    for pair, value in kept.items():
        if straddles(pair):
            one = pair[0] if pair[0] in held else pair[1]
            nearest[one] = max(nearest[one], value)
    copies = defaultdict(set)  # of a document that went: those that stay and that it is near to
    for first, second in true:
        for gone, stays in ((first, second), (second, first)):
            if gone not in judged.splits and stays in judged.splits:
                copies[gone].add(stays)
    shared = {pair for stay in copies.values() for pair in combinations(sorted(stay), 2)} - true
    between = sorted(judged.similarity[pair] for pair in shared)
    figures = {
        "kept": len(judged.splits),
        "held_out": len(held),
        "near_copies_both_kept": sum(value >= SECTION.threshold for value in kept.values()),
        "near_copies_in_train_of_held_out": sum(value >= SECTION.threshold for value in nearest.values()),
        "held_out_with_train_at_0.6_to_threshold": sum(0.6 <= value < SECTION.threshold for value in nearest.values()),
        "share_a_removed_copy": len(shared),
        "share_a_removed_copy_straddling": sum(map(straddles, shared)),
        "share_a_removed_copy_jaccard": [round(between[0], 3), round(between[-1], 3)] if between else [],
    }
    print(f"  Splits: {figures['kept']:,} stay, {len(held):,} of them held out (val, test)")
    print(f"    near copies that both stay (missed): {figures['near_copies_both_kept']}", end="")
    print(f", of these one held out and one in train: {figures['near_copies_in_train_of_held_out']}")
    print(f"    held out with a train document of Jaccard 0.6 to {SECTION.threshold}: {figures['held_out_with_train_at_0.6_to_threshold']}")
    jaccards = " to ".join(f"{value:.2f}" for value in figures["share_a_removed_copy_jaccard"])
    print(f"    pairs that stay, unlike each other (Jaccard {jaccards}), and share a copy that went: {len(shared)}", end="")
    print(f", of these one held out and one in train: {figures['share_a_removed_copy_straddling']}")
    return figures


def on_articles(workers: int) -> dict[str, Any]:
    """The known copies of data/neardup, one by one."""
    figures: dict[str, Any] = {}
    for size in SIZES:
        names, articles = neardup(size)
        judged = judge(articles, workers)
        rows = []
        for one, other in neardup_pairs(size):
            first, second = sorted((names.index(one), names.index(other)))
            rows.append({"pair": [one, other], **_fate(judged, (first, second))})
        known = {tuple(sorted((names.index(one), names.index(other)))) for one, other in neardup_pairs(size)}
        right = sum(row["found"] for row in rows)
        others = {" ".join((names[a], names[b])): judged.similarity.get((a, b), 0.0) for a, b in judged.found.keys() - known}
        figures[str(size)] = {"known": len(known), "found": right, "others": others, "pairs": rows}
        print(f"\ndata/neardup, {size:,} articles: {right} of {len(known)} known pairs found, {len(others)} others")
        for row in rows:
            print(f"  {' '.join(row['pair']):14} Jaccard {row['jaccard']:.3f}   {row['how']}")
        for pair, value in others.items():
            print(f"  {pair:14} Jaccard {value:.3f}   found, and not among the known")
    return figures


def _fate(judged: Judged, pair: Pair) -> Record:
    """Whether a known pair was found, and how or why not."""
    value = judged.similarity.get(pair, 0.0)
    if pair in judged.found:
        method, given = judged.found[pair]
        return {"found": True, "jaccard": value, "how": f"found by {method}, as {given:.3f}"}
    if value < SECTION.threshold:
        how = f"missed: below the threshold of {SECTION.threshold}"
    elif not judged.met(pair):
        how = "missed: no band in common"
    else:
        how = "missed: met, and the estimate was too low"
    return {"found": False, "jaccard": value, "how": how}


def same_bytes(count: int) -> dict[str, Any]:
    """The stage with 1, 2 and 8 worker processes, with tasks in another order, and on documents in another order.

    A shard of the corpus holds its documents in the order of documents/. So of documents in another order the records are compared, sorted;
    the pairs are sorted as they are.
    """
    made = list(documents(texts(count, seed=4)))
    shuffled = random.Random(9).sample(made, len(made))
    runs: list[tuple[str, list[Record], list[str]]] = [(f"{workers} workers", made, ["--workers", str(workers)]) for workers in (1, 2, 8)]
    runs += [("tasks shuffled", made, ["--shuffle", "1"]), ("documents shuffled", shuffled, [])]
    print(f"\nThe same, {count:,} documents          all files            records, sorted")
    figures: dict[str, Any] = {"documents": count}
    for name, records, options in runs:
        with tempfile.TemporaryDirectory() as directory:
            build = Path(directory) / "build"
            write_documents(build, records)
            subprocess.run([*STAGE, str(build), *options], check=True)
            files = sorted(path for part in ("corpus", "duplicates") for path in (build / part).glob("**/shard-*") if path.is_file())
            everything = _digest(path.read_bytes() for path in files)
            table = pa.concat_tables([pq.read_table(path).sort_by("id") for path in files if path.parent.name == "corpus"])
            pairs = [path.read_bytes() for path in files if path.parent.name == "pairs"]
            figures[name] = {"files": everything, "records": _digest([*pairs, str(table.to_pylist()).encode()])}
        print(f"  {name:20}   {figures[name]['files']}   {figures[name]['records']}")
    alike = len({figures[name]["records"] for name, _, _ in runs}) == 1 == len({figures[name]["files"] for name, _, _ in runs[:-1]})
    figures["same"] = alike
    print("  the same" if alike else "  NOT the same")
    return figures


def _digest(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(hashlib.sha256(piece).digest())
    return digest.hexdigest()[:16]
