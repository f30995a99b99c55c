"""Near duplicates: speed, memory and quality beside datasketch, datatrove and text-dedup, all in one run on the same documents.

    python benchmarks/dedup.py                                            # 100,000 documents: some minutes
    python benchmarks/dedup.py --documents 1000000 --peers VENV/bin/python --json figures.json
    python benchmarks/dedup.py --only signatures

Documents are passages of the 100 novels in $WEBTEXT_DATA (runs of three sentences from four places, 240 words or so), 30 % of them copies
of others at a Jaccard similarity of 0.5 to 1 by edited words, moved blocks and added boilerplate. Three parts:

    signatures  one core, from text to signature, the same shingles: this project and datasketch's update_batch
    quality     10,000 documents against the exact Jaccard of all pairs: recall, precision, and the share of pairs that met beside
                the theoretical curve; data/neardup: the known pairs
    scale       --documents on --workers processes: time and peak memory (PSS of the process tree) of this project, datatrove, text-dedup

Peers other than datasketch need a Python of their own (`pip install "datatrove[io,processing]" spacy text-dedup`), given by --peers; what
is missing is named. Making the documents is not timed. All take word 5-grams; datatrove has 14 bands of 8 rows, its default, text-dedup 128
permutations and a threshold of 0.8.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse
import xxhash
import zstandard
from datasketch import MinHash

from webtext.config import DedupSection
from webtext.dedup import bands, minhash, phases
from webtext.dedup.packed import Packed
from webtext.dedup.rank import Order
from webtext.dedup.shingles import shingles
from webtext.dedup.signed import SIGNATURES, signature_path
from webtext.dedup.verify import EDGES, Edges
from webtext.hashing import shard_name, url_id
from webtext.records import DOCUMENT
from webtext.task import Place, run_task

DATA = Path(os.environ.get("WEBTEXT_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
WORD = re.compile(r"[^\W_]+")
COPIES = 0.3
SHARDS = 8
SECTION = DedupSection(partitions=8)
BOILERPLATE = "Subscribe to our newsletter. All rights reserved, no part of this page may be copied without leave of its owner. ".split()

Figures = dict[str, Any]


# ---------------------------------------------------------------------------------------------------------------- documents


def sentences() -> list[str]:
    """The sentences of the novels, of 40 to 400 characters."""
    found: list[str] = []
    packed = zstandard.ZstdDecompressor().stream_reader((DATA / "text" / "novels.tar.zst").open("rb")).read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            if (file := archive.extractfile(member)) is not None:
                text = " ".join(file.read().decode("utf-8", "replace").split())
                found += [sentence for sentence in re.split(r"(?<=[.!?]) ", text) if 40 <= len(sentence) <= 400]
    return found


def copy_of(words: list[str], rng: random.Random) -> list[str]:
    """A copy at a Jaccard similarity of about 0.5 to 1, in one of three ways."""
    similarity, way = rng.uniform(0.5, 1), rng.randrange(4)
    if way == 0:  # a block moved: the seams alone are new
        begin = rng.randrange(len(words) // 2)
        block = words[begin : begin + len(words) // 4]
        return words[:begin] + words[begin + len(block) :] + block
    if way == 1:  # boilerplate around it
        added = round(len(words) * (1 / similarity - 1))
        start = rng.randrange(1000)
        frame = [BOILERPLATE[(start + k) % len(BOILERPLATE)] + ("" if k % 7 else str(rng.randrange(9999))) for k in range(added)]
        return frame[: added // 2] + words + frame[added // 2 :]
    out = list(words)
    changes = round(len(words) * (1 - similarity) / (5 * (1 + similarity)))
    for place in rng.sample(range(len(words)), changes):
        out[place] = f"w{rng.randrange(10**6)}"
    return out


def texts(count: int, seed: int = 1) -> Iterator[str]:
    """Passages with copies among them."""
    rng = random.Random(seed)
    pool = sentences()
    recent: list[list[str]] = []
    for _ in range(count):
        if recent and rng.random() < COPIES:
            words = copy_of(rng.choice(recent), rng)
        else:
            starts = [rng.randrange(len(pool) - 3) for _ in range(4)]
            words = " ".join(" ".join(pool[start : start + 3]) for start in starts).split()
            if len(recent) < 50_000:
                recent.append(words)
            else:
                recent[rng.randrange(len(recent))] = words
        yield " ".join(words)


def write_documents(build: Path, made: Iterator[str]) -> int:
    """Write documents/ for us and peers/ for the others; the same texts in the same files."""
    for name in ("documents", "peers/jsonl", "peers/parquet"):
        (build / name).mkdir(parents=True)
    plain = pa.schema([("id", pa.string()), ("text", pa.string())])
    writers = [
        (
            pq.ParquetWriter(build / "documents" / f"{shard_name(shard)}.parquet", DOCUMENT, compression="zstd"),
            pq.ParquetWriter(build / "peers" / "parquet" / f"{shard:05d}.parquet", plain, compression="zstd"),
            (build / "peers" / "jsonl" / f"{shard:05d}.jsonl").open("w", encoding="utf-8"),
        )
        for shard in range(SHARDS)
    ]
    rows: list[list[dict[str, Any]]] = [[] for _ in range(SHARDS)]

    def flush(shard: int) -> None:
        ours, theirs, lines = writers[shard]
        ours.write_table(pa.Table.from_pylist(rows[shard], schema=DOCUMENT))
        theirs.write_table(pa.Table.from_pylist([{"id": row["id"], "text": row["text"]} for row in rows[shard]], schema=plain))
        lines.writelines(json.dumps({"id": row["id"], "text": row["text"]}) + "\n" for row in rows[shard])
        rows[shard] = []

    count = 0
    for count, text in enumerate(made, 1):
        url = f"http://host{count % 1000}.example/{count}"
        rows[count % SHARDS].append({"id": url_id(url), "url": url, "text": text, "created_utc": 10**9 + count // 3, "score": count % 7})
        if len(rows[count % SHARDS]) == 5000:
            flush(count % SHARDS)
    for shard, writer in enumerate(writers):
        flush(shard)
        for one in writer:
            one.close()
    return count


# ---------------------------------------------------------------------------------------------------------------- our stage


def run_stage(build: Path, workers: int) -> dict[str, float]:
    """Run the phases on documents/ in worker processes. Returns the seconds of each."""
    place = Place(build, "duplicates", "benchmark")
    seconds: dict[str, float] = {}
    parts, stage = range(SHARDS), range(1)
    steps: list[tuple[str, Callable[..., Any], range]] = [
        ("sign", phases.sign_shard, parts),
        ("rank", phases.rank_documents, stage),
        ("join", phases.join_partition, range(SECTION.partitions)),
        ("verify", phases.verify_range, range(SECTION.partitions)),
        ("settle", phases.settle_stage, stage),
        ("decide", phases.decide_shard, parts),
    ]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        for name, function, tasks in steps:
            began = time.perf_counter()
            futures = [pool.submit(run_task, place, f"{name}-{task:05d}", function, task, SHARDS, SECTION) for task in tasks]
            for future in futures:
                future.result()
            seconds[name] = round(time.perf_counter() - began, 2)
    return seconds


DATATROVE = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
base, workers, shards = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
config, work = MinhashConfig(n_grams=5), base + "/datatrove"
def run(tasks, *steps):
    LocalPipelineExecutor(pipeline=list(steps), tasks=tasks, workers=workers, logging_dir=None).run()
if __name__ == "__main__":
    reader = JsonlReader(base + "/jsonl")
    run(shards, reader, MinhashDedupSignature(output_folder=work + "/signatures", config=config, skip_existing_sigs=False))
    run(config.num_buckets, MinhashDedupBuckets(input_folder=work + "/signatures", output_folder=work + "/buckets", config=config))
    run(1, MinhashDedupCluster(input_folder=work + "/buckets", output_folder=work + "/remove", config=config))
    run(shards, reader, MinhashDedupFilter(input_folder=work + "/remove"), JsonlWriter(work + "/out"))
"""


