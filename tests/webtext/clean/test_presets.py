"""The rules of the preset gpt2, each with what it takes and what it must leave."""

from __future__ import annotations

import pytest

from tests.webtext.extract.pages import paragraphs
from webtext.clean.presets import clean
from webtext.clean.rules import Draft
from webtext.core.config import CleanSection
from webtext.core.errors import Rejected

STORY = paragraphs(1)
SECTION = CleanSection()


def verdict(text: str, title: str = "A story", section: CleanSection = SECTION) -> tuple[str, str]:
    try:
        clean(Draft(title, text), section)
    except Rejected as refused:
        return refused.reason, refused.detail
    return "kept", ""


def test_a_good_text_stays_as_it_is() -> None:
    text = "\n".join(STORY)
    assert clean(Draft("A story", text), SECTION) == (text, ())


@pytest.mark.parametrize(
    "line",
    [
        "Share this on Facebook",
        "Share this:",
        "Tweet",
        "Skip to main content",
        "Advertisement",
        "© 2016 The Daily Example. All rights reserved.",
        "We use cookies to give you the best experience on our site.",
        "By continuing to use this site you agree to our use of cookies.",
        "Leave a comment",
        "12 Comments",
        "Terms of Service",
    ],
)
def test_boilerplate_lines_go(line: str) -> None:
    text = "\n".join([STORY[0], line, *STORY[1:], line])
    assert clean(Draft("A story", text), SECTION) == ("\n".join(STORY), ("boilerplate-lines",))


@pytest.mark.parametrize(
    "line",
    [
        "Share prices fell on Monday, and nobody knew why.",
        "The print was sold at an auction in Geneva.",
        "Advertisements of that time were painted by hand.",
        "She had 12 comments to make, and made them all.",
        "Our cookies are made with real butter.",
        "Copyright law changed in 1976, when the term was extended to the life of the author and another fifty years.",
    ],
)
def test_sentences_that_look_like_boilerplate_stay(line: str) -> None:
    text = "\n".join([*STORY, line])
    assert clean(Draft("A story", text), SECTION) == (text, ())


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("404 Not Found", "nginx"),
        ("Page not found", "Try the search."),
        ("Sorry, the page you requested was not found", STORY[0]),
        ("Just a moment...", "Checking your browser before accessing example.org."),
        ("Example", "Please enable JavaScript to view this page."),
        ("Example", "404: Not Found\n" + STORY[0]),
        ("example.com", "This domain example.com is for sale!"),
        ("Access denied", "You don't have permission to access this page."),
    ],
)
def test_error_pages_go(title: str, text: str) -> None:
    assert verdict(text, title)[0] == "error-page"


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("404: the story of a number", "\n".join(paragraphs(2, 12))),
        ("How to enable JavaScript", "\n".join(["You can enable JavaScript in the settings.", *paragraphs(3, 6)])),
        ("Forbidden City", "\n".join(STORY)),
        ("503 nights in the desert", "\n".join(paragraphs(4, 12))),
    ],
)
def test_stories_about_errors_stay(title: str, text: str) -> None:
    assert verdict(text, title) == ("kept", "")


def test_length_is_measured_after_boilerplate_went() -> None:
    text = "Just a few words.\n" + "\n".join(["Share this on every network you know"] * 10)
    assert verdict(text) == ("too-short", "17 characters")
    assert verdict(text, section=CleanSection(min_characters=17)) == ("kept", "")
    assert verdict(text, section=CleanSection(min_characters=18)) == ("too-short", "17 characters")


def test_repeated_lines() -> None:
    lines = [f"{index:03d} " + "x" * 96 for index in range(10)]
    assert verdict("\n".join(lines + lines[:4])) == ("kept", "")  # 4 of 14: 0.29
    assert verdict("\n".join(lines + lines[:5])) == ("duplicate-lines", "0.33")
    assert verdict("\n".join(lines + lines[:5]), section=CleanSection(max_duplicate_lines=0.4)) == ("kept", "")


def test_lines_that_come_back_between_others_are_no_second_copy() -> None:
    coupons = [line for number in range(8) for line in (f"{number + 1}0.00 off", "Not valid with other offers, ask before the work.")]
    assert verdict("\n".join(coupons)) == ("kept", "")
    refrain = [line for part in range(3) for line in (*paragraphs(part + 5)[:3], "And nobody knew why, and nobody asked.")]
    assert verdict("\n".join(refrain)) == ("kept", "")
    assert verdict("\n".join(["The same line again and again."] * 10)) == ("duplicate-lines", "0.90")
    assert verdict("\n".join(STORY * 2)) == ("duplicate-lines", "0.50")


def test_preset_none_does_nothing() -> None:
    assert clean(Draft("404 Not Found", "Tweet"), CleanSection(preset="none")) == ("Tweet", ())
