"""Files of texts to documents: a task reads some files and writes some shards."""

from __future__ import annotations

from typing import Any

from pipelines.engine import Phase, TaskRange
from pipelines.filesystem import OpenAnywhere, is_url
from pipelines.stages import text_files
from webtext.core.config import Config
from webtext.core.task import StageContext
from webtext.documents.files import group_count
from webtext.documents.phases import read_files


def graph(pipeline: Any, context: StageContext, config: Config) -> None:
    files = text_files(config)
    opener = OpenAnywhere(pipeline.options.get_all_options(drop_default=True) if any(map(is_url, files)) else {})
    shards = config.build.shards
    groups = pipeline | "Groups" >> TaskRange(group_count(len(files), shards))
    groups | Phase(context, "read", read_files, files, shards, config.documents, opener)