def datatrove(python: str, peers: Path, workers: int) -> tuple[list[str], Callable[[], int]]:
    """The command, and what counts the documents that it kept."""
    script = peers / "run_datatrove.py"
    script.write_text(DATATROVE)

    def kept() -> int:
        import gzip

        return sum(sum(1 for _ in gzip.open(path)) for path in (peers / "datatrove" / "out").glob("*.jsonl.gz"))

    return [python, str(script), str(peers), str(workers), str(SHARDS)], kept


def text_dedup(python: str, peers: Path, workers: int) -> tuple[list[str], Callable[[], int]]:
    out = peers / "text-dedup"
    options = {
        "path": "parquet",
        "data_files": str(peers / "parquet" / "*.parquet"),
        "split": "train",
        "cache_dir": str(peers / "cache"),
        "output": str(out),
        "column": "text",
        "batch_size": "10000",
        "num_proc": str(workers),
        "ngram": "5",
        "num_perm": "128",
        "threshold": "0.8",
        "min_length": "1",
        "hash_func": "xxh3",
        "hash_bits": "32",
    }
    command = [python, "-m", "text_dedup.minhash", *(part for name, value in options.items() for part in (f"--{name}", value))]

    def kept() -> int:
        return sum(pa.ipc.open_stream(pa.memory_map(str(path))).read_all().num_rows for path in out.glob("*.arrow"))

    return command, kept


