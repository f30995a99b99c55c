"""Near duplicates: speed and memory beside datasketch, rensa, datatrove and text-dedup, in one run on the same documents.

    pip install rensa; in an environment of its own: pip install rensa "datatrove[io,processing]" spacy text-dedup
    python -m benchmarks.dedup                                        # 100,000 documents, two minutes on a quiet machine
    python -m benchmarks.dedup --documents 1000000 --peers VENV/bin/python --without datatrove --json figures.json

Documents are `corpus.passages`: 240 words or so, 30 % of them copies at a Jaccard similarity of 0.5 to 1. All sides take word 5-grams
and 128 permutations (datatrove its default, 14 bands of 8 rows), read the same Parquet files and write the documents that they keep as
Parquet (text-dedup as Arrow).
benchmarks/dedup_quality.py measures recall and precision. Parts:

    signatures  one core, from text to signature: this project, datasketch's update_batch, rensa's two kinds.
                Expected: 67,000 documents a second; datasketch with the same hash 5,000
    scale       --documents on --workers processes: time and peak memory (PSS of all processes). Expected for 1,000,000: 58 s, 1.1 GB;
                text-dedup 477 s, 5.8 GB; datatrove takes 5 ms of a processor a document, three quarters of an hour. 15 GB of disk

rensa is a library for one process: its script is the example of its documentation with Parquet in and out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from datasketch import MinHash

from benchmarks.corpus import SHARDS, documents, passages, write_documents
from benchmarks.dedup_quality import WORD
from benchmarks.harness import Figures, in_turn, installed, rates, run, run_command
from webtext.dedup import minhash
from webtext.dedup.shingles import shingles

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


OPTIONS = {
    "--documents": {"type": int, "default": 100_000, "help": "documents of the scale part"},
    "--workers": {"type": int, "default": 2},
    "--peers": {"metavar": "PYTHON", "help": "a Python that has rensa, datatrove and text-dedup"},
    "--without": {"choices": PEERS, "action": "append", "default": [], "help": "leave this peer out"},
}

if __name__ == "__main__":
    run(__doc__, {"signatures": signatures, "scale": scale}, OPTIONS)
