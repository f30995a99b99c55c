"""Tokenizer and token shards beside their peers, all in one run: training, a large text, and the tokenize stage.

    PEERS/bin/python benchmarks/tokenizer.py                        # 100 novels, 78 MB, 50,257 tokens, two processors: some minutes
    PEERS/bin/python benchmarks/tokenizer.py --json figures.json
    python benchmarks/tokenizer.py --only stage

PEERS is an environment that sees this project's and has `pip install rustbpe bpeasy`; peers that are not installed are named. Three parts:

    training  this project, rustbpe, bpeasy and Hugging Face's tokenizers on the same files, in turn, the best of --rounds
    large     1 GB (the novels --copies times, with other words in each): time and memory of this project
    stage     the tokenize stage from Parquet to token shards, beside tiktoken on the same documents in memory, on one core and on two

Each training runs in a process of its own, so that its peak memory is its own. Time is that of the training, which reads the files, one
text at a time. What a process needs before (imports; for ours also loading the compiled kernels) is stated apart, and so is compiling them,
which is done once in an installation. In the stage a process a core is started, and warm, before the time begins: it has loaded the
vocabulary and encoded a word, as tiktoken's processes have. Processor time says more than the clock on a machine that does other work too.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import zstandard

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # and not this directory, where this file is named like the package
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
PEERS = ("rustbpe", "bpeasy", "tokenizers")
SHARDS = 8  # of the corpus
FILE_TOKENS = 2_500_000  # of a token file, so that there are as many
WARM_UP = ["low lower lowest " * 3000]  # enough words that tables grow, so that every kernel is loaded


def texts_of(directory: Path, copies: int) -> Iterator[str]:
    """The text of each file; in each copy after the first the small letters are others, so that nearly all words are new."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    for copy in range(copies):
        others = str.maketrans(letters, letters[copy % 26 :] + letters[: copy % 26])
        for path in sorted(directory.glob("*.txt")):
            text = path.read_text(encoding="utf-8")
            yield text.translate(others) if copy else text


Merges = list[tuple[bytes, bytes]]
Trainer = Callable[[Iterator[str], int], Callable[[], Merges]]  # what it returns is called when the measuring is over


def ours() -> Trainer:
    from tokenizer import train

    def run(texts: Iterator[str], size: int) -> Callable[[], Merges]:
        bpe = train(texts, size)
        return lambda: bpe.merges

    return run


def rustbpe() -> Trainer:
    import rustbpe as peer

    def train(texts: Iterator[str], size: int) -> Callable[[], Merges]:
        peer.Tokenizer().train_from_iterator(texts, size - 1, pattern=PATTERN)
        return list

    return train


def bpeasy() -> Trainer:
    import bpeasy as peer

    def train(texts: Iterator[str], size: int) -> Callable[[], Merges]:
        peer.train_bpe(texts, PATTERN, 128, size - 1)
        return list

    return train


def tokenizers() -> Trainer:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    def train(texts: Iterator[str], size: int) -> Callable[[], Merges]:
        model = Tokenizer(models.BPE())
        model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        special = ["<|endoftext|>"]
        model.train_from_iterator(
            texts, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, special_tokens=special, show_progress=False)
        )
        return lambda: merges_of(model)

    def merges_of(model: Tokenizer) -> Merges:
        from tokenizer.encoder import BYTE_ORDER
        from tokenizer.files import to_characters

        bytes_of = {to_characters(bytes([byte])): byte for byte in BYTE_ORDER}
        merges = json.loads(model.to_str())["model"]["merges"]
        return [(bytes(map(bytes_of.__getitem__, left)), bytes(map(bytes_of.__getitem__, right))) for left, right in merges]

    return train