def measured(command: list[str]) -> Figures:
    """Run a command. Returns its seconds, processor seconds, and the peak of the proportional set sizes of its process tree in MB."""
    peak = 0
    processor: dict[tuple[int, float], float] = {}  # by process, as last seen: not every peer waits for its workers
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "HF_HUB_OFFLINE": "1"})
        ended = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not ended.wait(0.2):
                size = 0
                try:
                    family = [root := psutil.Process(process.pid), *root.children(recursive=True)]
                except psutil.NoSuchProcess:
                    return
                for one in family:
                    try:
                        size += one.memory_full_info().pss
                        used = one.cpu_times()
                        processor[one.pid, one.create_time()] = used.user + used.system
                    except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
                        continue
                peak = max(peak, size)

        watcher = threading.Thread(target=watch)
        watcher.start()
        status = process.wait()
        ended.set()
        watcher.join()
        seconds = time.perf_counter() - began
        if status:
            log.seek(0)
            raise SystemExit(f"{' '.join(command[:3])} ended with {status}:\n{log.read()[-3000:].decode(errors='replace')}")
    return {"seconds": round(seconds, 1), "cpu_seconds": round(sum(processor.values()), 1), "peak_mb": round(peak / 1e6)}


# ---------------------------------------------------------------------------------------------------------------- the parts


def signatures(figures: Figures) -> None:
    """From text to signature on one core."""
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
    figures["signatures"] = {name: round(len(sample) / seconds) for name, seconds in best.items()}
    print(f"\nSignatures, documents a second on one core ({np.mean([len(text.split()) for text in sample]):.0f} words each)")
    for name, rate in figures["signatures"].items():
        print(f"  {name:22} {rate:8,}   {figures['signatures']['webtext'] / rate:5.1f} x")


