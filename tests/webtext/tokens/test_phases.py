from __future__ import annotations

import itertools
import json
import shutil
import struct
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.stages import TOKENIZER
from tests.webtext.tokens.corpus import SHARDS, documents, learn, tokenize, write_corpus, write_shard_of
from tokenizer import ByteBPE
from webtext.core.config import TokenizeSection
from webtext.core.config_file import parse_config
from webtext.core.errors import WebtextError
from webtext.core.hashing import shard_name, url_id
from webtext.core.manifest import build_manifest
from webtext.core.records import SPLITS
from webtext.core.tables import read_table
from webtext.core.task import StageContext, run_task
from webtext.tokens.phases import ENCODED, lay_out
from webtext.tokens.shards import open_shard
from webtext.tokens.vocabulary import load_vocabulary, take_vocabulary, vocabulary_of


@pytest.fixture
def build(tmp_path: Path) -> Path:
    write_corpus(tmp_path, documents())
    return tmp_path


def test_held_out_text_has_no_say_in_the_vocabulary(build: Path) -> None:
    reports = learn(build)
    rows = documents()
    held_out = sum(row["split"] != "train" for row in rows)
    assert sum(report.records_in for report in reports) == len(rows)
    assert sum(report.rejected for report in reports) == held_out
    before = {path.name: path.read_bytes() for path in (build / "tokenizer").glob("*.json")}
    assert {"vocab.json", "tokenizer.json"} <= before.keys()
    changed = [row if row["split"] == "train" else {**row, "text": "zzzz yyyy " * 50} for row in rows]
    write_corpus(build, changed)
    (build / "tokenizer").rename(build / "first")
    learn(build)
    assert {path.name: path.read_bytes() for path in (build / "tokenizer").glob("*.json")} == before


def test_an_empty_corpus_is_told(tmp_path: Path) -> None:
    write_corpus(tmp_path, [])
    with pytest.raises(WebtextError, match="no training text"):
        learn(tmp_path)


def test_a_given_tokenizer_is_taken(build: Path) -> None:
    learn(build, 300)
    (build / "tokenizer").rename(build / "given")
    run_task(StageContext(build, "tokenizer", "key"), "take-00000", take_vocabulary, 0, str(build / "given"))
    assert ByteBPE.load(build / "tokenizer") == ByteBPE.load(build / "given")


