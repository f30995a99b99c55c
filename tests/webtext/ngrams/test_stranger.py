"""A reader of releases written from docs/formats.md alone, without any of our code."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from pathlib import Path

import pytest

from tests.webtext.ngrams.corpora import run_ngrams, write_corpus
from webtext.core.config import NgramsSection

ROOT = Path(__file__).resolve().parents[3]
ALONE = """0E00–0EFF, 0F00–109F, 1780–17FF, 1950–19DF, 1A20–1AAF, 3005–3007, 3021–303C, 3040–312F, 31A0–31FF, 3400–4DBF, 4E00–9FFF,
A000–A4CF, A9E0–A9FF, AA60–AADF, F900–FAFF, 1AFF0–1B16F, 20000–3FFFF"""
M = 2**64 - 1


class Reader:
    def __init__(self, directory: Path) -> None:
        data = [path.read_bytes() for path in sorted(directory.glob("filter-*.bloom"))]
        self.heads = [json.loads(each[24:4096]) for each in data]
        self.bits = [each[4096:] for each in data]
        assert all(each[:8] == b"WTBLOOM\0" and each[8:16] == b"\2\0\0\0\0\x10\0\0" for each in data)
        assert all(hashlib.sha256(bits).hexdigest() == head["bits_sha256"] for head, bits in zip(self.heads, self.bits))

    def words(self, text: str) -> list[str]:
        alone = [tuple(int(code, 16) for code in each.split("–")) for each in ALONE.replace("\n", " ").split(", ")]
        normal = unicodedata.normalize("NFKC", text).replace("ß", "ss").replace("ẞ", "ss").replace("i\u0307", "i")
        out, inside, single = "", False, False
        for c in normal:
            category, low = unicodedata.category(c), "σ" if c == "ς" else c.lower()[0]
            if (category == "Cf" and c != "\u200b") or c == "\u034f" or "\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef":
                continue
            if category[0] in "LN":
                before, single = single, any(first <= ord(c) <= last for first, last in alone)
                out, inside = out + ("\0" if single or before else "") + low, True
            elif category[0] == "M" and inside:
                out += low
            else:
                out, inside, single = out + "\0", False, False
        return [word for word in out.split("\0") if word]

    def mix(self, x: int) -> int:
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & M
        x = (x ^ x >> 27) * 0x94D049BB133111EB & M
        return x ^ x >> 31

    def hash_of(self, words: list[str]) -> int:
        g = 0
        for word in words:
            h = 0xCBF29CE484222325
            for c in word:
                h = (h ^ ord(c)) * 0x9E3779B97F4A7C15 & M
            g = (g * 0xD6E8FEB86659FD93 + self.mix(h)) & M
        return self.mix(g)

    def has(self, g: int) -> bool:
        file = g * self.heads[0]["partitions"] >> 64
        size, bits = self.heads[file]["bits_per_slice"], self.bits[file]
        places = [s * size + (self.mix(g + (s + 1) * 0x9E3779B97F4A7C15 & M) * size >> 64) for s in range(self.heads[file]["slices"])]
        return all(bits[place // 8] >> place % 8 & 1 for place in places)

    def answers(self, text: str) -> list[bool]:
        words, n = self.words(text), self.heads[0]["words"]
        return [self.has(self.hash_of(words[at : at + n])) for at in range(len(words) - n + 1)]


DICKENS = "It was the best of times, it was the worst of times, it was the age of wisdom"
TEXTS = [
    DICKENS,
    "東京へ行く 2024年の夏に",
    "İstanbul'da ΟΔΟΣ ναός\u00ad co\u00adoperation nai\u0308ve e\u0301te\u0301 ﬁne ½ word\u0301 \u0301x Straße " * 3,
    "ภาษาไทยง่ายนิดเดียว",
]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    build = tmp_path_factory.mktemp("release")
    write_corpus(build, {f"https://{number}.example/": text for number, text in enumerate(TEXTS)}, 1)
    run_ngrams(build, 1, NgramsSection(partitions=3))
    return Reader(build / "ngrams")


def test_a_stranger_gets_the_right_answers(reader: Reader) -> None:
    for text in TEXTS:
        answers = reader.answers(text)
        assert len(answers) >= 3
        assert all(answers)
    assert reader.answers("It was the best of times, it was the first of times") == [True, True, False, False, False]
    assert sum(reader.has(reader.mix(number)) for number in range(2000)) == 0


def test_the_document_says_what_the_reader_does(reader: Reader) -> None:
    document = " ".join((ROOT / "docs" / "formats.md").read_text(encoding="utf-8").split())
    example = document[document.index('"It was the best of times') :][:200]
    words = reader.words(re.findall('"([^"]*)"', example)[0])
    assert re.findall(r"\d{19,20}", example) == [str(reader.hash_of(words[at : at + 8])) for at in range(3)]
    for constant in ("BF58476D1CE4E5B9", "94D049BB133111EB", "CBF29CE484222325", "9E3779B97F4A7C15", "D6E8FEB86659FD93"):
        assert f"0x{constant}" in document
    assert all(each in document for each in ALONE.replace("\n", " ").split(", "))
    assert {f"`{key}`" for key in reader.heads[0]} <= set(re.findall(r"`\w+`", document))