def all_pairs(documents: list[str], least: float) -> dict[tuple[int, int], float]:
    """The exact Jaccard similarities from `least` on, by counting the common shingles of all pairs; shingles are tuples of words."""
    vocabulary: dict[tuple[str, ...], int] = {}
    columns, ends = [], [0]
    for text in documents:
        words = WORD.findall(unicodedata.normalize("NFKC", text).lower())
        columns += [vocabulary.setdefault(tuple(words[k : k + 5]), len(vocabulary)) for k in range(len(words) - 4)]
        ends.append(len(columns))
    matrix = scipy.sparse.csr_matrix((np.ones(len(columns), np.int32), columns, ends), (len(documents), len(vocabulary)))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    sizes = np.asarray(matrix.sum(axis=1)).ravel()
    common = scipy.sparse.triu(matrix @ matrix.T, 1).tocoo()
    similarity = common.data / (sizes[common.row] + sizes[common.col] - common.data)
    chosen = similarity >= least
    return dict(zip(zip(common.row[chosen].tolist(), common.col[chosen].tolist()), similarity[chosen].tolist()))


def found_pairs(build: Path, index: dict[str, int]) -> tuple[set[tuple[int, int]], np.ndarray]:
    """The verified pairs of a stage that ran, by `index` of ids, and the band keys (documents, bands) in the order of the index."""
    place = Place(build, "duplicates", "benchmark")
    order = Order(place)
    packed = [Packed(build / signature_path(shard), SIGNATURES) for shard in range(SHARDS)]
    ids = [row.tobytes().hex() for one in packed for row in one.read("ids")]
    position = np.array([index[one] for one in ids])
    pairs: set[tuple[int, int]] = set()
    for part in range(SECTION.partitions):
        edges = Edges.read(Packed(place.spill(f"edges-{part:05d}"), EDGES))
        both = np.sort(np.stack([position[order.numbers(edges.later)], position[order.numbers(edges.earlier)]], axis=1), axis=1)
        pairs |= {(first, second) for first, second in both.tolist()}
    keys = np.empty((len(ids), packed[0].facts["bands"]), np.uint64)
    keys[position] = np.concatenate([bands.keys(one.read("signatures"), one.facts["bands"], one.facts["rows"]) for one in packed])
    return pairs, keys


def judge(documents: list[str], workers: int) -> tuple[set[tuple[int, int]], dict[tuple[int, int], float], np.ndarray]:
    """What the stage finds in documents, and what there is to find."""
    with tempfile.TemporaryDirectory() as directory:
        build = Path(directory) / "build"
        write_documents(build, iter(documents))
        run_stage(build, workers)
        index = {url_id(f"http://host{count % 1000}.example/{count}"): count - 1 for count in range(1, len(documents) + 1)}
        pairs, keys = found_pairs(build, index)
    return pairs, all_pairs(documents, 0.4), keys


def quality(figures: Figures, workers: int) -> None:
    """Recall, precision and the curve of detection."""
    pairs, similarity, keys = judge(list(texts(10_000, seed=3)), workers)
    true = {pair for pair, value in similarity.items() if value >= SECTION.threshold}
    count, rows = bands.shape(SECTION.threshold, SECTION.permutations)
    figures["quality"] = {
        "pairs": len(true),
        "recall": round(len(pairs & true) / len(true), 4),
        "precision": round(len(pairs & true) / len(pairs), 4),
    }
    print(f"\nQuality, 10,000 documents: {len(true):,} pairs of Jaccard >= {SECTION.threshold}; {count} bands of {rows} rows")
    print(f"  recall {figures['quality']['recall']:.4f}   precision {figures['quality']['precision']:.4f}")
    print("  Jaccard       pairs   met in a band   theory   found and verified")
    curve = []
    for low in np.arange(0.4, 1.0, 0.05):
        chosen = [pair for pair, value in similarity.items() if low <= value < low + 0.05 or (low > 0.94 and value == 1.0)]
        if not chosen:
            continue
        met = float(np.mean([(keys[first] == keys[second]).any() for first, second in chosen]))
        theory = float(np.mean([bands.meeting_probability(similarity[pair], count, rows) for pair in chosen]))
        verified = float(np.mean([pair in pairs for pair in chosen]))
        curve.append({"jaccard": round(float(low), 2), "pairs": len(chosen), "met": met, "theory": theory, "verified": verified})
        print(f"  {low:.2f} - {low + 0.05:.2f} {len(chosen):7,}   {met:13.3f}   {theory:6.3f}   {verified:18.3f}  {'#' * round(30 * met)}")
    figures["quality"]["curve"] = curve
    figures["neardup"] = {}
    for size in (100, 1000, 2500):
        names, articles = neardup(size)
        pairs, similarity, _ = judge(articles, workers)
        known = [tuple(sorted(names.index(name) for name in line.split())) for line in truth(size)]
        missed = {f"{names[a]} {names[b]}": round(similarity.get((a, b), 0.0), 3) for a, b in known if (a, b) not in pairs}
        others = len(pairs - set(known))
        figures["neardup"][str(size)] = {"known": len(known), "found": len(known) - len(missed), "others": others, "missed": missed}
        print(f"  data/neardup, {size} articles: {len(known) - len(missed)} of {len(known)} known pairs found, {others} others", end="")
        print(f"; missed, with their Jaccard: {missed}" if missed else "")


