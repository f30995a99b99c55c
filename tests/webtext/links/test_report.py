"""The figures of `links --report`: by hand, against a slow rank correlation, and on real dumps."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webtext.links.test_phases import run
from webtext.core.config import LinksSection
from webtext.core.errors import WebtextError
from webtext.core.records import LINK, REJECTED
from webtext.core.tables import writing_table
from webtext.links.report import Removed, Tally, count, domain_of, measure, rank_correlation, read_domains


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://news.bbc.co.uk/1", "bbc"),
        ("https://github.com/", "github"),
        ("http://a.blogspot.com/", "blogspot"),
        ("http://127.0.0.1:80/", "127.0.0.1"),
        ("http://localhost/", "localhost"),
        ("", ""),
        ("http://[", ""),
        ("nothing", ""),
    ],
)
def test_names_are_those_of_the_list(url: str, name: str) -> None:
    assert domain_of(url) == name


def link(url: str, posts: int = 1) -> dict[str, Any]:
    return {"url": url, "posts": [{}] * posts}


def rejected(url: str, reason: str) -> dict[str, Any]:
    return {"url": url, "id": "x", "reason": reason, "detail": ""}


def slowly(left_out: list[dict[str, Any]], kept: list[dict[str, Any]]) -> Tally:
    """What `count` makes of tables with these rows, one by one."""
    tally = Tally(Counter(), Counter(), Counter())
    for row in left_out:
        tally.removed[row["reason"], domain_of(row["url"])] += 1
    for row in kept:
        tally.kept_links[domain_of(row["url"])] += 1
        tally.kept_posts[domain_of(row["url"])] += len(row["posts"])
    return tally


ODD_URLS = [
    "",
    "nothing",
    "http://a.example:81/",
    "http://[::1]/",
    "HTTP://B.example/",
    "http://c.example",
    "http://x:y@d.example/",
    "/r/e",
]


@given(
    st.lists(st.tuples(st.sampled_from([*ODD_URLS, "http://f.example/a", "https://g.example/"]), st.sampled_from("xy"))),
    st.lists(st.tuples(st.sampled_from(["http://f.example/b", "http://a.example:81/", "http://[::1]/"]), st.integers(1, 3))),
)
@settings(max_examples=25)
def test_counting_tables(tmp_path_factory: pytest.TempPathFactory, left_out: list[tuple[str, str]], kept: list[tuple[str, int]]) -> None:
    build = tmp_path_factory.mktemp("build")
    removed = [rejected(url, reason) for url, reason in left_out]
    posts = {"id": "p", "subreddit": "s", "score": 1, "created_utc": 1, "over_18": False, "title": ""}
    rows = [{"id": str(n), "url": url, "best_score": 1, "score_sum": 1, "posts": [posts] * size} for n, (url, size) in enumerate(kept)]
    for name, schema, records in (("stages/links/rejected/parse-00000", REJECTED, removed), ("links/shard-00000", LINK, rows)):
        with writing_table(build / f"{name}.parquet", schema) as table:
            for record in records:
                table.write(record)
    assert count(build) == slowly(removed, rows)


def test_figures_by_hand() -> None:
    left_out = [
        rejected("http://imgur.com/a", "media-host"),
        rejected("http://i.imgur.com/b", "media-host"),
        rejected("http://a.com/x.pdf", "not-text-type"),
        rejected("http://b.com/1", "karma"),
        rejected("http://c.com/1", "karma"),
        rejected("http://c.com/1.pdf", "not-text-type"),
        rejected("", "broken-line"),
    ]
    kept = [link("http://a.com/1", 2), link("http://www.a.com/2"), link("http://d.org/"), link("http://e.net/1"), link("http://e.net/2")]
    figures = measure(slowly(left_out, kept), {"a": 30, "d": 20, "e": 10, "z": 40})
    assert (figures.posts, figures.links, figures.domains) == (13, 5, 6)
    assert figures.rules == [
        Removed("karma", 2, 2 / 13, 2, 2 / 6, 1),  # b has nothing left; c was emptied by two rules together
        Removed("media-host", 2, 2 / 13, 1, 1 / 6, 1),
        Removed("not-text-type", 2, 2 / 13, 2, 2 / 6, 0),
        Removed("broken-line", 1, 1 / 13, 0, 0.0, 0),
    ]
    assert (figures.listed, figures.listed_found, figures.listed_mass_blocked) == (4, 3, 0)
    assert figures.rank_correlation == pytest.approx(0.0)  # ranks 3 2 1 and 2.5 1 2.5


def test_nothing_at_all() -> None:
    figures = measure(slowly([], []), {})
    assert (figures.posts, figures.rules, figures.rank_correlation, figures.listed_mass_blocked) == (0, [], None, 0)


def slow_rank_correlation(first: list[int], second: list[int]) -> float | None:
    def ranks(values: list[int]) -> list[float]:
        return [sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2 for value in values]

    one, two = ranks(first), ranks(second)
    mean = (len(first) + 1) / 2
    above = sum((a - mean) * (b - mean) for a, b in zip(one, two))
    below = math.sqrt(sum((a - mean) ** 2 for a in one) * sum((b - mean) ** 2 for b in two))
    return above / below if below else None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=20))
def test_rank_correlation(pairs: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    expected = slow_rank_correlation(first, second)
    assert rank_correlation(first, second) == (None if expected is None else pytest.approx(expected))


def test_two_pairs_have_no_correlation() -> None:
    assert rank_correlation([1, 2], [1, 2]) is None
    assert rank_correlation([1, 2, 3], [1, 2, 3]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [9, 8, 7]) == pytest.approx(-1)


def test_the_list_of_openai(data_dir: Path) -> None:
    listed = read_domains(data_dir / "gpt2/webtext_domains.txt")
    assert (len(listed), listed["google"], listed["wikia"]) == (999, 1_542_261, 313_137)
    with pytest.raises(WebtextError, match=r"none\.txt: there is no such file"):
        read_domains(data_dir / "gpt2/none.txt")
    with pytest.raises(WebtextError, match="not a list of counts and domains"):
        read_domains(data_dir / "gpt2/vocab.bpe")


def test_real_dumps_beside_the_list(tmp_path: Path, data_dir: Path) -> None:
    """The 834 links of 2005 have little in common with WebText's mass, but the block list takes none of it."""
    listed = read_domains(data_dir / "gpt2/webtext_domains.txt")
    stage = run(tmp_path, [data_dir / "reddit" / f"RS_2005-{month}.zst" for month in ("06", "07")], LinksSection())
    tally = count(tmp_path)
    assert tally == slowly(stage.rejected, stage.links)
    figures = measure(tally, listed)
    assert (figures.posts, figures.links) == (1182, 833)
    assert {rule.reason: rule.posts for rule in figures.rules} == stage.reasons
    assert figures.listed_mass_blocked == 0
    assert figures.listed_found > 50
    assert figures.rank_correlation is not None
    assert 0 < figures.rank_correlation < 1
