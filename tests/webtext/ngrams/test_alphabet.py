"""The pinned Unicode tables against Python's."""

from __future__ import annotations

import base64
import unicodedata
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.webtext.ngrams import twin
from webtext.ngrams.alphabet import CHANGES, CODE_POINTS, COMPOSES, KIND, UNICODE, alphabet


def tables_of_unicodedata() -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """What the tables of this Python's Unicode would be."""
    composing = {chr(code) for code in [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]}  # Hangul vowels and finals
    for code in range(CODE_POINTS):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            composing.add(chr(int(parts[1], 16)))
    kinds, lower = np.zeros(CODE_POINTS, np.uint8), np.arange(CODE_POINTS, dtype=np.int32)
    for code in range(CODE_POINTS):
        character = chr(code)
        form = twin.normal_form(character)
        composes = unicodedata.combining(character) or character in composing or not unicodedata.is_normalized("NFC", character)
        composes = composes or unicodedata.combining(form[0]) or form[0] in composing
        changes = form != character and (twin.words(form) or twin.kind(form[0]) != twin.SEPARATOR)
        kinds[code] = twin.kind(character) | (COMPOSES if composes else CHANGES if changes else 0)
        lower[code] = ord(twin.lower(character)) if kinds[code] & KIND else code
    return kinds, lower


def packed(kinds: NDArray[np.uint8], lower: NDArray[np.int32]) -> str:
    """The tables as webtext.ngrams.alphabet holds them."""
    starts = np.flatnonzero(np.diff(kinds, prepend=255))
    codes = np.flatnonzero(lower != np.arange(CODE_POINTS))
    shifts = lower[codes] - codes
    lists = [[len(starts), len(codes)], np.diff(starts, prepend=0), kinds[starts], np.diff(codes, prepend=0), shifts]
    return base64.b85encode(zlib.compress(np.concatenate(lists).astype(np.int32).tobytes(), 9)).decode()


def test_the_tables_are_those_of_unicode() -> None:
    if unicodedata.unidata_version != UNICODE:
        pytest.skip(f"this Python has Unicode {unicodedata.unidata_version}, the tables are of {UNICODE}")
    kinds, lower = tables_of_unicodedata()
    assert np.array_equal(alphabet().kinds, kinds)
    assert np.array_equal(alphabet().lower, lower)


def test_the_tables_agree_with_any_python_on_the_characters_of_old() -> None:
    for code in [*range(0x3000), *range(0xA000, 0xA640)]:
        character = chr(code)
        if unicodedata.ucd_3_2_0.category(character) == unicodedata.category(character) != "Cn":
            assert alphabet().kinds[code] & KIND == twin.kind(character), hex(code)