def neardup(size: int) -> tuple[list[str], list[str]]:
    path = DATA / "neardup" / f"articles_{size}.train"
    data = path.read_bytes() if path.exists() else zstandard.ZstdDecompressor().decompress(Path(f"{path}.zst").read_bytes(), 2**26)
    lines = [line.split(" ", 1) for line in data.decode().splitlines() if line.strip()]
    return [line[0] for line in lines], [line[1] for line in lines]


def truth(size: int) -> list[str]:
    return [line for line in (DATA / "neardup" / f"articles_{size}.truth").read_text().splitlines() if line.strip()]


def scale(figures: Figures, documents: int, workers: int, python: str | None, without: list[str], base: Path | None) -> None:
    """Time and peak memory on many documents."""
    directory = Path(tempfile.mkdtemp(dir=base))
    try:
        build = directory / "build"
        count = write_documents(build, texts(documents))
        print(f"\nScale: {count:,} documents, {workers} workers")
        rows: dict[str, Figures] = {}
        row = measured([sys.executable, __file__, "--stage", str(build), "--workers", str(workers)])
        kept = sum(pq.read_metadata(path).num_rows for path in (build / "corpus").glob("*.parquet"))
        by_phase = json.loads((build / "seconds.json").read_text())
        rows["webtext"] = {**row, "kept": kept, "phases": by_phase}
        say("webtext", rows["webtext"])
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
        figures["scale"] = {"documents": count, "workers": workers, **rows}
    finally:
        shutil.rmtree(directory)


def say(name: str, row: Figures) -> None:
    detail = "  ".join(f"{phase} {seconds}" for phase, seconds in row.get("phases", {}).items())
    times = f"{row['seconds']:8.1f} s ({row['cpu_seconds']:,.0f} s of processors)"
    print(f"  {name:12} {times}   peak {row['peak_mb']:6,} MB   {row['kept']:,} kept   {detail}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["signatures", "quality", "scale"], action="append", help="run this part alone")
    parser.add_argument("--documents", type=int, default=100_000, help="documents of the scale part")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peers", metavar="PYTHON", help="a Python that has datatrove and text-dedup")
    parser.add_argument("--without", choices=["datatrove", "text-dedup"], action="append", default=[], help="leave this peer out")
    parser.add_argument("--work", type=Path, help="where files go; 1,000,000 documents need 15 GB")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--stage", type=Path, metavar="BUILD", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        (options.stage / "seconds.json").write_text(json.dumps(run_stage(options.stage, options.workers)))
        return
    chosen = options.only or ["signatures", "quality", "scale"]
    figures: Figures = {}
    if "signatures" in chosen:
        signatures(figures)
    if "quality" in chosen:
        quality(figures, options.workers)
    if "scale" in chosen:
        scale(figures, options.documents, options.workers, options.peers, options.without, options.work)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
