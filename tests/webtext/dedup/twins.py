"""Slow, plain twins of what webtext.dedup does fast."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from webtext.core.tables import Record
from webtext.dedup.shingles import text_hash
from webtext.ngrams.alphabet import WITHOUT_SPACES

M32, M64 = 2**32 - 1, 2**64 - 1


def mix64(value: int) -> int:
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & M64
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & M64
    return value ^ value >> 33


def word_hash(word: str) -> int:
    value = 0xCBF29CE484222325
    for character in word:
        value = (value ^ ord(character)) * 0x100000001B3 & M64
    return mix64(value)


def run_hash(units: Sequence[str]) -> int:
    value = 0
    for unit in units:
        value = (value * 6364136223846793005 + word_hash(unit)) & M64
    return mix64(value) >> 32


def pieces(text: str) -> list[str]:
    """The words of a text, with one blank for what stands between two of them."""
    found: list[str] = []
    text = unicodedata.normalize("NFKC", text).replace("ß", "ss").replace("ẞ", "ss").replace("i\u0307", "i")
    inside = False
    for character in text:
        category, lower = unicodedata.category(character), "σ" if character == "ς" else character.lower()[0]
        alone = any(first <= ord(character) <= last for first, last in WITHOUT_SPACES)
        if (category == "Cf" and character != "\u200b") or "\ufe00" <= character <= "\ufe0f" or character == "\u034f":
            continue
        if "\U000e0100" <= character <= "\U000e01ef":
            continue
        if category[0] == "M" and found and found[-1] != " ":
            found[-1] += lower
        elif category[0] not in "LN":
            inside = False
            if found and found[-1] != " ":
                found.append(" ")
        elif alone:
            inside = False
            found.append(lower)
        elif inside:
            found[-1] += lower
        else:
            inside = True
            found.append(lower)
    return found[:-1] if found and found[-1] == " " else found


def words(text: str) -> list[str]:
    return [piece for piece in pieces(text) if piece != " "]


def runs(text: str, size: int) -> set[tuple[str, ...]]:
    """The shingles of a text, not hashed."""
    units: Sequence[str] = words(text)
    if len(units) < size:
        units = "".join(pieces(text))
    if not units:
        return set()
    width = min(size, len(units))
    return {tuple(units[start : start + width]) for start in range(len(units) - width + 1)}


def jaccard(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0


def rank_key(record: Record) -> tuple[object, ...]:
    time, score = record["created_utc"], record["score"]
    return (time is None, time or 0, score is None, -(score or 0), record["url"])


def greedy(documents: Sequence[Record], size: int, threshold: float) -> dict[str, str]:
    """Which documents go, and for whose sake: all pairs compared, in the order of rank."""
    gone: dict[str, str] = {}
    stays: list[tuple[Record, set[tuple[str, ...]]]] = []
    for document in sorted(documents, key=rank_key):
        own = runs(document["text"], size)
        for other, its in stays:
            if text_hash(document["text"]) == text_hash(other["text"]) or jaccard(own, its) >= threshold:
                gone[document["url"]] = other["url"]
                break
        else:
            stays.append((document, own))
    return gone
