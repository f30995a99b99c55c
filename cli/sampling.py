"""`webtext sample`."""

from __future__ import annotations

from pathlib import Path


def write_samples(build: Path, prompt: str, tokens: int, temperature: float, top_k: int, top_p: float, seed: int, count: int) -> None:
    """Write samples of a build's model to standard output as they come."""
