"""Training a vocabulary, side by side: this project, rustbpe, bpeasy and Hugging Face's tokenizers on the same files.

    python benchmarks/tokenizer.py                          # 100 novels, 78 MB, 50,257 tokens, two processors
    python benchmarks/tokenizer.py --json figures.json
    python benchmarks/tokenizer.py --copies 13              # 1 GB: the novels again and again, each time with other words

Each training runs in a process of its own, so that its peak memory is its own. Time is that of the training, which reads the files, one
text at a time. What a process needs before (imports; for ours also loading the compiled kernels) is stated apart, and so is compiling them,
which is done once in an installation. Every round trains each once, in turn; the best round counts. Peers that are not installed are named.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zstandard

ROOT = Path(__file__).resolve().parent.parent
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
PEERS = ("rustbpe", "bpeasy", "tokenizers")
WARM_UP = ["low lower lowest " * 3000]  # enough words that tables grow, so that every kernel is loaded


def texts_of(directory: Path, copies: int) -> Iterator[str]:
    """The text of each file; in each copy after the first the small letters are others, so that nearly all words are new."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    for copy in range(copies):
        others = str.maketrans(letters, letters[copy % 26 :] + letters[: copy % 26])
        for path in sorted(directory.glob("*.txt")):
            text = path.read_text(encoding="utf-8")
            yield text.translate(others) if copy else text


Trainer = Callable[[Iterator[str], int], list[tuple[bytes, bytes]]]


def ours() -> Trainer:
    from tokenizer import train

    return lambda texts, size: train(texts, size).merges


def rustbpe() -> Trainer:
    import rustbpe as peer

    def train(texts: Iterator[str], size: int) -> list[tuple[bytes, bytes]]:
        peer.Tokenizer().train_from_iterator(texts, size - 1, pattern=PATTERN)
        return []

    return train


def bpeasy() -> Trainer:
    import bpeasy as peer

    def train(texts: Iterator[str], size: int) -> list[tuple[bytes, bytes]]:
        peer.train_bpe(texts, PATTERN, 128, size - 1)
        return []

    return train


def tokenizers() -> Trainer:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    def train(texts: Iterator[str], size: int) -> list[tuple[bytes, bytes]]:
        from tokenizer.encoder import BYTE_ORDER
        from tokenizer.files import to_characters

        model = Tokenizer(models.BPE())
        model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        special = ["<|endoftext|>"]
        model.train_from_iterator(
            texts, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, special_tokens=special, show_progress=False)
        )
        train.finished = time.perf_counter()  # type: ignore[attr-defined]
        bytes_of = {to_characters(bytes([byte])): byte for byte in BYTE_ORDER}
        merges = json.loads(model.to_str())["model"]["merges"]
        return [(bytes(map(bytes_of.__getitem__, left)), bytes(map(bytes_of.__getitem__, right))) for left, right in merges]

    return train


def measure(name: str, directory: Path, size: int, copies: int) -> dict[str, Any]:
    """In a child process: train once, and say what it took."""
    from webtext.memory import peak_memory

    start = time.perf_counter()
    train = {"ours": ours, "rustbpe": rustbpe, "bpeasy": bpeasy, "tokenizers": tokenizers}[name]()
    train(iter(WARM_UP), 260)
    begin, cpu = time.perf_counter(), time.process_time()
    before = peak_memory()
    merges = train(texts_of(directory, copies), size)
    end = getattr(train, "finished", time.perf_counter())
    return {
        "seconds": end - begin,
        "cpu_seconds": time.process_time() - cpu,
        "start_seconds": begin - start,
        "peak_bytes": peak_memory(),
        "start_bytes": before,
        "merges_sha256": hashlib.sha256(repr(merges).encode()).hexdigest() if merges else None,
    }