def test_gpt2_is_taken_by_its_name(tmp_path: Path, gpt2_cache: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = parse_config("", "command line", {"tokenizer.path": "gpt2"})
    assert TOKENIZER.sources(config) == []
    (tmp_path / "build").mkdir()
    run_task(StageContext(tmp_path / "build", "tokenizer", "key"), "take-00000", take_vocabulary, 0, config.tokenizer.path)
    assert (tmp_path / "build" / "tokenizer" / "merges.txt").read_bytes() == (data_dir / "gpt2" / "vocab.bpe").read_bytes()
    ByteBPE([(1, 2)]).save(tmp_path / "gpt2")  # a directory of that name comes first
    assert load_vocabulary(Path("gpt2")).vocab_size == 258
    (tmp_path / "gpt2").rename(tmp_path / "other")
    for path in gpt2_cache.iterdir():
        path.unlink()
    with pytest.raises(WebtextError, match="gpt2: tiktoken cannot download"):
        load_vocabulary(Path("gpt2"))


def test_what_is_no_tokenizer_is_told_in_a_sentence(build: Path) -> None:
    (build / "broken").mkdir()
    (build / "broken" / "tokenizer.json").write_text("{")
    with pytest.raises(WebtextError, match=r"tokenizer\.json"):
        run_task(StageContext(build, "tokenizer", "key"), "take-00000", take_vocabulary, 0, str(build / "broken" / "tokenizer.json"))


def test_the_vocabulary_states_the_corpus_it_was_learned_from(build: Path) -> None:
    corpus = build_manifest("dedup", "documents", [], fingerprint="a", configuration={"build": {"shards": SHARDS}}, inputs={}, sources=[])
    corpus.write(build / "stages/dedup/manifest.json")
    learn(build)
    assert json.loads((build / "tokenizer" / "metadata.json").read_text())["corpus"] == corpus.hash()


def test_order_and_number_of_tasks_do_not_show(build: Path) -> None:
    """The vocabulary is that of the words of all texts, however they are dealt to shards."""
    learn(build)
    (build / "tokenizer").rename(build / "first")
    for shard, rows in enumerate((documents()[::-1], [], [])):
        write_shard_of(build, shard, rows)
    learn(build)
    names = sorted(path.name for path in (build / "first").iterdir() if path.is_file())
    assert {"vocab.json", "merges.txt", "metadata.json"} <= set(names)
    for name in names:
        assert (build / "tokenizer" / name).read_bytes() == (build / "first" / name).read_bytes()


def test_another_vocabulary_in_the_same_place_is_seen(build: Path) -> None:
    """It is loaded once a process, but known by its content."""
    for size in (300, 280):
        learn(build, size)
        assert vocabulary_of(build).vocab_size == size
        (build / "tokenizer").rename(build / f"of-{size}")


def test_the_manifest_counts_tokens_bytes_and_long_documents(build: Path) -> None:
    rows = documents()
    rows[0]["text"] = "z" + "\u4e00" * 600  # no merge is learned of it where it is held out: three tokens a character
    rows[0]["split"] = "test"
    write_corpus(build, rows)
    learn(build)
    reports = tokenize(build, 10**9)
    counters = build_manifest("tokenize", "documents", reports, fingerprint="", configuration={}, inputs={}, sources=[]).counters
    bpe = ByteBPE.load(build / "tokenizer")
    lengths = {row["url"]: len(bpe.encode(row["text"])) + 1 for row in rows}
    assert counters["tokens"] == sum(lengths.values())
    assert counters["text-bytes"] == sum(len(row["text"].encode()) for row in rows)
    assert counters["documents-above-1024-tokens"] == sum(length > 1025 for length in lengths.values()) == 1
    for split in SPLITS:
        assert counters[f"documents-{split}"] == sum(row["split"] == split for row in rows)
        assert counters[f"tokens-{split}"] == sum(lengths[row["url"]] for row in rows if row["split"] == split)


def test_a_special_token_in_a_text_is_text(build: Path) -> None:
    rows = documents()
    rows[0]["text"] = "one<|endoftext|>two"
    write_corpus(build, rows)
    learn(build)
    tokenize(build, 10**9)
    tokens = np.concatenate([open_shard(path) for path in (build / "tokens").glob("*.bin")])
    files = list((build / "tokens").glob("*.bin"))
    assert (tokens == vocabulary_of(build).eot).sum() == len(rows) + len(files)


@pytest.mark.parametrize("shard_tokens", [10**9, 1500, 1])
def test_every_document_is_where_the_index_says(build: Path, shard_tokens: int) -> None:
    learn(build)
    reports = tokenize(build, shard_tokens)
    rows = documents()
    assert sum(report.records_in for report in reports) == sum(report.records_out for report in reports) == len(rows)
    bpe = ByteBPE.load(build / "tokenizer")
    found = {}
    for path in sorted((build / "tokens" / "index").glob("*.parquet")):
        index = list(read_table(path))
        tokens = open_shard(build / "tokens" / f"{path.stem}.bin")
        assert sum(row["length"] for row in index) + 1 == len(tokens)
        assert tokens[0] == bpe.eot
        assert [row["offset"] for row in index] == [1 + sum(row["length"] for row in index[:i]) for i in range(len(index))]
        for row in index:
            piece = tokens[row["offset"] : row["offset"] + row["length"]]
            assert piece[-1] == bpe.eot
            found[row["url"]] = (bpe.decode(piece[:-1].tolist()), row["split"])
            assert row["shard"].startswith(row["split"])
    assert found == {row["url"]: (row["text"], row["split"]) for row in rows}


def test_the_files_of_a_split_are_equally_long(build: Path) -> None:
    """But for a document, so that no file is too short for a reader that wants a batch of each, as llm.c's does."""
    learn(build)
    tokenize(build, 1500)
    sizes = [len(open_shard(path)) for path in (build / "tokens").glob("train-*.bin")]
    longest = max(row["length"] for path in (build / "tokens/index").glob("train-*.parquet") for row in read_table(path))
    assert len(sizes) == -(-(sum(sizes) - len(sizes)) // 1500) > 2
    assert max(abs(size - 1 - (sum(sizes) - len(sizes)) / len(sizes)) for size in sizes) < longest


def order_of(build: Path, split: str = "train") -> list[str]:
    return [row["url"] for path in sorted((build / "tokens/index").glob(f"{split}-*.parquet")) for row in read_table(path)]


def test_the_order_is_that_of_a_hash_of_id_and_seed(build: Path) -> None:
    learn(build)
    for seed in (1, 2):
        tokenize(build, 1500, seed=seed)
        rows = sorted(documents(), key=lambda row: xxhash.xxh3_64_intdigest(row["id"].encode(), seed))
        for split in SPLITS:
            assert order_of(build, split) == [row["url"] for row in rows if row["split"] == split]
        shutil.rmtree(build / "stages/tokenize")
    tokenize(build, 1500, shuffle=False)
    corpus = [row for shard in range(SHARDS) for row in read_table(build / f"corpus/{shard_name(shard)}.parquet")]
    assert order_of(build) == [row["url"] for row in corpus if row["split"] == "train"]


def test_neighbours_share_a_host_as_often_as_by_chance(tmp_path: Path) -> None:
    """Hosts of very unequal sizes, as on the web: within three standard errors of the chance that two drawn documents share one."""
    sizes = [1000, 500, 250, *[50] * 20, *[5] * 250]
    hosts = [number for number, size in enumerate(sizes) for _ in range(size)]
    rows = [{"url": f"http://host{host}.example/{i}", "text": "a", "split": "train"} for i, host in enumerate(hosts)]
    write_corpus(tmp_path, [{**row, "id": url_id(row["url"])} for row in rows])
    ByteBPE([]).save(tmp_path / "tokenizer")
    tokenize(tmp_path, 10**9)
    found = [urlsplit(url).hostname for url in order_of(tmp_path)]
    shared = sum(a == b for a, b in itertools.pairwise(found)) / (len(found) - 1)
    chance = sum(size * (size - 1) for size in sizes) / (len(hosts) * (len(hosts) - 1))
    assert abs(shared - chance) < 3 * (chance * (1 - chance) / len(found)) ** 0.5
    in_order = sum(a == b for a, b in itertools.pairwise(hosts)) / (len(hosts) - 1)
    assert in_order > 0.9 > 0.2 > chance


def test_llm_c_reads_the_files(build: Path) -> None:
    """As its dataloader.h does: 256 ints, checks, the size of the file, then uint16 from byte 1,024 on."""
    learn(build)
    tokenize(build, 1500)
    for path in sorted((build / "tokens").glob("train-*.bin")):
        with open(path, "rb") as file:
            header = struct.unpack("<256i", file.read(1024))
            assert header[0] == 20240520, "Bad magic in the data file"
            assert header[1] == 1, "Bad version in data file"
            count = header[2]
            assert count > 0
            assert path.stat().st_size == 256 * 4 + count * 2
            batch, context = 2, 16
            file.seek(1024 + 3 * 2)
            buffer = np.frombuffer(file.read((batch * context + 1) * 2), dtype="<u2").astype(np.int32)
        assert buffer.tolist() == open_shard(path)[3 : 3 + batch * context + 1].tolist()
        assert header[3:] == (0,) * 253


def test_a_large_vocabulary_makes_shards_of_32_bits(build: Path) -> None:
    """A vocabulary above 65,536 from merges of random bytes; what the files hold is what was encoded."""
    pairs = list(itertools.islice(itertools.product(range(256), repeat=2), 65_536))
    ByteBPE([*pairs[:65_000], *((left, 256 + left) for left in range(256)), *((256 + i, 256 + i) for i in range(600, 1200))]).save(
        build / "tokenizer"
    )
    tokenize(build, 10**9)
    bpe = ByteBPE.load(build / "tokenizer")
    assert bpe.vocab_size > 65_536
    path = build / "tokens" / "train-00000.bin"
    header = np.fromfile(path, dtype="<i4", count=256)
    tokens = np.fromfile(path, dtype="<u4", offset=1024)
    assert header[:4].tolist() == [20240801, 7, len(tokens), 0]  # as llm.c's dev/data/data_common.py has them for Llama 3
    assert tokens.max() == bpe.eot > 65_535
    texts = {row["url"]: row["text"] for row in documents()}
    assert bpe.decode(tokens) == "<|endoftext|>" + "".join(f"{texts[url]}<|endoftext|>" for url in order_of(build))


def test_every_split_has_a_file_also_where_it_is_empty(tmp_path: Path) -> None:
    write_corpus(tmp_path, [row for row in documents() if row["split"] == "train"])
    learn(tmp_path)
    tokenize(tmp_path, 10**9)
    assert sorted(path.name for path in (tmp_path / "tokens").glob("*.bin")) == [f"{split}-00000.bin" for split in sorted(SPLITS)]
    assert len(open_shard(tmp_path / "tokens" / "val-00000.bin")) == 0


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(1, 9), max_size=6), min_size=1, max_size=4), st.integers(1, 20))
def test_the_layout_is_that_of_one_list(tmp_path_factory: pytest.TempPathFactory, lengths: list[list[int]], size: int) -> None:
    """Keys with many ties: document i of a shard has the key i, and of equal keys the lower shard comes first."""
    context = StageContext(tmp_path_factory.mktemp("layout"), "tokenize", "key")
    for shard, numbers in enumerate(lengths):
        path = context.scratch_path(f"encode-{shard:05d}.arrow")
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [{"id": "", "url": "", "split": 0, "key": key, "length": number} for key, number in enumerate(numbers)]
        with pa.ipc.new_file(str(path), ENCODED) as table:
            table.write_table(pa.Table.from_pylist(rows, schema=ENCODED))
    files = run_task(
        context, "layout-00000", lay_out, 0, list(range(len(lengths))), TokenizeSection.model_construct(shard_tokens=size)
    ).outputs
    train = [pieces for _, name, pieces in files if "train" in name]
    laid = [sorted((i, shard) for shard, first, count in pieces for i in range(first, first + count)) for pieces in train]
    documents = sorted((i, shard) for shard, numbers in enumerate(lengths) for i in range(len(numbers)))
    total = sum(map(sum, lengths))
    count = max(1, -(-total // size))
    expected: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    before = 0
    for i, shard in documents:
        expected[before * count // max(total, 1)].append((i, shard))
        before += lengths[shard][i]
    assert laid == ([file for file in expected if file] or [[]])
    assert [name for _, name, _ in files if "train" in name] == [f"train-{number:05d}" for number in range(len(laid))]
