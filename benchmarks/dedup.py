"""Near duplicates: speed and memory beside datasketch, rensa, datatrove and text-dedup, in one run on the same documents.

    pip install rensa; in an environment of its own: pip install rensa "datatrove[io,processing]" spacy text-dedup
    python -m benchmarks.dedup                                        # 100,000 documents, two minutes on a quiet machine
    python -m benchmarks.dedup --documents 1000000 --peers VENV/bin/python --without datatrove --json figures.json

Documents are `corpus.passages`: 240 words or so, 30 % of them copies at a Jaccard similarity of 0.5 to 1. All sides take word 5-grams
and 128 permutations (datatrove its default, 14 bands of 8 rows), read the same Parquet files and write the documents that they keep as
Parquet (text-dedup as Arrow). tests/webtext/dedup has the same bytes in any order and real articles with known copies. Parts:

    signatures  one core, from text to signature: this project, datasketch's update_batch, rensa's two kinds.
                Expected: 67,000 documents a second; datasketch with the same hash 5,000
    quality     10,000 documents against the exact Jaccard of all pairs, with the theory of the bands beside it, and how near train comes to
                what is held out. Expected: precision 1, recall above 0.99
    scale       --documents on --workers processes: time and peak memory (PSS of all processes). Expected for 1,000,000: 58 s, 1.1 GB;
                text-dedup 477 s, 5.8 GB; datatrove takes 5 ms of a processor a document, three quarters of an hour. 15 GB of disk

rensa is a library for one process: its script is the example of its documentation with Parquet in and out.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse
import xxhash
from datasketch import MinHash

from benchmarks.corpus import SHARDS, document_id, documents, passages, write_documents
from benchmarks.dedup_stage import SECTION
from benchmarks.harness import Figures, bar, in_turn, installed, rates, run, run_command
from webtext.dedup import bands, minhash
from webtext.dedup.shingles import shingles

WORD = re.compile(r"[^\W_]+")
STAGE = [sys.executable, "-m", "benchmarks.dedup_stage"]
DATATROVE = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter
source, work, workers, shards = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
config = MinhashConfig(n_grams=5)
def run(tasks, *steps):
    logs = f"{work}/logs/{type(steps[-1]).__name__}"  # a directory for each: datatrove takes what one says of finished tasks for its own
    LocalPipelineExecutor(pipeline=list(steps), tasks=tasks, workers=workers, logging_dir=logs).run()
if __name__ == "__main__":
    reader = ParquetReader(source)
    run(shards, reader, MinhashDedupSignature(output_folder=work + "/signatures", config=config, skip_existing_sigs=False))
    run(config.num_buckets, MinhashDedupBuckets(input_folder=work + "/signatures", output_folder=work + "/buckets", config=config))
    run(1, MinhashDedupCluster(input_folder=work + "/buckets", output_folder=work + "/remove", config=config))
    run(shards, reader, MinhashDedupFilter(input_folder=work + "/remove"), ParquetWriter(work + "/out"))
"""
RENSA = """
import pathlib, re, sys
import pyarrow as pa, pyarrow.parquet as pq
from rensa import RMinHash, RMinHashDeduplicator
source, work = map(pathlib.Path, sys.argv[1:3])
(work / "out").mkdir(parents=True)
seen, number, word = RMinHashDeduplicator(0.8, 128, True, 16), 0, re.compile(r"[^\\W_]+")
for path in sorted(source.glob("*.parquet")):
    with pq.ParquetFile(path) as file, pq.ParquetWriter(work / "out" / path.name, file.schema_arrow, compression="zstd") as out:
        for batch in file.iter_batches(10_000):
            kept = []
            for text in batch.column("text").to_pylist():
                words = word.findall(text.lower())
                sketch = RMinHash(128, 42)
                sketch.update([" ".join(words[k : k + 5]) for k in range(len(words) - 4)])
                kept.append(seen.add(str(number), sketch))
                number += 1
            out.write_batch(batch.filter(pa.array(kept)))
"""


