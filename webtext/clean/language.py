"""The language of a text: CLD2 as in the paper (section 3.7), which has to be sure of it; guesses are for short texts, and never English.

Code, markup, URLs and addresses have no vote: their words are English in every language.
"""

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
ENGLISH = "en"
SHORT = 200  # characters up to which a text that CLD2 is not sure of gets a guess; what is longer is in no language that it knows
LANGDETECT_SURE = 0.9  # probability below which langdetect is not believed either
WHOLE = 1500  # characters up to which all of a text is looked at
PIECES, PIECE = 8, 150  # of a longer one, so many pieces of so many characters: CLD2 takes 60 ns for each
MIXED = 15  # per cent of a second language from which on pieces are not enough to tell whether English has more
WEAK = 600  # CLD2's score of English, below which one sentence of English in 500 is, and half of the sentences wrongly taken for it
FUNCTION_WORDS = 0.05  # share of the words of an English text, half of what prose has, which settles what code or names leave in doubt

# Codes that the two detectors give, where ISO 639-1 has another
ISO = {"iw": "he", "jw": "jv", "zh-Hant": "zh", "zh-cn": "zh", "zh-tw": "zh", "nb": "no", "nn": "no", "sr-ME": "sr"}

# NB: CLD2 refuses a whole text for a single one of these.
_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

# What code, markup, URLs and addresses have and prose hardly: a sign, or punctuation inside a word. The class in front makes it fast.
_SIGN = re.compile(
    r"[{}<>=_\\`;@\[(.$|&:/](?:(?<=[{}<>=_\\`;@])|(?<=\[)(?!\d)|(?<=[A-Za-z_]\()(?!\d)|(?<=[a-z]\.)(?=[a-z])|(?<=\$)(?=[A-Za-z({])"
    r"|(?<=\|)(?=\|)|(?<=&)(?=[&#])|(?<=:)(?=[:/])|(?<=/)(?=/))"
)
_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,300}>")
_CODE_START = re.compile(r"\s*(?://|/\*|#(?!\d)|\$ |>>>|@|<|--|\.\w|[}\])])|\s+\*")
_CODE_END = ("{", "}", "\\", "):", "]:", '")', "')", "*/", "-->", "/>")
_COMMENT = re.compile(r"\s(?:#|//)\s.*")
_FUNCTION_WORD = re.compile(r"\b(?:the|of|and|that|with)\b", re.IGNORECASE)
CODE = 0.25  # share of words with a sign from which on a line is code

Found = tuple[tuple[str, str, int, float], ...]  # CLD2's three first languages: name, code, per cent of the bytes, score for a kilobyte


@dataclass(frozen=True)
class Language:
    """`code` is ISO 639-1 ("un": not known; three letters where there are no two), `share` how much of the text speaks for it, 0 to 1.

    `bytes` tells the languages of the parts of the text, in bytes of UTF-8.
    """

    code: str
    share: float
    bytes: dict[str, int] = field(default_factory=dict)


def detect(text: str, certainty: float) -> Language:
    """The language of a text: the one that CLD2 is sure of and that has at least `certainty` of the text, English by its letters.

    Of a text above WHOLE characters, pieces are looked at, and all of it where they are of two languages. A short text that CLD2 is not
    sure of gets the best guess, if that is not English.

    >>> detect("This is an English sentence about nothing in particular.", 0.5).code
    'en'
    """
    prose, reliable, found, english = _read(_pieces(text))
    if len(text) > WHOLE and english > 0 and sum(percent >= MIXED for _, _, percent, _ in found) > 1:
        prose, reliable, found, english = _read(text)
    parts = _bytes_by_language(found, len(text.encode("utf-8", "surrogatepass")))
    code, share = _first(found)
    sure = reliable and (found[0][3] >= WEAK or len(prose) > SHORT)
    if english >= max(certainty, 0 if code == ENGLISH else 0.5) and (sure or _has_function_words(prose)):
        return Language(ENGLISH, english, parts)
    if reliable and code not in (UNKNOWN, ENGLISH) and share >= certainty:
        return Language(code, share, parts)
    guess = _guess(prose) if len(prose) <= SHORT else Language(UNKNOWN, 0.0)
    return Language(guess.code, guess.share, parts)


def _read(text: str) -> tuple[str, bool, Found, float]:
    """What has a vote in a text, whether CLD2 is sure of what it finds there, the languages found, and the share of English letters."""
    prose = _REFUSED.sub(" ", _prose(text))
    reliable, _, found = pycld2.detect(prose, isPlainText=True)
    # CLD2 counts bytes: of a page that quotes Japanese, English has more of the letters than of the bytes.
    percent = sum(percent for _, code, percent, _ in found if code == ENGLISH)
    return prose, reliable, found, min(1.0, percent / 100 * len(prose.encode()) / max(1, len(prose)))


def _has_function_words(text: str) -> bool:
    return len(_FUNCTION_WORD.findall(text)) >= max(1, FUNCTION_WORDS * len(text.split()))


def _pieces(text: str) -> str:
    """A text, or pieces of it at equal distances, the first at its beginning and the last at its end."""
    if len(text) <= WHOLE:
        return text
    return "\n".join(text[start : start + PIECE] for start in range(0, len(text) - PIECE + 1, (len(text) - PIECE) // (PIECES - 1)))


def _prose(text: str) -> str:
    """What is left of a text without code, markup, URLs and addresses."""
    if not _SIGN.search(text):
        return text
    lines = (_MARKUP.sub(" ", text) if "<" in text else text).split("\n")
    left = [line if _CODE_START.match(line) is None else "" for line in lines]
    for number, line in enumerate(left):
        if _SIGN.search(line):
            words = _COMMENT.sub("", line).split()
            plain = [word for word in words if not _SIGN.search(word)]
            signed = len(words) - len(plain)
            left[number] = "" if line.endswith(_CODE_END) or signed >= max(CODE * len(words), 1 + (len(words) > 4)) else " ".join(plain)
    if code := left.count("") - lines.count(""):  # then others among them may be told by their indent alone
        outer = "\n".join(line for line in left if not line.startswith((" ", "\t")))
        if code > 1 or len(outer) > SHORT:
            return outer
    return "\n".join(left)


def _guess(text: str) -> Language:
    try:
        best = detect_langs(text)[0]
    except LangDetectException:  # no letters
        return Language(UNKNOWN, 0.0)
    code, share = ISO.get(best.lang, best.lang), round(best.prob, 2)
    if share < LANGDETECT_SURE:
        code, share = _first(pycld2.detect(text, isPlainText=True, bestEffort=True)[2])
    return Language(UNKNOWN, 0.0) if code == ENGLISH else Language(code, share)


def _first(found: Found) -> tuple[str, float]:
    _, code, percent, _ = found[0]
    return ISO.get(code, code), percent / 100


def _bytes_by_language(found: Found, size: int) -> dict[str, int]:
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
