"""What became of a page."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Text:
    """What a page gave. `bytes_by_language` adds up to the text in UTF-8; `changed` names the cleaning rules that changed it."""

    title: str
    text: str
    language: str | None
    extractor: str
    bytes_by_language: dict[str, int] = field(default_factory=dict)
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rejection:
    """Why a page gave none: `reason` by name, `detail` with the figure or words that decided."""

    reason: str
    detail: str = ""