def signatures(options: argparse.Namespace) -> Figures:
    """From text to signature on one core, documents a second."""
    sample = list(passages(400 if options.quick else 4000, seed=2))

    def ngrams(text: str) -> list[str]:
        words = WORD.findall(text.lower())
        return [" ".join(words[k : k + 5]) for k in range(len(words) - 4)]

    def datasketch(hashing: Callable[[bytes], int] | None) -> Callable[[], object]:
        first = MinHash(num_perm=128, seed=1, hashfunc=hashing)

        def signature(text: str) -> object:
            sketch = MinHash(num_perm=128, seed=1, hashfunc=first.hashfunc, permutations=first.permutations, scheme=first.scheme)
            sketch.update_batch({ngram.encode() for ngram in ngrams(text)})
            return sketch.hashvalues

        return lambda: list(map(signature, sample))

    peers: dict[str, Callable[[], object]] = {
        "webtext": lambda: [minhash.signature(shingles(text, 5), 128) for text in sample],
        "datasketch, xxh32": datasketch(xxhash.xxh32_intdigest),
        "datasketch, its sha1": datasketch(None),
    }
    if installed("rensa"):
        import rensa

        peers["rensa, RMinHash"] = lambda: rensa.RMinHash.digests_from_token_sets(map(ngrams, sample), 128, 1)
        peers["rensa, CMinHash"] = lambda: rensa.CMinHash.digests_from_token_sets(map(ngrams, sample), 128, 1)
    minhash.signature(shingles(sample[0], 5), 128)  # kernels are compiled or loaded before it counts
    return rates(in_turn(peers, options.rounds), len(sample))


def all_pairs(texts: Iterable[str], least: float) -> dict[tuple[int, int], float]:
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


def quality(options: argparse.Namespace) -> Figures:
    """Run the stage, and compare what it removed with the similarities of all pairs.

    Recall is the share of the pairs from the threshold on of which it did not keep both; precision that of its removed documents whose
    named copy is one. `resolved` by range of similarity is the share of pairs of which it did not keep both.
    """
    texts = list(passages(1000 if options.quick else 10_000, seed=3))
    write_documents(options.directory / "documents", documents(texts))
    run_command([*STAGE, str(options.directory)])
    number = {document_id(index): index for index in range(len(texts))}
    rows = pq.read_table(options.directory / "corpus", columns=["id", "split"]).to_pylist()
    splits = {number[row["id"]]: row["split"] for row in rows}
    removed = [
        (number[row["kept_id"]], number[row["removed_id"]]) for row in pq.read_table(options.directory / "duplicates/pairs").to_pylist()
    ]
    similarity = all_pairs(texts, 0.4)
    shape = bands.shape(SECTION.threshold, SECTION.permutations)
    keys = bands.keys(np.stack([minhash.signature(shingles(text, SECTION.shingle_words), SECTION.permutations) for text in texts]), *shape)
    both_kept = {pair: value for pair, value in similarity.items() if splits.keys() >= set(pair)}
    true = [value for value in similarity.values() if value >= SECTION.threshold]
    missed = [value for value in both_kept.values() if value >= SECTION.threshold]
    straddling = [value for (one, other), value in both_kept.items() if (splits[one] == "train") != (splits[other] == "train")]
    figures: Figures = {
        "bands_and_rows": str(shape),
        "pairs": len(true),
        "recall": 1 - len(missed) / len(true),
        "precision": fmean(similarity.get((min(pair), max(pair)), 0.0) >= SECTION.threshold for pair in removed),
        "missed": len(missed),
        "pairs_that_meet_in_no_band_by_theory": sum(1 - bands.meeting_probability(value, *shape) for value in true),
        "documents_kept": len(splits),
        "held_out": sum(split != "train" for split in splits.values()),
        "near_copies_of_held_out_in_train": sum(value >= SECTION.threshold for value in straddling),
        "pairs_of_held_out_and_train_from_0.6_on": sum(value >= 0.6 for value in straddling),
    }
    for low, high in pairwise(np.linspace(0.4, 1, 13)):
        if chosen := [pair for pair, value in similarity.items() if low <= value < high or value == high == 1]:
            figures[f"Jaccard {low:.2f} to {high:.2f}"] = {
                "pairs": len(chosen),
                "met_in_a_band": fmean(bool((keys[one] == keys[other]).any()) for one, other in chosen),
                "theory": fmean(bands.meeting_probability(similarity[pair], *shape) for pair in chosen),
                "resolved": fmean(pair not in both_kept for pair in chosen),
            }
    return figures


