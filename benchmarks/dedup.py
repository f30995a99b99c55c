"""Near duplicates: speed, memory and quality beside datasketch, datatrove and text-dedup, all in one run on the same documents.

    python benchmarks/dedup.py                                            # 100,000 documents, no peers: two minutes on a quiet machine
    python benchmarks/dedup.py --documents 1000000 --peers VENV/bin/python --without datatrove --curve curve.svg --json figures.json
    python benchmarks/dedup.py --only scale --documents 50000 --peers VENV/bin/python --json figures-50000.json
    python benchmarks/dedup.py --only signatures

Documents are passages of the 100 novels in $WEBTEXT_DATA (runs of three sentences from four places, 240 words or so), 30 % of them copies
of others at a Jaccard similarity of 0.5 to 1 by edited words, moved blocks and added boilerplate. The parts:

    signatures  one core, from text to signature, the same shingles: this project and datasketch's update_batch
    quality     10,000 documents against the exact Jaccard of all pairs: recall, precision, the share of pairs that met beside the
                theoretical curve (--curve draws it), how near train comes to what is held out; data/neardup: the known pairs, one by one
    same        20,000 documents with 1, 2 and 8 workers and in another order: the same bytes
    scale       --documents on --workers processes: time and peak memory (PSS of the process tree) of this project, datatrove, text-dedup

Peers other than datasketch need a Python of their own (`pip install "datatrove[io,processing]" spacy text-dedup`), given by --peers; what
is missing is named. Making the documents is not timed. All take word 5-grams; datatrove has 14 bands of 8 rows, its default, text-dedup 128
permutations and a threshold of 0.8. datatrove takes 5 ms of a processor a document: of 1,000,000, three quarters of an hour.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import xxhash
from datasketch import MinHash
from dedup_corpus import documents, texts, write_documents
from dedup_peers import Figures, datatrove, measured, text_dedup
from dedup_quality import STAGE, WORD, against_brute_force, on_articles, same_bytes

from webtext.dedup import minhash
from webtext.dedup.shingles import shingles

PARTS = ("signatures", "quality", "same", "scale")


def signatures() -> Figures:
    """From text to signature on one core, in documents a second."""
    sample = list(texts(4000, seed=2))

    def ours() -> list[np.ndarray]:
        return [minhash.signature(shingles(text, 5), 128) for text in sample]

    def peer(hashing: Callable[[bytes], int] | None) -> Callable[[], list[np.ndarray]]:
        def run() -> list[np.ndarray]:
            first = MinHash(num_perm=128, seed=1, hashfunc=hashing)
            out = []
            for text in sample:
                words = WORD.findall(text.lower())
                sketch = MinHash(num_perm=128, seed=1, hashfunc=first.hashfunc, permutations=first.permutations, scheme=first.scheme)
                sketch.update_batch({" ".join(words[k : k + 5]).encode() for k in range(len(words) - 4)})
                out.append(sketch.hashvalues)
            return out

        return run

    ways = {"webtext": ours, "datasketch, xxh32": peer(xxhash.xxh32_intdigest), "datasketch, its sha1": peer(None)}
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(5):  # in turn, the best round counts
        for name, way in ways.items():
            began = time.process_time()
            way()
            best[name] = min(best[name], time.process_time() - began)
    figures = {name: round(len(sample) / seconds) for name, seconds in best.items()}
    print(f"\nSignatures, documents a second of one core ({np.mean([len(text.split()) for text in sample]):.0f} words each)")
    for name, rate in figures.items():
        print(f"  {name:22} {rate:8,}   {figures['webtext'] / rate:5.1f} x")
    return figures


def scale(count: int, workers: int, python: str | None, without: list[str], base: Path | None) -> Figures:
    """Time and peak memory on many documents."""
    if base is not None:
        base.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=base))
    try:
        build = directory / "build"
        began = time.perf_counter()
        write_documents(build, documents(texts(count)))
        print(f"\nScale: {count:,} documents, {workers} workers (making the documents took {time.perf_counter() - began:.0f} s)")
        row = measured([*STAGE, str(build), "--workers", str(workers)])
        kept = sum(pq.read_metadata(path).num_rows for path in (build / "corpus").glob("*.parquet"))
        rows: dict[str, Figures] = {"webtext": {**row, "kept": kept, "phases": json.loads((build / "phases.json").read_text())}}
        say("webtext", rows["webtext"])
        for phase, used in rows["webtext"]["phases"].items():
            seconds = f"{used['seconds']:7.1f} s ({used['cpu_seconds']:,.1f} s of processors)"
            print(f"    {phase:10} {seconds:34} a worker has had {used['worker_mb']:5,} MB resident")
        for name, module, prepare in (("datatrove", "datatrove", datatrove), ("text-dedup", "text_dedup", text_dedup)):
            if name in without:
                continue
            if python is None or subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode:
                print(f"  {name:12} is missing (--peers)")
                rows[name] = {"missing": True}
                continue
            command, count_kept = prepare(python, build / "peers", workers)
            rows[name] = {**measured(command), "kept": count_kept()}
            say(name, rows[name])
        return {"documents": count, "workers": workers, **rows}
    finally:
        shutil.rmtree(directory)


def say(name: str, row: Figures) -> None:
    times = f"{row['seconds']:8.1f} s ({row['cpu_seconds']:,.0f} s of processors)"
    print(f"  {name:12} {times:36} peak {row['peak_mb']:6,} MB   {row['kept']:,} kept", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="run this part alone")
    parser.add_argument("--documents", type=int, default=100_000, help="documents of the scale part")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peers", metavar="PYTHON", help="a Python that has datatrove and text-dedup")
    parser.add_argument("--without", choices=["datatrove", "text-dedup"], action="append", default=[], help="leave this peer out")
    parser.add_argument("--work", type=Path, help="where files go; 1,000,000 documents need 15 GB")
    parser.add_argument("--curve", type=Path, metavar="FILE", help="draw the curve of detection (SVG)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    options = parser.parse_args()
    chosen = options.only or PARTS
    figures: Figures = {}
    if "signatures" in chosen:
        figures["signatures"] = signatures()
    if "quality" in chosen:
        figures["quality"] = against_brute_force(options.workers, options.curve)
        figures["neardup"] = on_articles(options.workers)
    if "same" in chosen:
        figures["same"] = same_bytes(20_000)
    if "scale" in chosen:
        figures["scale"] = scale(options.documents, options.workers, options.peers, options.without, options.work)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
