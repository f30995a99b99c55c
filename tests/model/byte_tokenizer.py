"""A tokenizer whose tokens are bytes."""

from __future__ import annotations

from collections.abc import Sequence


class Bytes:
    eot = 256

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        return bytes(ids)
