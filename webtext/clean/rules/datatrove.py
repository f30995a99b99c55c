"""The presets `c4-datatrove`, `gopher-datatrove` and `fineweb-datatrove`: decisions as datatrove's filters make them, to compare corpora.

datatrove (https://github.com/huggingface/datatrove, version 0.10) made FineWeb, and differs from the papers that it names:

- words are spaCy's: a punctuation mark is one, and so are the parts of "well-known" and of "don't", so that fewer have a letter;
- c4: 5 sentences and 3 words instead of 3 and 5; a line with a word of more than 1,000 characters goes; a curly quotation mark ends no
  line; a page is rejected for a bracket or "lorem ipsum" only in lines that were kept so far;
- gopher: stop words count in small letters alone; two bullets, "•" and "-"; shares of repetition are of all characters, blanks included,
  of the n-gram met first where several are as frequent, also where it is there once; a repeated n-gram is left behind as a whole;
- fineweb: 1 % of repeated lines instead of 10 %; thresholds themselves pass; a rule against lists (0.3 line breaks a word).

Thresholds are datatrove's and no keys. The reasons are its names. The words are told by a pattern, not by spaCy (see tests for examples).
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


def _c4(draft: Draft, punctuated: bool) -> str:
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


def c4_quality(draft: Draft, section: CleanSection) -> str:
    """Lines that end in no terminal mark, are short or are a notice go; a text of fewer than 5 sentences or with a bracket is rejected."""
    return _c4(draft, punctuated=True)


def c4_quality_any_line_end(draft: Draft, section: CleanSection) -> str:
    """The same without the rule about the end of lines, as FineWeb has it."""
    return _c4(draft, punctuated=False)


def gopher_quality(draft: Draft, section: CleanSection) -> str:
    """A text that is too short or long, of odd words, with many symbols, bullets or ellipses, or with few stop words is rejected."""
    text, words = draft.text, words_of(draft.text)
    lines = text.split("\n")
    lengths = [len(word) for word in words if any(map(str.isalnum, word))]
    mean = sum(lengths) / max(1, len(lengths))
    count = max(1, len(words))
    dots = max(1, len(lines))
    alphabetic = sum(any(map(str.isalpha, word)) for word in words) / count
    stop_words = len(_STOP_WORDS.intersection(words))
    for reason, figure, refused in (
        ("gopher_short_doc", len(lengths), len(lengths) < 50),
        ("gopher_long_doc", len(lengths), len(lengths) > 100_000),
        ("gopher_below_avg_threshold", mean, mean < 3),
        ("gopher_above_avg_threshold", mean, mean > 10),
        ("gopher_too_many_hashes", text.count("#") / count, text.count("#") > 0.1 * count),
        ("gopher_too_many_ellipsis", 0, text.count("...") + text.count("…") > 0.1 * count),
        ("gopher_too_many_bullets", 0, sum(line.lstrip().startswith(("•", "-")) for line in lines) > 0.9 * dots),
        ("gopher_too_many_end_ellipsis", 0, sum(line.endswith(("...", "…")) for line in lines) > 0.3 * dots),
        ("gopher_below_alpha_threshold", alphabetic, alphabetic < 0.8),
        ("gopher_enough_stop_words", stop_words, stop_words < 2),
    ):
        if refused:
            raise Rejected(reason, f"{figure:.2f}")
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
    punctuated = sum(line.endswith(_LINE_END) for line in lines) / len(lines)
    if punctuated < 0.12:
        raise Rejected("line_punct_ratio", f"{punctuated:.2f}")
    _at_most("short_line_ratio", sum(len(line) <= 30 for line in lines) / len(lines), 0.67)
    _at_most("char_dup_ratio", _repeated(lines)[1] / max(1, len(draft.text) - len(lines) + 1), 0.01)
    _at_most("list_ratio", (len(lines) - 1) / max(1, len(words_of(draft.text))), 0.3)
    return draft.text


def _at_most(reason: str, share: float, threshold: float) -> None:
    if share > threshold:
        raise Rejected(reason, f"{share:.3f}")


def _repeated(lines: list[str]) -> tuple[int, int]:
    counts = Counter(lines)
    return len(lines) - len(counts), sum(len(line) * (times - 1) for line, times in counts.items())


C4 = (c4_quality,)
GOPHER = (gopher_repetition, gopher_quality)
FINEWEB = (*GOPHER, c4_quality_any_line_end, fineweb_quality)