def text_dedup(python: str, source: Path, work: Path, workers: int) -> list[str]:
    flags = {
        "path": "parquet",
        "data_files": f"{source}/*.parquet",
        "split": "train",
        "cache_dir": f"{work}/cache",
        "output": f"{work}/out",
    }
    flags |= {"column": "text", "batch_size": "10000", "num_proc": str(workers), "ngram": "5", "num_perm": "128", "threshold": "0.8"}
    flags |= {"min_length": "1", "hash_func": "xxh3", "hash_bits": "32"}
    return [python, "-m", "text_dedup.minhash", *(part for name, value in flags.items() for part in (f"--{name}", value))]


def script(program: str) -> Callable[[str, Path, Path, int], list[str]]:
    """The command of a peer's script, which is written beside its work."""

    def command(python: str, source: Path, work: Path, workers: int) -> list[str]:
        path = work / "script.py"
        path.write_text(program)
        return [python, str(path), str(source), str(work), str(workers), str(SHARDS)]

    return command


PEERS = {"rensa": ("rensa", script(RENSA)), "datatrove": ("datatrove", script(DATATROVE)), "text-dedup": ("text_dedup", text_dedup)}


def kept(directory: Path) -> int:
    """The documents of all Parquet or Arrow files in a directory."""
    arrow = sum(pa.ipc.open_stream(pa.memory_map(str(path))).read_all().num_rows for path in directory.glob("*.arrow"))
    return arrow + sum(pq.read_metadata(path).num_rows for path in directory.glob("*.parquet"))


def scale(options: argparse.Namespace) -> Figures:
    """Time and peak memory on many documents; making them is not timed."""
    build = options.directory / "build"
    write_documents(build / "documents", documents(passages(2000 if options.quick else options.documents)))
    row = run_command([*STAGE, str(build), "--workers", str(options.workers)])
    rows: Figures = {"webtext": {**row, "kept": kept(build / "corpus")}}
    rows |= {f"  {phase}": used for phase, used in json.loads((build / "phases.json").read_text()).items()}
    python = options.peers or sys.executable
    for name, (module, command) in PEERS.items():
        if name not in options.without and installed(module, name, python):
            work = options.directory / name
            work.mkdir()
            found = run_command(command(python, build / "documents", work, options.workers), HF_HUB_OFFLINE="1")
            ratio = found["seconds"] / row["seconds"]
            rows[name] = {**found, "kept": kept(work / "out"), "ours_is_times_as_fast": ratio}
    return rows


def bars(figures: Figures) -> Iterator[Figures]:
    if "quality" in figures:
        yield bar("precision", figures["quality"]["precision"], least=0.999)
        yield bar("recall", figures["quality"]["recall"], least=0.99)


OPTIONS = {
    "--documents": {"type": int, "default": 100_000, "help": "documents of the scale part"},
    "--workers": {"type": int, "default": 2},
    "--peers": {"metavar": "PYTHON", "help": "a Python that has rensa, datatrove and text-dedup"},
    "--without": {"choices": PEERS, "action": "append", "default": [], "help": "leave this peer out"},
}

if __name__ == "__main__":
    run(__doc__, {"signatures": signatures, "quality": quality, "scale": scale}, OPTIONS, bars)
