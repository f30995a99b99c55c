"""A build for people's own programs: run it, and read what it made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset

from webtext.core.config_file import load_config, parse_config
from webtext.core.errors import UsageError
from webtext.core.files import read_json
from webtext.core.texts import final_texts
from webtext.report.why import Event, why

if TYPE_CHECKING:
    import datasets


class Corpus:
    """The documents of a build: dicts with the columns of its Parquet files (docs/formats.md), shard after shard."""

    def __init__(self, directory: Path) -> None:
        self._files = sorted(map(str, directory.glob("shard-*.parquet")))
        if not self._files:
            raise UsageError(f"{directory}: holds no documents; run the build first")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in pyarrow.dataset.dataset(self._files).to_batches():
            yield from batch.to_pylist()

    def __len__(self) -> int:
        return int(pyarrow.dataset.dataset(self._files).count_rows())

    def to_arrow(self) -> pa.Table:
        """All documents as one table, in memory."""
        return pyarrow.dataset.dataset(self._files).to_table()

    def to_dataset(self) -> datasets.Dataset:
        """All documents as a `datasets.Dataset`, which needs that package."""
        import datasets

        return datasets.Dataset.from_parquet(self._files)


class Build:
    """A build directory.

    `config` is a TOML file; `settings` are keys over it, as {"dedup.threshold": 0.7}. Without both, a directory that is built already is
    only read.

    >>> build = webtext.Build("out", settings={"documents.files": ["texts.jsonl"], "clean.preset": "fineweb"})
    >>> build.run("dedup")
    >>> for document in build.corpus(): print(document["text"])
    """

    def __init__(self, directory: str | Path, config: str | Path | None = None, settings: Mapping[str, Any] | None = None) -> None:
        self.directory = Path(directory)
        name = "webtext.Build"
        self.config = load_config(Path(config), settings) if config is not None else parse_config("", name, settings)

    def run(self, stage: str | None = None) -> None:
        """Run all stages, or those that one stage needs and itself. What is up to date is not run again.

        Raises WebtextError where an input is wrong; what is finished by then is kept for the next call.
        """
        # Imported here because it loads the graphs, and readers of a build do not need them.
        from webtext.cli.build import run_build, stages_for

        run_build(self.config, self.directory, only=stages_for(self.config, stage) if stage else ())

    def corpus(self) -> Corpus:
        """The documents after the last stage that the build has of dedup, clean and documents."""
        return Corpus(final_texts(self.directory))

    def why(self, url: str) -> list[Event]:
        """What each stage did with a URL, or with FILE#ROW of one's own files. Empty if none has seen it."""
        return why(self.directory, url)

    def overlap(self) -> dict[str, Any]:
        """The overlap report by benchmark. Raises UsageError where the build has none."""
        paths = sorted((self.directory / "overlap").glob("*.json"))
        if not paths:
            raise UsageError(f"{self.directory}: has no overlap report; set overlap.benchmarks and run `overlap`")
        return {path.stem: read_json(path) for path in paths}
