"""Real text for the tokenizer's tests."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard


def _members(path: Path) -> Iterator[tuple[str, str]]:
    with (
        path.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as stream,
        tarfile.open(fileobj=io.BufferedReader(stream), mode="r|") as archive,
    ):
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                yield Path(member.name).stem, content.read().decode()


@pytest.fixture(scope="session")
def languages(data_dir: Path) -> dict[str, str]:
    """Sentences of 75 languages by code, a sentence a line."""
    texts = dict(_members(data_dir / "langid" / "sentences_75_languages.tar.zst"))
    assert len(texts) == 75
    return texts


@pytest.fixture(scope="session")
def some_novels(data_dir: Path) -> list[str]:
    """The first two novels."""
    return [text for _, (_, text) in zip(range(2), _members(data_dir / "text" / "novels.tar.zst"))]


@pytest.fixture(scope="session")
def shakespeare(data_dir: Path) -> str:
    return (data_dir / "text" / "tinyshakespeare.txt").read_text(encoding="utf-8")
