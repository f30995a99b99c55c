"""Exported files hold what the build has, split by split, and open in the programs that they are meant for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from webtext.core.errors import UsageError, WebtextError
from webtext.core.hashing import url_id
from webtext.core.records import CLEANED, CORPUS
from webtext.core.tables import writing_table
from webtext.export import export

TEXTS = {"a": ("train", "One.\nTwo."), "b": ("train", "Größe"), "c": ("val", "Three."), "d": ("train", "Four.")}


def record(name: str, split: str, text: str) -> dict[str, Any]:
    url = f"http://example.org/{name}"
    own = {"id": url_id(url), "url": url, "title": None, "text": text, "extractor": "file", "score": None, "subreddits": ["x"]}
    return {**own, "created_utc": 5, "meta": json.dumps({"stars": 3}) if name == "a" else None, "language": "en", "split": split}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three shards: two documents, two documents, none. No document is in the test split."""
    names = list(TEXTS)
    for number, part in enumerate((names[:2], names[2:], [])):
        with writing_table(tmp_path / "corpus" / f"shard-{number:05d}.parquet", CORPUS) as table:
            for name in part:
                table.write({key: value for key, value in record(name, *TEXTS[name]).items() if key in CORPUS.names})
    return tmp_path / "corpus"


def of(split: str) -> list[str]:
    return [text for part, text in TEXTS.values() if part == split]


def names(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_lines_of_json(corpus: Path, tmp_path: Path) -> None:
    written = export(corpus, "jsonl.zst", tmp_path / "out")
    files = ["train-00000.jsonl.zst", "train-00001.jsonl.zst", "val-00001.jsonl.zst"]  # nothing for what has no documents
    assert names(tmp_path / "out") == files == [file.path.name for file in written]
    rows = [
        json.loads(line)
        for path in sorted((tmp_path / "out").glob("train-*"))
        for line in zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().splitlines()
    ]
    assert [row["text"] for row in rows] == of("train")
    assert rows[0]["meta"] == {"stars": 3}
    assert rows[0]["url"] == "http://example.org/a"
    assert [file.bytes for file in written] == [file.path.stat().st_size for file in written]


def test_plain_texts(corpus: Path, tmp_path: Path) -> None:
    export(corpus, "txt", tmp_path / "out", separator="---")
    assert (tmp_path / "out" / "train-00000.txt").read_text() == "One.\nTwo.\n---\nGröße\n---\n"


def test_parquet_with_a_card(corpus: Path, tmp_path: Path) -> None:
    export(corpus, "parquet", tmp_path / "out")
    assert pq.read_table(tmp_path / "out" / "data" / "train-00000.parquet")["text"].to_pylist() == of("train")[:2]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "path: data/train-*.parquet" in card
    assert "path: data/val-*.parquet" in card
    assert "test" not in card


def test_texts_without_splits_are_training_text(corpus: Path, tmp_path: Path) -> None:
    with writing_table(tmp_path / "cleaned" / "shard-00000.parquet", CLEANED) as table:
        table.write({key: value for key, value in record("a", "", "A text.").items() if key in CLEANED.names})
    export(tmp_path / "cleaned", "datasets", tmp_path / "out")
    assert pa.ipc.open_stream(tmp_path / "out" / "train" / "data-00000.arrow").read_all()["text"].to_pylist() == ["A text."]
    assert json.loads((tmp_path / "out" / "dataset_dict.json").read_text()) == {"splits": ["train"]}


def test_what_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--to csv: not a form of export"):
        export(corpus, "csv", tmp_path / "out")
    with pytest.raises(UsageError, match="holds no documents"):
        export(tmp_path, "txt", tmp_path / "out")
    with pytest.raises(UsageError, match="not empty; choose another --out"):
        export(corpus, "txt", corpus)
    for path in corpus.glob("shard-0000[01]*"):
        path.unlink()
    with pytest.raises(UsageError, match="has no document left to export"):
        export(corpus, "txt", tmp_path / "out")
    (corpus / "shard-00001.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(WebtextError, match=r"shard-00001\.parquet: not a whole Parquet file .*run its stage again"):
        export(corpus, "txt", tmp_path / "out")


def test_pandas_opens_it(corpus: Path, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    export(corpus, "parquet", tmp_path / "out")
    export(corpus, "jsonl.zst", tmp_path / "lines")
    assert sorted(pandas.read_parquet(tmp_path / "out" / "data")["text"]) == sorted(text for _, text in TEXTS.values())
    assert list(pandas.read_json(tmp_path / "lines" / "train-00000.jsonl.zst", lines=True)["text"]) == of("train")[:2]
    assert len(pandas.read_parquet(corpus)) == 4


def test_duckdb_opens_it(corpus: Path, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    export(corpus, "parquet", tmp_path / "out")
    rows = duckdb.sql(f"select text from '{tmp_path}/out/**/*.parquet' where split = 'train' order by url").fetchall()
    assert [row[0] for row in rows] == of("train")


def test_polars_opens_it(corpus: Path, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    export(corpus, "parquet", tmp_path / "out")
    assert sorted(polars.read_parquet(f"{tmp_path}/out/data/*.parquet")["text"]) == sorted(text for _, text in TEXTS.values())


def test_datasets_opens_it(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    export(corpus, "datasets", tmp_path / "saved")
    export(corpus, "parquet", tmp_path / "out")
    for opened in (
        datasets.load_from_disk(str(tmp_path / "saved")),
        datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache")),
    ):
        assert {split: opened[split]["text"][:] for split in opened} == {"train": of("train"), "val": of("val")}
