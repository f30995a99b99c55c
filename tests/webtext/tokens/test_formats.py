"""Each format by the reader of its own project where that is installed, and by a reader after its description."""

from __future__ import annotations

import itertools
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from datasets import load_dataset

from pipelines.stages import TOKENIZE
from tests.webtext.tokens.corpus import documents, learn, tokenize, write_corpus
from tokenizer import ByteBPE
from webtext.core.config_file import parse_config
from webtext.core.errors import WebtextError
from webtext.core.records import SPLITS
from webtext.core.tables import read_table
from webtext.core.task import StageContext, run_task
from webtext.tokens.phases import convert
from webtext.tokens.shards import open_shard
from webtext.tokens.vocabulary import vocabulary_of


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("formats")
    write_corpus(build, documents())
    learn(build)
    tokenize(build, 1500)
    return build


def converted(build: Path, format_: str) -> Path:
    for index in range(len(SPLITS)):
        run_task(StageContext(build, "tokenize", "key"), f"convert-{format_}-{index}", convert, index, [format_])
    return build / "tokens" / format_


def tokens_of(build: Path, split: str = "train") -> list[list[int]]:
    """The tokens of the documents, by the index."""
    found = []
    for path in sorted((build / "tokens/index").glob(f"{split}-*.parquet")):
        tokens = open_shard(build / "tokens" / f"{path.stem}.bin").tolist()
        found += [tokens[row["offset"] : row["offset"] + row["length"]] for row in read_table(path)]
    return found


def test_nanogpt(build: Path) -> None:
    """train.py maps uint16 from the first byte on and takes windows at random; sample.py spells and reads by meta.pkl."""
    out, bpe = converted(build, "nanogpt"), vocabulary_of(build)
    assert sorted(path.name for path in out.iterdir()) == ["meta.pkl", "train.bin", "val.bin"]
    for split in ("train", "val"):
        data = np.memmap(out / f"{split}.bin", dtype=np.uint16, mode="r")
        assert data.tolist() == [bpe.eot, *(token for document in tokens_of(build, split) for token in document)]
    meta = pickle.loads((out / "meta.pkl").read_bytes())
    assert meta["vocab_size"] == bpe.vocab_size
    text = "The quick fox"
    assert "".join(meta["itos"][i] for i in [meta["stoi"][c] for c in text]) == text
    assert "".join(meta["itos"][i] for i in bpe.encode(text)) == text


def test_nanogpt_knows_gpt2s_vocabulary(tmp_path: Path, data_dir: Path) -> None:
    write_corpus(tmp_path, documents())
    ByteBPE.load(data_dir / "gpt2").save(tmp_path / "tokenizer")
    tokenize(tmp_path, 10**9)
    assert sorted(path.name for path in converted(tmp_path, "nanogpt").iterdir()) == ["train.bin", "val.bin"]


def test_nanogpt_has_no_large_vocabulary(tmp_path: Path) -> None:
    write_corpus(tmp_path, documents())
    ByteBPE([], special={"<|endoftext|>": 65_536}).save(tmp_path / "tokenizer")
    tokenize(tmp_path, 10**9)
    with pytest.raises(WebtextError, match="tokens of 16 bits, a vocabulary of 65,537 needs more"):
        converted(tmp_path, "nanogpt")
    assert np.fromfile(converted(tmp_path, "megatron") / "val.bin", "<i4").tolist() == [i for d in tokens_of(tmp_path, "val") for i in d]


def test_modded_nanogpt_finds_the_documents(build: Path) -> None:
    """Its loader checks magic and version, reads uint16 behind 1,024 bytes, and takes each <|endoftext|> for a beginning."""
    bpe, found = vocabulary_of(build), []
    for path in sorted((build / "tokens").glob("train-*.bin")):
        header = np.fromfile(path, dtype="<i4", count=256)
        assert header[:2].tolist() == [20240520, 1]
        tokens = np.fromfile(path, dtype="<u2", offset=1024)
        assert len(tokens) == header[2]
        starts = np.flatnonzero(tokens == bpe.eot)
        assert starts[0] == 0
        found += [tokens[start + 1 : end].tolist() for start, end in itertools.pairwise(starts)]
    assert found == [document[:-1] for document in tokens_of(build)]


@pytest.mark.parametrize("split", SPLITS)
def test_megatron(build: Path, split: str) -> None:
    out = converted(build, "megatron")
    raw = (out / f"{split}.idx").read_bytes()
    magic, version, code, sequences, documents_ = struct.unpack("<9sQBQQ", raw[:34])
    assert (magic, version, code, documents_) == (b"MMIDIDX\0\0", 1, 8, sequences + 1)
    lengths = np.frombuffer(raw, "<i4", sequences, 34)
    offsets = np.frombuffer(raw, "<i8", sequences, 34 + 4 * sequences)
    firsts = np.frombuffer(raw, "<i8", documents_, 34 + 12 * sequences)
    assert len(raw) == 34 + 12 * sequences + 8 * documents_
    assert firsts.tolist() == list(range(documents_))
    data = np.fromfile(out / f"{split}.bin", "<u2")
    assert [data[offset // 2 : offset // 2 + length].tolist() for offset, length in zip(offsets, lengths)] == tokens_of(build, split)


def test_megatrons_own_reader(build: Path) -> None:
    indexed = pytest.importorskip("megatron.core.datasets.indexed_dataset")
    data = indexed.IndexedDataset(str(converted(build, "megatron") / "train"))
    assert [data[i].tolist() for i in range(len(data))] == tokens_of(build)


def test_parquet_and_datasets(build: Path, tmp_path: Path) -> None:
    loaded = load_dataset(str(converted(build, "parquet")), cache_dir=str(tmp_path))
    for split, name in (("train", "train"), ("validation", "val"), ("test", "test")):
        assert loaded[split]["input_ids"][:] == tokens_of(build, name)
    urls = [row["url"] for path in sorted((build / "tokens/index").glob("train-*.parquet")) for row in read_table(path)]
    assert loaded["train"]["url"][:] == urls


def test_mosaics_own_reader(build: Path) -> None:
    streaming = pytest.importorskip("streaming")
    data = streaming.StreamingDataset(local=str(converted(build, "mds") / "train"), batch_size=1)
    assert [sample["tokens"].tolist() for sample in data] == tokens_of(build)


def test_litdatas_own_reader(build: Path) -> None:
    litdata = pytest.importorskip("litdata")
    out = converted(build, "litdata") / "train"
    flat = [token for document in tokens_of(build) for token in document]
    data = litdata.StreamingDataset(str(out), item_loader=litdata.TokensLoader(block_size=16))
    assert [data[i].tolist() for i in range(len(data))] == [flat[i : i + 16] for i in range(0, len(flat) - 15, 16)]


def test_the_same_bytes_again(build: Path) -> None:
    for name in ("nanogpt", "megatron", "parquet"):
        before = {path: path.read_bytes() for path in converted(build, name).iterdir()}
        for path in (build / "stages/tokenize/.work").glob("convert-*"):
            path.unlink()
        assert {path: path.read_bytes() for path in converted(build, name).iterdir()} == before


def test_the_stage_has_a_task_for_each_split_of_each_format() -> None:
    config = parse_config('[tokenize]\nformat = ["nanogpt", "megatron"]', "x")
    assert TOKENIZE.phases(config)["convert"] == 6
    assert "convert" not in TOKENIZE.phases(parse_config("", "x"))
