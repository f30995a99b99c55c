"""The language of a text: CLD2 as in the paper (section 3.7), langdetect where CLD2 is not sure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pycld2
from langdetect import DetectorFactory, LangDetectException, detect_langs
from langdetect.detector_factory import init_factory

# NB: langdetect draws at random; with a seed each call draws the same.
DetectorFactory.seed = 0
init_factory()  # reads its profiles, half a second that no page should have to pay for

UNKNOWN = "un"
LANGDETECT_SURE = 0.9  # probability below which langdetect is not believed either
LANGDETECT_READS = 10_000  # characters

# Codes that the two detectors give, where ISO 639-1 has another
ISO = {"iw": "he", "jw": "jv", "zh-Hant": "zh", "zh-cn": "zh", "zh-tw": "zh", "nb": "no", "nn": "no", "sr-ME": "sr"}

# NB: CLD2 refuses a whole text for a single one of these.
_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True)
class Language:
    """`code` is ISO 639-1 ("un": not known; three letters where there are no two), `share` how much of the text speaks for it, 0 to 1.

    `bytes` tells the languages of the parts of the text, in bytes of UTF-8.
    """

    code: str
    share: float
    bytes: dict[str, int] = field(default_factory=dict)


def detect(text: str, certainty: float) -> Language:
    """The language of a text. Where CLD2 does not call its result reliable, or its first language has less than `certainty` of
    the text, langdetect is asked; where that is in doubt too, CLD2's best guess stands.

    >>> detect("This is an English sentence about nothing in particular.", 0.5).code
    'en'
    """
    clean = _REFUSED.sub(" ", text)
    size = len(text.encode("utf-8", "surrogatepass"))
    reliable, _, found = pycld2.detect(clean, isPlainText=True)
    parts = _bytes_by_language(found, size)
    code, share = _first(found)
    if reliable and code != UNKNOWN and share >= certainty:
        return Language(code, share, parts)
    second = _langdetect(clean)
    if second.share >= LANGDETECT_SURE:
        return Language(second.code, second.share, parts)
    code, share = _first(pycld2.detect(clean, isPlainText=True, bestEffort=True)[2])
    return Language(code, share, parts) if code != UNKNOWN else Language(second.code, second.share, parts)


def _first(found: tuple[tuple[str, str, int, float], ...]) -> tuple[str, float]:
    _, code, percent, _ = found[0]
    return ISO.get(code, code), percent / 100


def _bytes_by_language(found: tuple[tuple[str, str, int, float], ...], size: int) -> dict[str, int]:
    parts: dict[str, int] = {}
    for _, code, percent, _ in found:
        if percent and code != UNKNOWN:
            code = ISO.get(code, code)
            parts[code] = parts.get(code, 0) + size * percent // 100
    rest = size - sum(parts.values())
    # CLD2 gives whole per cents: what rounding leaves belongs to the first language
    if parts and rest <= size // 50:
        parts[next(iter(parts))] += rest
    elif rest:
        parts[UNKNOWN] = rest
    return parts


def _langdetect(text: str) -> Language:
    try:
        best = detect_langs(text[:LANGDETECT_READS])[0]
    except LangDetectException:  # no letters
        return Language(UNKNOWN, 0.0)
    return Language(ISO.get(best.lang, best.lang), round(best.prob, 2))
