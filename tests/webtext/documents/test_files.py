"""Which files paths, globs, directories, builds and saved data sets stand for."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.webtext.documents import files
from webtext.core.errors import UsageError, WebtextError
from webtext.documents.files import document_files, relative_names
from webtext.documents.readers import read_documents

RECORDS = [{"text": str(number)} for number in range(5)]


def texts(*paths: object) -> list[str]:
    return [document.text for document in read_documents([str(path) for path in paths])]


def test_directories_leave_out_what_is_no_document(tmp_path: Path) -> None:
    for name in ("b/x.txt", "a/x.txt", "w.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(files.jsonl([{"text": name}]) if name.endswith("jsonl") else name.encode())
    beside = ["README.md", "LICENSE", "_SUCCESS", ".hidden", "dataset_infos.json", "b/SHA256SUMS", "load.py"]
    for name in [*beside, ".git/x.txt", "_temporary/x.txt"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("not a document")
    assert texts(tmp_path) == ["w.jsonl", "a/x.txt", "b/x.txt"]
    assert [document.file for document in read_documents(tmp_path)] == ["w.jsonl", "a/x.txt", "b/x.txt"]
    (tmp_path / "_temporary" / "x.txt").unlink()  # of a glob only the names of files are looked at
    assert texts(tmp_path / "*" / "*.txt", tmp_path / "a") == ["a/x.txt", "b/x.txt"]
    assert texts(tmp_path / "**") == ["w.jsonl", "a/x.txt", "b/x.txt"]
    assert texts(tmp_path / "README.md") == ["not a document"]  # it is asked for


def test_a_snapshot_of_the_hub(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for shard in range(2):
        (tmp_path / "data" / f"train-{shard:05d}-of-00002.parquet").write_bytes(files.parquet(RECORDS[2 * shard : 2 * shard + 2]))
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n")
    (tmp_path / ".gitattributes").write_text("*.parquet lfs\n")
    assert texts(tmp_path) == ["0", "1", "2", "3"]


def test_saved_datasets(tmp_path: Path) -> None:
    files.save_to_disk(tmp_path / "one", RECORDS)
    assert texts(tmp_path / "one") == ["0", "1", "2", "3", "4"]
    files.save_to_disk(tmp_path / "both" / "train", RECORDS[:3], shards=1)
    files.save_to_disk(tmp_path / "both" / "test", RECORDS[3:], shards=1)
    (tmp_path / "both" / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    assert sorted(texts(tmp_path / "both")) == ["0", "1", "2", "3", "4"]
    (tmp_path / "one" / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(WebtextError, match=r"data-00001-of-00002\.arrow: there is no such file"):
        texts(tmp_path / "one")


def test_a_build_gives_its_last_texts_and_no_rejected_records(tmp_path: Path) -> None:
    (tmp_path / "build.json").write_text("{}")
    for stage in ("documents", "cleaned", "corpus"):
        (tmp_path / stage / "rejected").mkdir(parents=True)
        (tmp_path / stage / "rejected" / "a.parquet").write_bytes(files.parquet([{"text": "rejected"}]))
        (tmp_path / stage / "manifest.json").write_text("{}")
        (tmp_path / stage / "shard-00000.parquet").write_bytes(files.parquet([{"text": stage}]))
        assert texts(tmp_path) == [stage]
        assert texts(tmp_path / stage) == [stage]
    assert texts(tmp_path / "documents") == ["documents"]


def test_other_file_systems_are_listed_and_opened_by_what_is_passed(tmp_path: Path) -> None:
    store = {"gs://b/t/a.jsonl": files.jsonl(RECORDS[:1]), "gs://b/t/deep/b.parquet": files.parquet(RECORDS[1:2]), "gs://b/t/README": b"x"}

    def lister(patterns: Sequence[str], key: str) -> list[str]:
        assert patterns == ["gs://b/t/**"]
        return list(store)

    documents = list(read_documents("gs://b/t/", lister=lister, opener=lambda path: io.BytesIO(store[path])))
    assert [(document.file, document.text) for document in documents] == [("a.jsonl", "0"), ("deep/b.parquet", "1")]


NOTHING = [("absent", "there is no file"), ("*.jsonl", "there is no file"), ("empty", "holds no file of documents")]


@pytest.mark.parametrize(("path", "sentence"), NOTHING)
def test_nothing_to_read(tmp_path: Path, path: str, sentence: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "README.md").write_text("x")
    with pytest.raises(UsageError, match=sentence):
        document_files([str(tmp_path / path)], "documents.files")
    with pytest.raises(UsageError, match=r"documents\.files: no file is given"):
        document_files([], "documents.files")


def test_names_are_relative_to_the_common_directory() -> None:
    assert relative_names(["/d/a/x", "/d/ab/x", "/d/y"]) == ["a/x", "ab/x", "y"]
    assert relative_names(["/d/a/x"]) == ["x"]
    assert relative_names(["/d/x", "gs://b/x"]) == ["/d/x", "gs://b/x"]