def measure(name: str, directory: Path, size: int, copies: int) -> dict[str, Any]:
    """In a child process: train once, and say what it took."""
    from webtext.core.memory import peak_memory

    start = time.perf_counter()
    train = {"ours": ours, "rustbpe": rustbpe, "bpeasy": bpeasy, "tokenizers": tokenizers}[name]()
    train(iter(WARM_UP), 260)
    begin, cpu = time.perf_counter(), time.process_time()
    before = peak_memory()
    trained = train(texts_of(directory, copies), size)
    figures = {
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - cpu,
        "start_seconds": begin - start,
        "peak_bytes": peak_memory(),
        "start_bytes": before,
    }
    merges = trained()
    return {**figures, "merges_sha256": hashlib.sha256(repr(merges).encode()).hexdigest() if merges else None}


def child(name: str, directory: Path, size: int, copies: int, environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--measure", name, str(directory), str(size), str(copies)]
    threads = {"RAYON_NUM_THREADS": "2", "TOKENIZERS_PARALLELISM": "true", "RUST_BACKTRACE": "0"}
    result = subprocess.run(command, env={**os.environ, **threads, **environment}, capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"{name} failed: {result.stderr.strip()}")
    return dict(json.loads(result.stdout.splitlines()[-1]))


def documents_of(text: str) -> Iterator[str]:
    """A novel in documents of about 5 kB, as WebText's are on average, ended at the end of a line."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + 5000) + 1 or len(text)
        yield text[start:end]
        start = end


def write_corpus(novels: Path, data: Path, build: Path) -> int:
    """corpus/ and tokenizer/ (GPT-2's) of a build; return the bytes of text."""
    from tokenizer import ByteBPE
    from webtext.core.hashing import shard_name, url_id
    from webtext.core.records import CORPUS
    from webtext.core.tables import writing_table

    ByteBPE.from_gpt2(data / "gpt2").save(build / "tokenizer")
    documents = [document for text in texts_of(novels, 1) for document in documents_of(text)]
    for shard in range(SHARDS):
        with writing_table(build / f"corpus/{shard_name(shard)}.parquet", CORPUS) as table:
            for number in range(shard, len(documents), SHARDS):
                url = f"http://example.org/{number}"
                row = {"id": url_id(url), "url": url, "text": documents[number], "split": "val" if number % 100 == 0 else "train"}
                table.write({**dict.fromkeys(CORPUS.names), **row})
    return sum(len(document.encode()) for document in documents)


def stage_of(build: Path, worker: int, workers: int, barrier: Barrier) -> Callable[[], None]:
    """A worker's part of the tokenize stage."""
    from webtext.core.config import TokenizeSection
    from webtext.core.task import StageContext, run_task
    from webtext.tokens.phases import encode_shard, lay_out, write_file

    context, section = StageContext(build, "tokens", "benchmark"), TokenizeSection(shard_tokens=FILE_TOKENS)

    def run() -> None:
        for shard in range(worker, SHARDS, workers):
            run_task(context, f"encode-{shard:05d}", encode_shard, shard)
        barrier.wait()
        if worker == 0:
            run_task(context, "layout-00000", lay_out, 0, list(range(SHARDS)), section)
        barrier.wait()
        files = run_task(context, "layout-00000", lay_out, 0, list(range(SHARDS)), section).outputs  # done: its report is read
        for index, name, pieces in files[worker::workers]:
            run_task(context, f"write-{index:05d}", write_file, index, name, pieces)

    return run


def tiktoken_of(build: Path, worker: int, workers: int, barrier: Barrier) -> Callable[[], None]:
    """tiktoken's own call on the same documents, which are read before."""
    from webtext.core.hashing import shard_name
    from webtext.core.tables import read_table
    from webtext.tokens.vocabulary import vocabulary_of

    encode = vocabulary_of(build).tiktoken.encode_ordinary
    shards = [build / f"corpus/{shard_name(shard)}.parquet" for shard in range(worker, SHARDS, workers)]
    texts = [row["text"] for shard in shards for row in read_table(shard, ["text"])]

    def run() -> None:
        for text in texts:
            encode(text)

    return run


def work(what: str, build: Path, worker: int, workers: int, barrier: Barrier, results: Any) -> None:
    """A process of the stage, or of tiktoken alone: get ready, wait for the others, and say what the work took."""
    from webtext.tokens.vocabulary import vocabulary_of

    vocabulary_of(build).tiktoken.encode_ordinary("warm")
    run = {"stage": stage_of, "tiktoken": tiktoken_of}[what](build, worker, workers, barrier)
    barrier.wait()
    begin, cpu = time.perf_counter(), time.process_time()
    run()
    results.put((time.perf_counter() - begin, time.process_time() - cpu))


def stage_speed(what: str, build: Path, workers: int) -> dict[str, float]:
    """Wall time until the last of the workers has ended, and the processor time of all."""
    shutil.rmtree(build / "tokens", ignore_errors=True)
    spawn = multiprocessing.get_context("spawn")
    barrier, results = spawn.Barrier(workers), spawn.Queue()
    processes = [spawn.Process(target=work, args=(what, build, worker, workers, barrier, results)) for worker in range(workers)]
    for process in processes:
        process.start()
    found = [results.get(timeout=600) for _ in processes]
    for process in processes:
        process.join()
    return {"seconds": max(wall for wall, _ in found), "cpu_seconds": sum(cpu for _, cpu in found)}


def measure_stage(novels: Path, data: Path, build: Path, rounds: int) -> dict[str, Any]:
    """Best of the rounds for the stage and for tiktoken, on one core and on two."""
    figures: dict[str, Any] = {"bytes": write_corpus(novels, data, build)}
    for _ in range(rounds):
        for workers in (1, 2):
            for what in ("stage", "tiktoken"):
                found = stage_speed(what, build, workers)
                best = figures.setdefault(f"{what}_{workers}", found)
                figures[f"{what}_{workers}"] = {name: min(best[name], found[name]) for name in found}
    for clock in ("seconds", "cpu_seconds"):
        figures[f"share_of_tiktoken_{clock}"] = figures["tiktoken_1"][clock] / figures["stage_1"][clock]
    for what in ("stage", "tiktoken"):
        figures[f"{what}_speed_up"] = figures[f"{what}_1"]["seconds"] / figures[f"{what}_2"]["seconds"]
    return figures


def unpack(archive: Path, directory: Path, limit: int) -> int:
    """Unpack so many novels; return their bytes."""
    with (
        archive.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as stream,
        tarfile.open(fileobj=io.BufferedReader(stream), mode="r|") as members,
    ):
        for member in islice((member for member in members if member.isfile()), limit):
            members.extract(member, directory, filter="data")
    return sum(path.stat().st_size for path in directory.glob("*.txt"))


def measure_training(novels: Path, names: list[str], size: int, rounds: int, kernels: dict[str, str]) -> dict[str, Any]:
    """Best of the rounds of each trainer."""
    trainers: dict[str, Any] = {}
    for _ in range(rounds):
        for name in names:
            found = child(name, novels, size, 1, kernels)
            trainers[name] = min(trainers.get(name, found), found, key=lambda figure: float(figure["seconds"]))
    return trainers


def print_training(figures: dict[str, Any]) -> None:
    print(f"{'':24}{'training':>10}{'CPU':>9}{'peak memory':>13}{'of it at the start':>20}{'start':>9}")
    for name, row in figures["trainers"].items():
        version = "" if name == "ours" else importlib.metadata.version(name)
        print(
            f"{name + ' ' + version:24}{row['seconds']:8.2f} s{row['cpu_seconds']:7.2f} s{row['peak_bytes'] / 1e6:10.0f} MB"
            f"{row['start_bytes'] / 1e6:17.0f} MB{row['start_seconds']:7.2f} s"
        )
    for name in figures["missing"]:
        print(f"{name} is not installed, so it is not compared")


def print_stage(stage: dict[str, Any]) -> None:
    print(f"{'':24}{'one core':>14}{'CPU':>9}{'':>12}{'two cores':>14}{'speed-up':>10}")
    for what in ("stage", "tiktoken"):
        one, two, size = stage[f"{what}_1"], stage[f"{what}_2"], stage["bytes"] / 1e6
        print(
            f"{'tokenize stage' if what == 'stage' else 'tiktoken alone':24}{size / one['seconds']:9.1f} MB/s{one['cpu_seconds']:7.2f} s"
            f"{size / one['cpu_seconds']:7.1f} MB/s{size / two['seconds']:9.1f} MB/s{stage[f'{what}_speed_up']:10.2f}"
        )


def verdicts(figures: dict[str, Any]) -> dict[str, bool]:
    """What has to be shown, and whether this run shows it."""
    shown = {}
    trainers = figures.get("trainers", {})
    for name in [name for name in trainers if name != "ours" and "ours" in trainers]:
        for key, what in (("seconds", "time"), ("cpu_seconds", "processor time"), ("peak_bytes", "peak memory")):
            shown[f"training: less {what} than {name}"] = trainers["ours"][key] < trainers[name][key]
    if {"ours", "tokenizers"} <= trainers.keys():
        shown["training: the merges of tokenizers"] = trainers["ours"]["merges_sha256"] == trainers["tokenizers"]["merges_sha256"]
    if "large" in figures:
        shown[f"{figures['large']['bytes'] / 1e9:.2f} GB trained in less than 1 GB"] = figures["large"]["peak_bytes"] < 1e9
    if "stage" in figures:
        shown["stage: 80 % of tiktoken's speed on one core"] = figures["stage"]["share_of_tiktoken_seconds"] >= 0.8
        shown["stage: 80 % of tiktoken's speed by processor time"] = figures["stage"]["share_of_tiktoken_cpu_seconds"] >= 0.8
        # Two cores of a virtual machine may be two threads of one: tiktoken alone says what they give.
        shown["stage: as linear with cores as tiktoken"] = (
            figures["stage"]["stage_speed_up"] >= 0.95 * figures["stage"]["tiktoken_speed_up"]
        )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("WEBTEXT_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data, help="real data")
    parser.add_argument("--vocab-size", type=int, default=50257)
    parser.add_argument("--copies", type=int, default=13, help="how often the large text has the novels, with other words each time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--novels", type=int, default=100, help="novels to use, for a trial")
    parser.add_argument("--only", nargs="*", choices=["training", "large", "stage"], default=["training", "large", "stage"])
    parser.add_argument("--trainers", nargs="*", choices=["ours", *PEERS], default=["ours", *PEERS], help="train these alone")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, directory, size, copies = options.measure
        print(json.dumps(measure(name, Path(directory), int(size), int(copies))))
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])

    missing = [name for name in options.trainers if name != "ours" and importlib.util.find_spec(name) is None]
    figures: dict[str, Any] = {"vocab_size": options.vocab_size, "missing": missing}
    with tempfile.TemporaryDirectory() as temporary:
        novels, kernels = Path(temporary, "novels"), {"NUMBA_CACHE_DIR": str(Path(temporary, "kernels"))}
        figures["bytes"] = unpack(options.data / "text" / "novels.tar.zst", novels, options.novels)
        print(f"{figures['bytes'] / 1e6:.0f} MB of text, {options.vocab_size:,} tokens, two processors, best of {options.rounds} rounds")
        if {"training", "large"} & set(options.only):
            figures["compile_seconds"] = child("ours", Path(temporary), 257, 1, kernels)["start_seconds"]
            print(f"compiling the kernels, once: {figures['compile_seconds']:.1f} s")
        if "training" in options.only:
            names = [name for name in options.trainers if name not in missing]
            figures["trainers"] = measure_training(novels, names, options.vocab_size, options.rounds, kernels)
            print_training(figures)
        if "large" in options.only:
            large = child("ours", novels, options.vocab_size, options.copies, kernels)
            figures["large"] = {"bytes": figures["bytes"] * options.copies, **large}
            print(f"{figures['large']['bytes'] / 1e9:.2f} GB: {large['seconds']:.1f} s, {large['peak_bytes'] / 1e6:.0f} MB")
        if "stage" in options.only:
            figures["stage"] = measure_stage(novels, options.data, Path(temporary, "build"), options.rounds)
            print_stage(figures["stage"])
    figures["shown"] = verdicts(figures)
    for what, holds in figures["shown"].items():
        print(f"{'yes' if holds else 'NO ':4} {what}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
