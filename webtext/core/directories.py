"""Where each stage of a build writes, in the order of a build. Other people's scripts rely on these names.

The directory of a stage holds its data and nothing else, so that other programs read it by its name; its bookkeeping is in stages/STAGE/.
All paths are relative to the build.
"""

from __future__ import annotations

DIRECTORIES = {
    "links": "links",
    "fetch": "pages",
    "extract": "documents",
    "documents": "documents",
    "clean": "cleaned",
    "dedup": "corpus",
    "ngrams": "ngrams",
    "overlap": "overlap",
    "tokenizer": "tokenizer",
    "tokenize": "tokens",
    "train": "model",
    "evaluate": "evaluation",
    "report": "report",
}

MANIFEST_NAME = "manifest.json"
WORK = ".work"


def bookkeeping_directory(stage: str) -> str:
    """What is not a stage's data: its manifest, its rejected records, and what it needs only while it runs."""
    return f"stages/{stage}"


def manifest_path(stage: str) -> str:
    """Written when the stage is finished (webtext.core.manifest)."""
    return f"{bookkeeping_directory(stage)}/{MANIFEST_NAME}"


def rejected_directory(stage: str) -> str:
    """A Parquet file for each task that rejected records."""
    return f"{bookkeeping_directory(stage)}/rejected"


def work_directory(stage: str) -> str:
    """Scratch files, and the reports of tasks; deleted when the stage is finished."""
    return f"{bookkeeping_directory(stage)}/{WORK}"
