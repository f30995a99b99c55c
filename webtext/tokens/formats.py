"""Token shards once more, as other programs read them: a function for each format, in tokens/FORMAT/.

llm.c and modded-nanogpt read the shards themselves (`webtext.tokens.shards`).

    nanogpt    train.bin and val.bin: little-endian uint16 and nothing else; meta.pkl tells a vocabulary other than GPT-2's
    megatron   SPLIT.bin: the tokens. SPLIT.idx: b"MMIDIDX\\0\\0", version 1 (uint64), type of a token (uint8: 8 uint16, 4 int32), sequences
               and documents + 1 (uint64 each); lengths of the sequences (int32), their offsets in bytes (int64), first sequence of each
               document (int64). A document is one sequence
    parquet    SPLIT-NNNNN.parquet with id, url and input_ids, which `datasets.load_dataset(directory)` takes
    mds        SPLIT/: MosaicML's streaming, a sample a document
    litdata    SPLIT/: litdata's chunks of one long array, for its TokensLoader
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokenizer import ByteBPE
from webtext.core.errors import WebtextError
from webtext.core.files import write_bytes, writing
from webtext.core.tables import read_batches, writing_table
from webtext.tokens.shards import Tokens, open_shard

_GPT2 = "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"  # SHA-256 of its merges, as tiktoken_ext.openai_public has it
_CHUNK = 64 * 2**20  # bytes of a file of mds and litdata, as their own default
_IDS = pa.schema([("id", pa.string()), ("url", pa.string()), ("input_ids", pa.list_(pa.int32()))])


@dataclass(frozen=True)
class Split:
    """The shards of a split in `directory`, with their index. Each document ends with <|endoftext|>."""

    name: str
    directory: Path
    vocabulary: ByteBPE

    @property
    def shards(self) -> list[Path]:
        return sorted(self.directory.glob(f"{self.name}-*.bin"))

    def rows(self, shard: Path) -> Iterator[pa.RecordBatch]:
        """The index of a shard: id, url, offset, length."""
        return read_batches(self.directory / "index" / f"{shard.stem}.parquet", ["id", "url", "offset", "length"])

    def documents(self) -> Iterator[Tokens]:
        """The tokens of each document."""
        for shard in self.shards:
            tokens = open_shard(shard)
            for batch in self.rows(shard):
                for offset, length in zip(batch.column("offset").to_pylist(), batch.column("length").to_pylist()):
                    yield tokens[offset : offset + length]

    @property
    def dtype(self) -> Any:
        return open_shard(self.shards[0]).dtype


def nanogpt(split: Split, out: Path) -> list[Path]:
    if split.vocabulary.vocab_size > 65_536:
        raise WebtextError(f"--format nanogpt: nanoGPT reads tokens of 16 bits, a vocabulary of {split.vocabulary.vocab_size:,} needs more")
    if split.name == "test":  # nanoGPT has none
        return []
    path = out / f"{split.name}.bin"
    with writing(path) as output:
        for number, shard in enumerate(split.shards):
            # Each shard begins with <|endoftext|>, and the one before it ends with that.
            output.file.write(open_shard(shard)[min(number, 1) :].tobytes())
    merges = (split.directory.parent / "tokenizer" / "metadata.json").read_bytes()
    if split.name == "val" or _GPT2.encode() in merges:  # without meta.pkl nanoGPT takes the vocabulary for GPT-2's
        return [path]
    spelled = [token.decode("utf-8", "replace") for token in split.vocabulary.tokens]
    names = {i: name for name, i in split.vocabulary.special.items()}
    itos = {**dict(enumerate(spelled)), **names}
    # sample.py spells a prompt by `stoi`, character by character.
    stoi = {token: i for i, token in sorted(itos.items(), reverse=True)}
    write_bytes(out / "meta.pkl", pickle.dumps({"vocab_size": split.vocabulary.vocab_size, "itos": itos, "stoi": stoi}, protocol=4))
    return [path, out / "meta.pkl"]


def megatron(split: Split, out: Path) -> list[Path]:
    # NB: Megatron takes 16 bits for vocabularies below 65,500, but its index names the type of each file.
    small = split.vocabulary.vocab_size <= 65_536
    dtype = np.dtype("<u2" if small else "<i4")
    lengths: list[int] = []
    with writing(out / f"{split.name}.bin") as output:
        for document in split.documents():
            output.file.write(document.astype(dtype, copy=False).tobytes())
            lengths.append(document.size)
    sizes = np.array(lengths, dtype="<i4")
    offsets = (np.cumsum(sizes, dtype="<i8") - sizes) * dtype.itemsize
    counts = np.array([1], "<u8").tobytes() + bytes([8 if small else 4]) + np.array([sizes.size, sizes.size + 1], "<u8").tobytes()
    index = b"MMIDIDX\0\0" + counts + sizes.tobytes() + offsets.astype("<i8").tobytes() + np.arange(sizes.size + 1, dtype="<i8").tobytes()
    write_bytes(out / f"{split.name}.idx", index)
    return [out / f"{split.name}.bin", out / f"{split.name}.idx"]


def parquet(split: Split, out: Path) -> list[Path]:
    written = []
    for shard in split.shards:
        tokens = open_shard(shard)
        if not tokens.size:  # `datasets` takes an empty file for one without columns
            continue
        with writing_table(out / f"{shard.stem}.parquet", _IDS) as table:
            for batch in split.rows(shard):
                first, lengths = batch.column("offset")[0].as_py(), batch.column("length").to_numpy()
                ends = np.concatenate([[0], np.cumsum(lengths)])
                ids = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(tokens[first : first + ends[-1]].astype(np.int32)))
                table.write_table(pa.table([batch.column("id"), batch.column("url"), ids], schema=_IDS))
        written.append(out / f"{shard.stem}.parquet")
    return written


def mds(split: Split, out: Path) -> list[Path]:
    try:
        from streaming import MDSWriter
    except ImportError as error:
        raise WebtextError(f"--format mds: {error}; install it with `pip install 'webtext[mds]'`") from None
    target = _emptied(out / split.name)
    with MDSWriter(out=str(target), columns={"tokens": f"ndarray:{split.dtype.name}"}, size_limit=_CHUNK, progress_bar=False) as writer:
        for document in split.documents():
            writer.write({"tokens": np.array(document)})
    return sorted(target.iterdir())


def litdata(split: Split, out: Path) -> list[Path]:
    try:
        from litdata.streaming.item_loader import TokensLoader
        from litdata.streaming.writer import BinaryWriter
    except ImportError as error:
        raise WebtextError(f"--format litdata: {error}; install it with `pip install 'webtext[litdata]'`") from None
    target = _emptied(out / split.name)
    width = split.dtype.itemsize
    writer = BinaryWriter(str(target), chunk_size=_CHUNK // width, item_loader=TokensLoader(block_size=1))
    for number, document in enumerate(split.documents()):
        writer.add_item(number, document.astype("<u2" if width == 2 else "<i4"))
    writer.done()
    writer.merge()
    return sorted(target.iterdir())


def _emptied(directory: Path) -> Path:
    """The directory, without what an interrupted run left: these libraries refuse to write where files are."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.iterdir():
        path.unlink()
    return directory


WRITERS: dict[str, Callable[[Split, Path], list[Path]]] = {
    "nanogpt": nanogpt,
    "megatron": megatron,
    "parquet": parquet,
    "mds": mds,
    "litdata": litdata,
}
