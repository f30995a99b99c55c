"""What became of a page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """What a page gave, by which engine."""

    title: str
    text: str
    extractor: str


@dataclass(frozen=True)
class Rejection:
    """Why a page gave none: `reason` by name, `detail` with the figure or words that decided."""

    reason: str
    detail: str = ""
