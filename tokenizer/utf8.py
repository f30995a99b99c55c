"""Text to bytes."""

from __future__ import annotations


def to_utf8(text: str) -> bytes:
    """UTF-8 of ``text``; surrogate pairs are joined and lone surrogates become U+FFFD, as in tiktoken."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
