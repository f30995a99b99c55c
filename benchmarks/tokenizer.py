"""Tokenizer and token shards beside their peers: training, a large text, and the tokenize stage.

    pip install rustbpe bpeasy tokenizers
    python -m benchmarks.tokenizer --json figures.json       # 100 novels, 78 MB, 50,257 tokens, two processors: some minutes
    python -m benchmarks.tokenizer --only stage

    training  this project, rustbpe, bpeasy and Hugging Face's tokenizers on the same files. Expected: 1.8 s and 133 MB; rustbpe 5.8 s,
              183 MB; bpeasy 13.4 s; tokenizers 30.5 s
    large     1 GB (the novels --copies times, with other words in each): time and memory of this project
    stage     the tokenize stage from Parquet to shuffled token shards, beside gigatoken and tiktoken on the same documents in memory, on
              one core and on two. Expected on one: the MB a second of processor time in docs/log.md

Each training runs in a process of its own, so that its peak memory is its own. Its time includes reading the files, one text at a time.
What a process needs before (imports, loading compiled kernels) is stated apart, and so is compiling the kernels, once in an installation.
In the stage the processes are started and have loaded the vocabulary before the time begins.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness import DATA, Figures, alone, bar, installed, run

# NB: every process imports this file. What it imports counts as memory of each peer, so the rest is imported where it is used.
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
PEERS = ("rustbpe", "bpeasy", "tokenizers")
SHARDS = 8  # of the corpus
FILE_TOKENS = 2_500_000  # of a token file, so that there are as many
WARM_UP = ["low lower lowest " * 3000]  # enough words that tables grow, so that every kernel is loaded
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def texts_of(directory: Path, copies: int) -> Iterator[str]:
    """The text of each file; in each copy after the first the small letters are others, so that nearly all words are new."""
    for copy in range(copies):
        others = str.maketrans(LETTERS, LETTERS[copy % 26 :] + LETTERS[: copy % 26])
        for path in sorted(directory.glob("*.txt")):
            text = path.read_text(encoding="utf-8")
            yield text.translate(others) if copy else text


def train_peer(name: str, texts: Iterator[str], size: int) -> Any:
    """Train; returns what the library returns."""
    if name == "webtext":
        from tokenizer import train

        return train(texts, size)
    if name == "rustbpe":
        import rustbpe

        return rustbpe.Tokenizer().train_from_iterator(texts, size - 1, pattern=PATTERN)
    if name == "bpeasy":
        import bpeasy

        return bpeasy.train_bpe(texts, PATTERN, 128, size - 1)
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    model, level = Tokenizer(models.BPE()), pre_tokenizers.ByteLevel
    model.pre_tokenizer = level(add_prefix_space=False)
    special, letters = ["<|endoftext|>"], level.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=letters, special_tokens=special, show_progress=False)
    model.train_from_iterator(texts, trainer)
    return model


def merges_of(trained: Any) -> str | None:
    """A digest of the merges, of this project and of tokenizers."""
    from tokenizer import ByteBPE
    from tokenizer.files import to_characters
    from tokenizer.vocabulary import BYTE_ORDER

    if isinstance(trained, ByteBPE):
        merges = trained.merges
    elif hasattr(trained, "to_str"):
        byte = {to_characters(bytes([value])): value for value in BYTE_ORDER}
        pairs = json.loads(trained.to_str())["model"]["merges"]
        merges = [(bytes(map(byte.__getitem__, left)), bytes(map(byte.__getitem__, right))) for left, right in pairs]
    else:
        return None
    return hashlib.sha256(repr(merges).encode()).hexdigest()[:16]


def training_of(name: str, directory: Path, size: int, copies: int) -> Callable[[], Callable[[], str | None]]:
    train_peer(name, iter(WARM_UP), 260)

    def run_training() -> Callable[[], str | None]:
        return partial(merges_of, train_peer(name, texts_of(directory, copies), size))

    return run_training


def write_novels(options: argparse.Namespace) -> int:
    """Write the novels as files, limit this process and its children to two processors; returns bytes."""
    from benchmarks.corpus import novels

    os.environ |= {"RAYON_NUM_THREADS": "2", "TOKENIZERS_PARALLELISM": "true"}
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    for name, text in list(novels().items())[: 5 if options.quick else None]:
        (options.directory / f"{name}.txt").write_text(text, encoding="utf-8")
    return sum(path.stat().st_size for path in options.directory.glob("*.txt"))


def training(options: argparse.Namespace) -> Figures:
    size, rows = write_novels(options), {}
    os.environ["NUMBA_CACHE_DIR"] = str(options.directory / "kernels")
    compiling, loading = (alone(training_of, "webtext", options.directory / "none", 257, 1)["start_seconds"] for _ in range(2))
    names = ["webtext", *(name for name in PEERS if installed(name))]
    runs = [(name, alone(training_of, name, options.directory, options.vocab_size, 1)) for _ in range(options.rounds) for name in names]
    for name in names:
        rounds = [found for peer, found in runs if peer == name]
        rows[name] = {key: median(found[key] for found in rounds) for key in rounds[0] if key != "result"}
        rows[name] |= {"merges": rounds[0]["result"], "ours_is_times_as_fast": rows[name]["seconds"] / rows["webtext"]["seconds"]}
    return {"bytes": size, "compiling_kernels_seconds": compiling, "loading_kernels_seconds": loading, **rows}


def large(options: argparse.Namespace) -> Figures:
    size = write_novels(options) * options.copies
    alone(training_of, "webtext", options.directory / "none", 257, 1)  # kernels are compiled, where they are not yet
    return {"bytes": size, **alone(training_of, "webtext", options.directory, options.vocab_size, options.copies)}


def write_corpus(build: Path, texts: list[str]) -> int:
    """corpus/ and tokenizer/ (GPT-2's) of a build; returns the bytes of text."""
    from benchmarks.corpus import documents_of
    from tokenizer import ByteBPE
    from webtext.core.hashing import shard_name, url_id
    from webtext.core.records import CORPUS
    from webtext.core.tables import writing_table

    ByteBPE.from_gpt2(DATA / "gpt2").save(build / "tokenizer")
    documents = [document for text in texts for document in documents_of(text)]
    for shard in range(SHARDS):
        with writing_table(build / f"corpus/{shard_name(shard)}.parquet", CORPUS) as table:
            for number in range(shard, len(documents), SHARDS):
                url = f"http://example.org/{number}"
                row = {"id": url_id(url), "url": url, "text": documents[number], "split": "val" if number % 100 == 0 else "train"}
                table.write({**dict.fromkeys(CORPUS.names), **row})
    return sum(len(document.encode()) for document in documents)


def run_stage(build: Path, worker: int, workers: int, barrier: Barrier) -> None:
    """A worker's part of the tokenize stage."""
    from webtext.core.config import TokenizeSection
    from webtext.core.task import StageContext, run_task
    from webtext.tokens.phases import encode_shard, lay_out, write_file

    context, section = StageContext(build, "tokenize", "benchmark"), TokenizeSection(shard_tokens=FILE_TOKENS)
    for shard in range(worker, SHARDS, workers):
        run_task(context, f"encode-{shard:05d}", encode_shard, shard, section, "corpus")
    barrier.wait()
    if worker == 0:
        run_task(context, "layout-00000", lay_out, 0, list(range(SHARDS)), section)
    barrier.wait()
    files = run_task(context, "layout-00000", lay_out, 0, list(range(SHARDS)), section).outputs  # done: its report is read
    for index, name, pieces in files[worker::workers]:
        run_task(context, f"write-{index:05d}", write_file, index, name, pieces)


def work(what: str, build: Path, worker: int, workers: int, barrier: Barrier, results: Any) -> None:
    """A process of the stage, or of a library's own call on the same documents: get ready, wait for the others, and measure."""
    from webtext.core.hashing import shard_name
    from webtext.core.tables import read_table
    from webtext.tokens import phases  # noqa: F401 - loaded before the time begins
    from webtext.tokens.vocabulary import vocabulary_of

    vocabulary = vocabulary_of(build)
    vocabulary.encode("warm")
    run_part: Callable[[], object] = partial(run_stage, build, worker, workers, barrier)
    if what != "stage":
        encode = vocabulary.tiktoken.encode_ordinary if what == "tiktoken" else gigatoken_of(build)
        encode("warm")
        shards = [build / f"corpus/{shard_name(shard)}.parquet" for shard in range(worker, SHARDS, workers)]
        texts = [row["text"] for shard in shards for row in read_table(shard, ["text"])]
        run_part = partial(list, map(encode, texts))
    barrier.wait()
    begin, cpu = time.perf_counter(), time.process_time()
    run_part()
    results.put((time.perf_counter() - begin, time.process_time() - cpu))


def gigatoken_of(build: Path) -> Callable[[str], Any]:
    """gigatoken's own reading of the vocabulary."""
    import gigatoken

    return gigatoken.Tokenizer(build / "tokenizer" / "tokenizer.json").encode


def stage(options: argparse.Namespace) -> Figures:
    """Megabytes a second by the clock until the last of the workers has ended, and by the processor time of all."""
    from benchmarks.corpus import novels

    build, spawn = options.directory, get_context("spawn")
    size = write_corpus(build, list(novels().values())[: 5 if options.quick else None])
    rounds: dict[str, list[tuple[float, float]]] = {}
    for _ in range(options.rounds):
        for what, workers in product(("stage", "gigatoken", "tiktoken"), (1, 2)):
            if what == "gigatoken" and not installed(what):
                continue
            shutil.rmtree(build / "tokens", ignore_errors=True)
            barrier, results = spawn.Barrier(workers), spawn.Queue()
            processes = [spawn.Process(target=work, args=(what, build, number, workers, barrier, results)) for number in range(workers)]
            for process in processes:
                process.start()
            found = [results.get(timeout=600) for _ in processes]
            for process in processes:
                process.join()
            rounds.setdefault(f"{what}, {workers}", []).append((max(wall for wall, _ in found), sum(cpu for _, cpu in found)))
    rows: Figures = {"bytes": size}
    for name, times in rounds.items():
        wall, cpu = (median(each) for each in zip(*times))
        rows[name] = {"seconds": wall, "MB_a_second": size / wall / 1e6, "cpu_seconds": cpu, "MB_a_cpu_second": size / cpu / 1e6}
    return rows


def bars(figures: Figures) -> Iterator[Figures]:
    trained = figures.get("training", {})
    for name in PEERS:
        for key in ("seconds", "cpu_seconds", "peak_bytes"):
            if name in trained:
                yield bar(f"training, {key.replace('_', ' ')} by {name}'s", trained["webtext"][key] / trained[name][key], most=1)
    if "tokenizers" in trained:
        yield bar("training, merges as tokenizers'", trained["webtext"]["merges"] == trained["tokenizers"]["merges"], least=1)
    if "large" in figures:
        yield bar("peak bytes of the large text", figures["large"]["peak_bytes"], most=10**9)
    if rows := figures.get("stage"):
        yield bar("MB a second of a core in the stage", rows["stage, 1"]["MB_a_cpu_second"], least=70)
        for what in ("gigatoken", "tiktoken"):
            if f"{what}, 1" in rows:
                yield bar(
                    f"stage by {what}'s processor time", rows[f"{what}, 1"]["cpu_seconds"] / rows["stage, 1"]["cpu_seconds"], least=0.7
                )
        # Two cores of a virtual machine may be two threads of one: tiktoken alone says what they give.
        gains = {what: rows[f"{what}, 1"]["seconds"] / rows[f"{what}, 2"]["seconds"] for what in ("stage", "tiktoken")}
        yield bar("gain by a second core, of tiktoken's", gains["stage"] / gains["tiktoken"], least=0.95)


OPTIONS = {
    "--vocab-size": {"type": int, "default": 50257},
    "--copies": {"type": int, "default": 13, "help": "how often the large text has the novels, with other words each time"},
}

if __name__ == "__main__":
    run(__doc__, {"training": training, "large": large, "stage": stage}, OPTIONS, bars)
