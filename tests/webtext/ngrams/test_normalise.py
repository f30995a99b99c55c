"""Words and hashes of n-grams: the kernel against its twin, and the rules one by one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webtext.dedup import twins as dedup_twins
from tests.webtext.ngrams import twin
from webtext.dedup.shingles import shingles
from webtext.ngrams.normalise import ngram_hashes, scan

# Characters that every supported Python knows (3.10 has Unicode 13), and more often those that the rules are about.
KNOWN = st.characters().filter(lambda character: unicodedata.ucd_3_2_0.category(character) != "Cn")
TELLING = st.sampled_from(
    "aZé9İςΣß ½²'’-\n\u0301\u00ad\u200b\u200d\ufeff\ufe0f東京へがカ\u30fc\u3099가\u1100\u1161한Å\u212bहिन्दी\U0001d400\ud800"
)
TEXTS = st.text(st.one_of(TELLING, TELLING, KNOWN), max_size=60)


def words(text: str) -> list[str]:
    scanned = scan(text, 1)
    return [scanned.text(index, index) for index in range(len(scanned.starts))]


@given(TEXTS, st.integers(1, 9))
@settings(max_examples=500)
def test_the_kernel_agrees_with_its_twin(text: str, n: int) -> None:
    hashes, count = ngram_hashes(text, n)
    assert hashes.tolist() == twin.ngram_hashes(text, n)
    assert count == len(twin.words(text))


@given(TEXTS)
@settings(max_examples=300)
def test_words_are_where_the_scan_says(text: str) -> None:
    scanned = scan(text, 2)
    assert scanned.hashes.tolist() == twin.ngram_hashes(text, 2)
    found = [twin.words(scanned.text(index, index)) for index in range(len(scanned.starts))]
    assert len(found) == len(twin.words(text))
    assert (scanned.starts < scanned.ends).all()
    if all(len(twin.words(character)) <= 1 for character in text):
        assert found == [[word] for word in twin.words(text)]
        assert (scanned.ends[:-1] <= scanned.starts[1:]).all()
    else:  # one character, as ½, may hold two words
        assert all(word in place for word, place in zip(twin.words(text), found))


@given(TEXTS)
@settings(max_examples=300)
def test_text_that_version_1_covered_has_the_same_words(text: str) -> None:
    plain = "".join(
        c for c in text if unicodedata.is_normalized("NFKC", c) and not twin.in_script_without_spaces(c) and c not in "ßẞ\u0307"
    )
    plain = unicodedata.normalize("NFC", plain)
    assert twin.words(plain) == twin.words_of_version_1(plain)


@given(TEXTS, st.integers(1, 7))
@settings(max_examples=300)
def test_shingles_and_ngrams_are_of_the_same_words(text: str, size: int) -> None:
    words = twin.words(text)
    assert dedup_twins.words(text) == words
    if len(words) >= size:
        runs = {tuple(words[first : first + size]) for first in range(len(words) - size + 1)}
        assert shingles(text, size).tolist() == sorted(dedup_twins.run_hash(run) for run in runs)
        assert len(set(ngram_hashes(text, size)[0].tolist())) == len(runs)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Don't   PANIC!", "don t panic"),
        ("naïve co-operation 3.5×", "naïve co operation 3 5"),
        ("ΟΔΟΣ οδός", "οδοσ οδόσ"),
        ("東京へ行く 2024年", "東 京 へ 行 く 2024 年"),
        ("İstanbul", "istanbul"),
        ("i\u0307stanbul ISPARTA ısparta", "istanbul isparta ısparta"),
        ("Straße STRASSE STRAẞE", "strasse strasse strasse"),
        ("ﬁne ＦＵＬＬ－ＷＩＤＴＨ x² 𝐛𝐨𝐥𝐝", "fine full width x2 bold"),
        ("\ufeffbyte or\u00adder m\u200da\u2060rk", "byte order mark"),
        ("ｶﾞ ガ", "ガ ガ"),
        ("ที่ ກິນ មែរ မြန်", "ที่ ກິ ນ មែ រ မြ န်"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zero width"),
        ("हिन्दी", "हिन्दी"),
        ("snake_case a@b.example", "snake case a b example"),
        ("“Teddy 's” @-@ <unk>", "teddy s unk"),
        ("\u0301 x", "x"),
        ("", ""),
    ],
)
def test_rules(text: str, normal: str) -> None:
    assert " ".join(twin.words(text)) == normal
    assert ngram_hashes(text, 1)[0].tolist() == ngram_hashes(normal, 1)[0].tolist()


def test_how_it_was_typed_does_not_matter() -> None:
    assert ngram_hashes("Cafe\u0301 \u1112\u1161\u11ab", 2)[0].tolist() == ngram_hashes("café 한", 2)[0].tolist()


def test_published_hashes_stay() -> None:
    """Filters that others have were filled with these: a change of them is a new version of the normaliser."""
    hashes, words_ = ngram_hashes("It was the best of times, it was the worst")
    assert words_ == 10
    assert hashes.tolist() == [15390641525864488597, 18386215680056237527, 16987663678300204479]


def test_the_text_of_a_match_is_as_it_was_written() -> None:
    assert scan("He said: it was THE best — of times!").text(1, 6) == "said: it was THE best — of"


def test_order_and_repetition_count() -> None:
    hashes = [ngram_hashes(text, 4)[0][0] for text in ("a b c d", "b a c d", "a b d c", "a a b b", "b b a a", "a a a a", "b b b b")]
    assert len(set(hashes)) == len(hashes)


def test_distinct_ngrams_have_distinct_hashes() -> None:
    text = " ".join(f"w{index}" for index in range(200_000))
    assert len(set(ngram_hashes(text, 1)[0].tolist())) == 200_000
    assert len(set(ngram_hashes(text, 8)[0].tolist())) == 199_993


def test_hashes_are_spread_evenly() -> None:
    hashes, _ = ngram_hashes(" ".join(str(index) for index in range(100_007)), 8)
    for bit in range(64):
        assert sum(hash_ >> bit & 1 for hash_ in hashes.tolist()) / len(hashes) == pytest.approx(0.5, abs=0.01)
