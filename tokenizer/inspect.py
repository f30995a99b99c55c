"""Looking at a vocabulary: how well it compresses, its longest tokens, how it cuts a text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rich.text import Text

from tokenizer.encoder import ByteBPE
from tokenizer.utf8 import to_utf8

_STYLES = ("black on bright_cyan", "black on bright_yellow", "black on bright_green", "black on bright_magenta", "black on bright_white")


class Compression(NamedTuple):
    """What a group of texts becomes: sizes in UTF-8 bytes, characters and tokens."""

    group: str
    texts: int
    size: int
    characters: int
    tokens: int

    @property
    def bytes_a_token(self) -> float:
        """0 for a group without text."""
        return self.size / self.tokens if self.tokens else 0.0

    @property
    def characters_a_token(self) -> float:
        """0 for a group without text."""
        return self.characters / self.tokens if self.tokens else 0.0

    @classmethod
    def sum(cls, group: str, rows: Iterable[Compression]) -> Compression:
        """All groups as one."""
        return cls(group, *(sum(figures) for figures in zip((0, 0, 0, 0), *(row[1:] for row in rows))))


def compression(bpe: ByteBPE, texts: Iterable[tuple[str, str]]) -> list[Compression]:
    """Compression of the texts of each group, such as a language, from pairs of group and text; groups in the order they come first.

    >>> compression(train(["low lower lowest"], 260), [("en", "low low")])
    [Compression(group='en', texts=1, size=7, characters=7, tokens=2)]
    """
    groups: dict[str, tuple[int, int, int, int]] = {}
    for group, text in texts:
        ids = bpe.encode_to_numpy(text)
        count, size, characters, tokens = groups.get(group, (0, 0, 0, 0))
        groups[group] = count + 1, size + len(to_utf8(text)), characters + len(text), tokens + ids.size
    return [Compression(group, *figures) for group, figures in groups.items()]


def longest_tokens(bpe: ByteBPE, limit: int = 20) -> list[tuple[int, bytes]]:
    """Ids and bytes of the longest tokens, the lower id first among equals."""
    return sorted(enumerate(bpe.tokens), key=lambda item: (-len(item[1]), item[0]))[:limit]


def readable(token: bytes) -> str:
    """A token on one line: line ends and other control characters and bytes that are no UTF-8 are written as in Python."""
    text = token.decode(errors="backslashreplace")
    return "".join(character if character.isprintable() else character.encode("unicode_escape").decode() for character in text)


def cut(bpe: ByteBPE, text: str) -> list[tuple[int, str]]:
    """Id and readable form of each token of ``text``."""
    return [(i, readable(bpe.decode_bytes([i]))) for i in bpe.encode(text)]


def colored(bpe: ByteBPE, text: str) -> Text:
    """``text`` with its tokens in alternating colours; lines break where the text's do."""
    result = Text()
    for position, (i, token) in enumerate(cut(bpe, text)):
        result.append(token, style=_STYLES[position % len(_STYLES)])
        result.append("\n" * bpe.decode_bytes([i]).count(b"\n"))
    return result