def child(name: str, directory: Path, size: int, copies: int, environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--measure", name, "--novels", str(directory), "--vocab-size", str(size), "--copies", str(copies)]
    threads = {"RAYON_NUM_THREADS": "2", "TOKENIZERS_PARALLELISM": "true", "RUST_BACKTRACE": "0"}
    result = subprocess.run(command, env={**os.environ, **threads, **environment}, capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"{name} failed: {result.stderr.strip()}")
    return dict(json.loads(result.stdout.splitlines()[-1]))


def encoding(directory: Path, data: Path) -> dict[str, float]:
    """Megabytes a second of encoding the novels on one processor: ours and tiktoken's own call, with GPT-2's vocabulary."""
    from tokenizer import ByteBPE

    bpe = ByteBPE.from_gpt2(data / "gpt2")
    texts = list(texts_of(directory, 1))[:10]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    speeds = {"ours": 0.0, "tiktoken": 0.0}
    bpe.encode(texts[0][:1000])
    for _ in range(3):
        for name, encode in (("ours", bpe.encode_to_numpy), ("tiktoken", bpe.tiktoken.encode_ordinary)):
            begin = time.process_time()
            for text in texts:
                encode(text)
            speeds[name] = max(speeds[name], megabytes / (time.process_time() - begin))
    return speeds


def unpack(archive: Path, directory: Path) -> int:
    """Unpack the novels; return their bytes."""
    with (
        archive.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as stream,
        tarfile.open(fileobj=io.BufferedReader(stream), mode="r|") as members,
    ):
        members.extractall(directory, filter="data")
    return sum(path.stat().st_size for path in directory.glob("*.txt"))


def main() -> None:
    sys.path[0] = str(ROOT)  # and not this directory, where this file is named like the package
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("WEBTEXT_DATA", ROOT.parent / "shared" / "data")), help="real data"
    )
    parser.add_argument("--vocab-size", type=int, default=50257)
    parser.add_argument("--copies", type=int, default=1, help="how often the novels are read, with other words each time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=["ours", *PEERS], help="train these alone")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--novels", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.novels, options.vocab_size, options.copies)))
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])

    names = options.only or ["ours", *PEERS]
    missing = [name for name in names if name != "ours" and importlib.util.find_spec(name) is None]
    names = [name for name in names if name not in missing]
    with tempfile.TemporaryDirectory() as temporary:
        novels, kernels = Path(temporary, "novels"), {"NUMBA_CACHE_DIR": str(Path(temporary, "kernels"))}
        size = unpack(options.data / "text" / "novels.tar.zst", novels)
        figures: dict[str, Any] = {"bytes": size * options.copies, "vocab_size": options.vocab_size, "missing": missing, "trainers": {}}
        if "ours" in names:
            figures["compile_seconds"] = child("ours", Path(temporary), 257, 1, kernels)["start_seconds"]
        for _ in range(options.rounds):
            for name in names:
                found = child(name, novels, options.vocab_size, options.copies, kernels)
                best = figures["trainers"].setdefault(name, found)
                figures["trainers"][name] = min(best, found, key=lambda figure: float(figure["seconds"]))
        figures["encode_megabytes_a_second"] = encoding(novels, options.data)

    print(f"{size * options.copies / 1e6:.0f} MB of text, {options.vocab_size:,} tokens, two processors, best of {options.rounds} rounds")
    print(f"{'':24}{'training':>10}{'CPU':>9}{'peak memory':>13}{'of it at the start':>20}{'start':>9}")
    for name, row in figures["trainers"].items():
        version = "" if name == "ours" else importlib.metadata.version(name)
        print(
            f"{name + ' ' + version:24}{row['seconds']:8.2f} s{row['cpu_seconds']:7.2f} s{row['peak_bytes'] / 1e6:10.0f} MB"
            f"{row['start_bytes'] / 1e6:17.0f} MB{row['start_seconds']:7.2f} s"
        )
    for name in missing:
        print(f"{name} is not installed, so it is not compared")
    digests = [figures["trainers"][name]["merges_sha256"] for name in ("ours", "tokenizers") if name in figures["trainers"]]
    if len(digests) == 2:
        figures["same_merges_as_tokenizers"] = digests[0] == digests[1]
        print(f"merges are {'the same as' if figures['same_merges_as_tokenizers'] else 'NOT those'} of tokenizers")
    if "compile_seconds" in figures:
        print(f"compiling the kernels, once: {figures['compile_seconds']:.1f} s")
    speeds = figures["encode_megabytes_a_second"]
    print(f"encoding: {speeds['ours']:.1f} MB a second, tiktoken alone {speeds['tiktoken']:.1f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
