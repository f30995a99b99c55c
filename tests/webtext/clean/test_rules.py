"""The rules of the presets c4, gopher and fineweb, each on both sides of its threshold, and the counts of n-grams against a slow twin."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webtext.extract.pages import SENTENCES
from webtext.clean.presets import PRESETS, clean
from webtext.clean.rules import Draft, Rule, c4, datatrove, fineweb, gopher, repeated_lines
from webtext.clean.rules.gopher import NGrams
from webtext.core.config import CleanSection
from webtext.core.errors import Rejected

SECTION = CleanSection()
GOOD = "\n".join(SENTENCES)


def verdict(rule: Rule, text: str, **keys: Any) -> str | None:
    """The detail with which a rule refuses a text, None where it lets it pass as it is."""
    try:
        left = rule(Draft("", text), CleanSection(**keys))
    except Rejected as error:
        refused = error
    else:
        assert left == text
        return None
    assert refused.reason == rule.__name__.replace("_", "-")
    return refused.detail


def distinct(count: int, letters: int = 4) -> list[str]:
    """Words that are all different and of the same length."""
    return [("".join(chr(97 + number // 26**place % 26) for place in range(letters))) for number in range(count)]


@pytest.mark.parametrize("name", PRESETS)
def test_a_good_text_passes_all_presets_as_it_is(name: Any) -> None:
    assert clean(Draft("A story", GOOD), CleanSection(preset=name)) == (GOOD, ())


# C4


@pytest.mark.parametrize(
    ("rule", "line", "left"),
    [
        (c4.citation_markers, "It is old.[1][23] Or not.[citation needed]", "It is old. Or not."),
        (c4.citation_markers, "See [the map] and [A]. History [edit]", "See [the map] and [A]. History"),
        (c4.citation_markers, "[4]", ""),
        (c4.terminal_punctuation, "This is kept.", "This is kept."),
        (c4.terminal_punctuation, "Really?", "Really?"),
        (c4.terminal_punctuation, 'He said "no"', 'He said "no"'),
        (c4.terminal_punctuation, "She said “yes”", "She said “yes”"),
        (c4.terminal_punctuation, "A heading", ""),
        (c4.terminal_punctuation, "Read more...", ""),
        (c4.terminal_punctuation, "first; second;", ""),
        (c4.words_per_line, "One two three four five.", "One two three four five."),
        (c4.words_per_line, "One two three four.", ""),
        (c4.javascript, "Please turn on JavaScript to go on.", ""),
        (c4.javascript, "Java is an island.", "Java is an island."),
        (c4.policy_notices, "Read our Privacy Policy first.", ""),
        (c4.policy_notices, "This site uses cookies for you.", ""),
        (c4.policy_notices, "We can use cookies here.", ""),
        (c4.policy_notices, "A policy of privacy was agreed.", "A policy of privacy was agreed."),
    ],
)
def test_c4_rules_for_lines(rule: Rule, line: str, left: str) -> None:
    text = rule(Draft("", f"The first line is a good one.\n{line}\nThe last line is a good one."), SECTION)
    assert text.split("\n")[1:-1] == ([left] if left else [])


def test_c4_thresholds_are_keys() -> None:
    assert c4.words_per_line(Draft("", "One two three."), CleanSection(c4_min_words=3)) == "One two three."
    assert verdict(c4.sentences_per_page, "One.", c4_min_sentences=1) is None


@pytest.mark.parametrize(
    ("rule", "text", "detail"),
    [
        (c4.lorem_ipsum, "It began with Lorem Ipsum dolor.", ""),
        (c4.lorem_ipsum, "Lorem is a word, ipsum another.", None),
        (c4.curly_bracket, "if (x) { return; }", ""),
        (c4.curly_bracket, "[square] (round) <angled>", None),
        (c4.sentences_per_page, "One is here. Two is there.", "2"),
        (c4.sentences_per_page, "One is here. Two is there. Three!", None),
        (c4.sentences_per_page, "One is here.\nTwo is there.\nThree", None),
        (c4.sentences_per_page, "Mr. A. Smith paid 3.50 for e.g. a book of Dr. Jones.", "1"),
    ],
)
def test_c4_rules_for_pages(rule: Rule, text: str, detail: str | None) -> None:
    assert verdict(rule, text) == detail


def test_c4_bad_words_are_whole_words() -> None:
    words = ["Bloody", "son of a gun", "a.b"]
    assert verdict(c4.bad_words, "What a bloody mess.", c4_bad_words=words) == "bloody"
    assert verdict(c4.bad_words, "You SON OF A GUN!", c4_bad_words=words) == "son of a gun"
    assert verdict(c4.bad_words, "A bloodyminded axb man.", c4_bad_words=words) is None
    assert verdict(c4.bad_words, "What a bloody mess.") is None


def test_c4_as_a_whole() -> None:
    lines = ["A Bridge", "The bridge is old.[1] It was built of stone in 1720.", "Share", "Nobody knows who built it, and nobody asks."]
    text, changed = clean(Draft("", "\n".join(lines)), CleanSection(preset="c4"))
    assert text == "The bridge is old. It was built of stone in 1720.\nNobody knows who built it, and nobody asks."
    assert changed == ("citation-markers", "terminal-punctuation")


def test_a_text_of_which_nothing_is_left_names_the_rule() -> None:
    with pytest.raises(Rejected) as refused:
        clean(Draft("", "Home\nAbout\nContact"), CleanSection(preset="c4"))
    assert (refused.value.reason, refused.value.detail) == ("terminal-punctuation", "nothing was left")


# Gopher


@pytest.mark.parametrize(
    ("rule", "text", "detail"),
    [
        (gopher.word_count, "word " * 49, "49 words"),
        (gopher.word_count, "word " * 50, None),
        (gopher.word_count, "word " * 100_000, None),
        (gopher.word_count, "word " * 100_001, "100001 words"),
        (gopher.mean_word_length, "ab abcd", None),  # 3
        (gopher.mean_word_length, "ab abc", "2.50"),
        (gopher.mean_word_length, "a" * 10, None),
        (gopher.mean_word_length, "a" * 10 + " " + "b" * 11, "10.50"),
        (gopher.symbol_to_word_ratio, "# " + "w " * 9, None),  # 1 of 10
        (gopher.symbol_to_word_ratio, "## " + "w " * 9, "# 0.20"),
        (gopher.symbol_to_word_ratio, "w... " + "w " * 9, None),
        (gopher.symbol_to_word_ratio, "w… w... " + "w " * 9, "… 0.18"),
        (gopher.bullet_lines, "\n".join(["• item"] * 8 + ["- item", "a line"]), None),  # 9 of 10
        (gopher.bullet_lines, "\n".join(["  - item", "* item"] * 5 + ["▪ item"]), "1.00"),
        (gopher.bullet_lines, "\n".join(["-5 degrees"] * 11), None),
        (gopher.ellipsis_lines, "\n".join(["cut off…"] * 2 + ["cut off..."] + ["whole."] * 7), None),  # 3 of 10
        (gopher.ellipsis_lines, "\n".join(["cut off…"] * 4 + ["whole."] * 6), "0.40"),
        (gopher.alphabetic_words, "word1 été don't x " + "12", None),  # 4 of 5
        (gopher.alphabetic_words, "word1 été don't x 12 -", "0.67"),
        (gopher.stop_words, "The THE the", "the"),
        (gopher.stop_words, "The cat, that.", None),
        (gopher.stop_words, "they bet therefore", ""),
        (gopher.duplicate_line_fraction, "\n".join([*distinct(7), "aaaa", "baaa", "caaa"]), None),  # 3 of 10
        (gopher.duplicate_line_fraction, "\n".join([*distinct(6), "aaaa", "baaa", "caaa", "daaa"]), "0.40"),
        (gopher.duplicate_line_character_fraction, "\n".join([*distinct(8), "aaaa", "baaa"]), None),  # 0.2
        (gopher.duplicate_line_character_fraction, "\n".join([*distinct(7), "aaaa", "baaa"]), "0.22"),
    ],
)
def test_gopher_rules(rule: Rule, text: str, detail: str | None) -> None:
    assert verdict(rule, text) == detail


@pytest.mark.parametrize(
    ("n", "repetitions", "detail"), [(2, 10, None), (2, 11, "2 words 0.22"), (3, 6, None), (4, 4, None), (4, 5, "4 words 0.20")]
)
def test_gopher_top_n_grams(n: int, repetitions: int, detail: str | None) -> None:
    """One n-gram, again and again between words that are there once, in a text of 100 words of 4 letters; 0.20, 0.18 and 0.16 pass."""
    others = distinct(200)[30:]
    gram = distinct(n)
    text: list[str] = []
    for number in range(repetitions):
        text += [*gram, others[number]]
    text += others[repetitions:]
    assert verdict(gopher.top_n_gram_character_fraction, " ".join(text[:100])) == detail


@pytest.mark.parametrize("n", range(5, 11))
def test_gopher_duplicate_n_grams(n: int) -> None:
    """A passage of n words twice in a text of as many words as bring it to its threshold, and of one fewer."""
    threshold = SECTION.gopher_max_duplicate_n_grams[n - 5]
    length = -int(-n // threshold)  # the least that keeps n words at or below it
    passage, others = distinct(n), distinct(length)[n:]
    passes = [*passage, *others[: length - 2 * n], *passage]
    assert len(passes) == length
    keys = {"gopher_max_duplicate_n_grams": [1.0] * (n - 5) + [threshold]}
    assert verdict(gopher.duplicate_n_gram_character_fraction, " ".join(passes), **keys) is None
    assert verdict(gopher.duplicate_n_gram_character_fraction, " ".join([*passes[: n + 1], *passes[n + 2 :]]), **keys) is not None


def slow_top(words: list[str], n: int) -> float:
    counts = Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))
    most = max(counts.values(), default=0)
    longest = max((sum(map(len, gram)) for gram, count in counts.items() if count == most), default=0)
    return longest * most / sum(map(len, words)) if most > 1 else 0.0


def slow_repeated(words: list[str], n: int) -> float:
    seen, covered = set(), set()
    for start in range(len(words) - n + 1):
        gram = tuple(words[start : start + n])
        if gram in seen:
            covered |= set(range(start, start + n))
        seen.add(gram)
    return sum(len(words[place]) for place in covered) / sum(map(len, words))


@given(st.lists(st.sampled_from(["a", "bb", "ccc", "d"]), min_size=1, max_size=60))
def test_n_grams_are_counted_as_a_slow_count_does(words: list[str]) -> None:
    grams = NGrams(" ".join(words))
    for n in (1, 2, 3, 4, 5, 6, 10):
        assert grams.top(n) == pytest.approx(slow_top(words, n))
        assert grams.repeated(n) == pytest.approx(slow_repeated(words, n))


@given(st.lists(st.sampled_from(["", "a", "bb", " a"]), min_size=1))
def test_repeated_lines(lines: list[str]) -> None:
    bare = [line.strip() for line in lines]
    again = [line for place, line in enumerate(bare) if line in bare[:place]]
    assert repeated_lines("\n".join(lines)) == (len(again) / len(bare), sum(map(len, again)) / max(1, sum(map(len, bare))))


# FineWeb


@pytest.mark.parametrize(
    ("rule", "text", "detail"),
    [
        (fineweb.punctuation, "\n".join(["Ends."] * 3 + ["no end"] * 22), "0.12"),  # 0.12 itself goes
        (fineweb.punctuation, "\n".join(["Ends!”"] * 4 + ["no end"] * 21), None),
        (fineweb.punctuation, "\n".join(["終わり。", "no end"]), None),
        (fineweb.line_duplicates, "\n".join([*distinct(9), "aaaa"]), "0.10"),  # so does 0.1
        (fineweb.line_duplicates, "\n".join([*distinct(10), "aaaa"]), None),
        (fineweb.short_lines, "\n".join(["x" * 29] * 67 + ["x" * 30] * 33), "0.67"),  # and 0.67
        (fineweb.short_lines, "\n".join(["x" * 29] * 66 + ["x" * 30] * 34), None),
    ],
)
def test_fineweb_rules(rule: Rule, text: str, detail: str | None) -> None:
    assert verdict(rule, text) == detail


def test_fineweb_has_the_rules_of_the_others_but_two() -> None:
    names = {rule.__name__ for rule in PRESETS["fineweb"]}
    assert {rule.__name__ for rule in gopher.RULES} < names
    assert {rule.__name__ for rule in c4.RULES} - names == {"terminal_punctuation", "bad_words"}
    assert fineweb.RULES.index(c4.sentences_per_page) > fineweb.RULES.index(c4.policy_notices)


# As datatrove's code decides: what differs from the paper


def refusal(preset: Any, text: str) -> str | None:
    try:
        clean(Draft("", text), CleanSection(preset=preset))
    except Rejected as refused:
        return refused.reason
    return None


PROSE = "\n".join(SENTENCES)


@pytest.mark.parametrize(
    ("name", "text", "paper", "theirs"),
    [
        ("c4", "One is here. Two is there. Three are all there are.", None, "too_few_sentences"),
        ("c4", "One is here now. Two is there now. Three is here now. Four is too. Five it is.", None, None),
        ("c4", PROSE + "\nA line of code {", None, None),
        ("c4", PROSE + "\nA line of code {.", "curly-bracket", "curly_bracket"),
        ("gopher", PROSE, None, None),
        ("gopher", PROSE.replace(" ", ", "), None, "gopher_below_alpha_threshold"),
        ("gopher", PROSE.upper(), None, "gopher_enough_stop_words"),
        ("fineweb", PROSE, None, None),
        ("fineweb", f"Nobody really knew everything.\n{PROSE}\nNobody really knew everything.", None, "char_dup_ratio"),
    ],
)
def test_what_datatrove_decides_otherwise(name: str, text: str, paper: str | None, theirs: str | None) -> None:
    assert refusal(name, text) == paper
    assert refusal(f"{name}-datatrove", text) == theirs


def test_words_as_spacy_tells_them() -> None:
    text = "He doesn't know it's well-known; see http://a.org/x?y=1, e.g. (10%) U.S. and/or Mr. Smith... COVID-19 3-4 pages"
    assert " ".join(datatrove.words_of(text)) == (
        "He does n't know it 's well - known ; see http://a.org/x?y=1, e.g. ( 10 % ) U.S. and/or Mr. Smith ... COVID-19 3 - 4 pages"
    )
    assert datatrove.sentences("Mr. Smith paid 3.50. Why? “No.” He left!") == 4
