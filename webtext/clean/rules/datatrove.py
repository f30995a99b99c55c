"""The presets `c4-datatrove`, `gopher-datatrove` and `fineweb-datatrove`: decisions as datatrove's filters make them, to compare corpora.

datatrove (https://github.com/huggingface/datatrove, version 0.10) made FineWeb, and differs from the papers: docs/guide.md says in what.
Its thresholds are no keys, and the reasons are its names. Words are told by a pattern that finds nearly those of spaCy.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from webtext.clean.rules import Draft, c4
from webtext.core.config import CleanSection
from webtext.core.errors import Rejected

_WORD = re.compile(
    r"https?://\S+|www\.\S+|(?:[A-Za-z]\.){2,}|(?:Mr|Mrs|Ms|Dr|St|Jr|Inc|Ltd|Co|Corp|vs|Prof|Gen|Gov|Sen|Rev)\.|\d+(?:[.,:]\d+)+"
    r"|[A-Za-z]+?(?=n['’]t\b)|n['’]t\b|['’](?:s|m|re|ve|ll|d)\b"
    r"|[@\\]?\w+(?:[/&=@]\w+|\.[a-z]\w*|(?<=[A-Za-z])-(?=\d)\w+|(?<=\d)-(?=[A-Za-z])\w+)*|\.{2,}|-{2,}|\S"
)
_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
_SENTENCE_END = frozenset(".!?…。！？｡।॥؟۔։።")
_STOP_WORDS = frozenset("the be to of and that have with".split())
_LINE_END = tuple(_SENTENCE_END - {"…"})
TOP_N_GRAMS = ((2, 0.2), (3, 0.18), (4, 0.16))
DUPLICATE_N_GRAMS = ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10))


@lru_cache(maxsize=4)
def words_of(text: str) -> list[str]:
    """The words of a text and its punctuation marks.

    >>> words_of("He doesn't know it's well-known: $5.50, and/or 10%.")[:9]
    ['He', 'does', "n't", 'know', 'it', "'s", 'well', '-', 'known']
    """
    return _WORD.findall(text)


def sentences(line: str) -> int:
    """How many sentences spaCy's rule finds: one begins at the first word behind a mark that ends one."""
    count, ended = 1, False
    for word in words_of(line):
        if word in _SENTENCE_END:
            ended = True
        elif ended and (len(word) > 1 or word.isalnum()):
            count, ended = count + 1, False
    return count


def c4_quality(draft: Draft, section: CleanSection) -> str:
    """Lines that are short, a notice, or, but for FineWeb, without a terminal mark go; a text of fewer than 5 sentences is rejected."""
    punctuated = section.preset != "fineweb-datatrove"
    kept, count = [], 0
    for line in map(str.strip, draft.text.split("\n")):
        words = line.split()
        if any(len(word) > 1000 for word in words):
            continue
        line = _CITATION.sub("", line)
        if punctuated and (not line.endswith((".", "?", "!", '"', "'")) or line.endswith("...")):
            continue
        if len(words) < 3:
            continue
        lower = line.lower()
        if "lorem ipsum" in lower:
            raise Rejected("lorem_ipsum")
        if "javascript" in lower:
            continue
        if "{" in line:
            raise Rejected("curly_bracket")
        if not any(notice in lower for notice in c4.POLICIES):
            count += sentences(line)
            kept.append(line)
    if count < 5:
        raise Rejected("too_few_sentences", str(count))
    return "\n".join(kept)


def gopher_quality(draft: Draft, section: CleanSection) -> str:
    """A text that is too short or long, of odd words, with many symbols, bullets or ellipses, or with few stop words is rejected."""
    text, words = draft.text, words_of(draft.text)
    lines = text.split("\n")
    count = max(1, len(words))
    lengths = [len(word) for word in words if any(map(str.isalnum, word))]
    mean = sum(lengths) / max(1, len(lengths))
    _at_most("gopher_short_doc", -len(lengths), -50)
    _at_most("gopher_long_doc", len(lengths), 100_000)
    _at_most("gopher_below_avg_threshold", -mean, -3)
    _at_most("gopher_above_avg_threshold", mean, 10)
    _at_most("gopher_too_many_hashes", text.count("#") / count, 0.1)
    _at_most("gopher_too_many_ellipsis", (text.count("...") + text.count("…")) / count, 0.1)
    _at_most("gopher_too_many_bullets", sum(line.lstrip().startswith(("•", "-")) for line in lines) / len(lines), 0.9)
    _at_most("gopher_too_many_end_ellipsis", sum(line.endswith(("...", "…")) for line in lines) / len(lines), 0.3)
    _at_most("gopher_below_alpha_threshold", -sum(any(map(str.isalpha, word)) for word in words) / count, -0.8)
    _at_most("gopher_enough_stop_words", -len(_STOP_WORDS.intersection(words)), -2)
    return text


def gopher_repetition(draft: Draft, section: CleanSection) -> str:
    """A text with many repeated lines or n-grams is rejected."""
    text, words = draft.text, words_of(draft.text)
    size = max(1, len(text))
    lines = text.split("\n")
    count, characters = _repeated(lines)
    _at_most("dup_line_frac", count / len(lines), 0.3)
    _at_most("dup_line_char_frac", characters / size, 0.2)
    for n, threshold in TOP_N_GRAMS:
        if grams := [" ".join(words[start : start + n]) for start in range(len(words) - n + 1)]:
            gram, times = Counter(grams).most_common(1)[0]
            _at_most(f"top_{n}_gram", len(gram) * times / size, threshold)
    for n, threshold in DUPLICATE_N_GRAMS:
        seen: set[tuple[str, ...]] = set()
        start = repeated = 0
        while start <= len(words) - n:
            n_gram = tuple(words[start : start + n])
            if n_gram in seen:
                repeated += sum(map(len, n_gram))
                start += n
            else:
                seen.add(n_gram)
                start += 1
        _at_most(f"duplicated_{n}_n_grams", repeated / size, threshold)
    return text


def fineweb_quality(draft: Draft, section: CleanSection) -> str:
    """A text of lines that are short, repeated, without punctuation, or as many as a list has, is rejected."""
    lines = draft.text.split("\n")
    _at_most("line_punct_ratio", -sum(line.endswith(_LINE_END) for line in lines) / len(lines), -0.12)
    _at_most("short_line_ratio", sum(len(line) <= 30 for line in lines) / len(lines), 0.67)
    _at_most("char_dup_ratio", _repeated(lines)[1] / max(1, len(draft.text) - len(lines) + 1), 0.01)
    _at_most("list_ratio", (len(lines) - 1) / max(1, len(words_of(draft.text))), 0.3)
    return draft.text


def _at_most(reason: str, share: float, threshold: float) -> None:
    """Raise Rejected where a figure is above a threshold; below one, where both are negative."""
    if share > threshold:
        raise Rejected(reason, f"{abs(share):.3f}")


def _repeated(lines: list[str]) -> tuple[int, int]:
    counts = Counter(lines)
    return len(lines) - len(counts), sum(len(line) * (times - 1) for line, times in counts.items())


C4 = (c4_quality,)
GOPHER = (gopher_repetition, gopher_quality)
FINEWEB = (*GOPHER, c4_quality, fineweb_quality)
