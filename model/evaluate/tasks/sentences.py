"""Sets of a sentence a line, with the ids of the overlap reports."""

from __future__ import annotations

from pathlib import Path

from model.evaluate.task import Settings, example_id
from webtext.core.errors import WebtextError
from webtext.overlap.record_readers import read_records
from webtext.overlap.text_readers import read_units


def read_sentences(files: list[Path], settings: Settings) -> list[tuple[str, str]]:
    """(id, sentence and line feed). Raises WebtextError for files without any."""
    found = []
    for path in files:
        read = read_records(path, "parquet", "text") if path.suffix == ".parquet" else read_units(path, "line")
        found += [(example_id(files, path, name), f"{line}\n") for name, line in read]
    if not found:
        raise WebtextError(f"{files[0]}: no sentence in it; fetch it again")
    return list(settings.limited(found))
