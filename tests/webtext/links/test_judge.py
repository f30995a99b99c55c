"""Blocks of lines against one line after another: the same reasons, details and posts, in order of the lines."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webtext.links.twin import outcome
from webtext.core.compression import read_blocks
from webtext.core.config import LinksSection
from webtext.core.errors import WebtextError
from webtext.core.task import TaskRun
from webtext.links.judge import Judge
from webtext.links.rules import Rules

Rejected = tuple[str, str, str, str]
Post = tuple[int, str, str, str, int, int, bool, str]


class Log:
    """What a judge tells."""

    def __init__(self) -> None:
        self.records_in = self.seen = 0
        self.rejected: list[Rejected] = []

    def reject(self, url: str, record_id: str, reason: str, detail: str = "") -> None:
        self.rejected.append((url, record_id, reason, detail))

    def progress(self, records: int) -> None:
        self.seen += records


def judged(blocks: list[bytes], section: LinksSection) -> tuple[list[Rejected], list[Post], int]:
    log = Log()
    judge = Judge(cast(TaskRun, log), "dir/RS.zst", Rules(section, 7))
    for block in blocks:
        judge.block(block)
    assert log.seen == sum(block.count(b"\n") for block in blocks)
    log.rejected = [
        (url, name, reason, detail.split(": not JSON: ")[0] + ": not JSON" if ": not JSON: " in detail else detail)
        for url, name, reason, detail in log.rejected
    ]
    return log.rejected, sorted(judge.kept), log.records_in


def slowly(blocks: list[bytes], section: LinksSection) -> tuple[list[Rejected], list[Post], int]:
    """By the twin, line by line. Of broken lines that are no JSON at all the sentence is the parser's and is not compared."""
    rejected: list[Rejected] = []
    kept: list[Post] = []
    for number, line in enumerate(b"".join(blocks).split(b"\n")[:-1], 1):
        if not line.strip():
            continue
        try:
            kind, row = outcome(line, section, 7)
        except ValueError:
            kind, row = "broken", ("not JSON",)
        if kind == "broken":
            rejected.append(("", "", "broken-line", f"RS.zst line {number}: {row[0]}"))
        elif kind == "rejected":
            rejected.append(cast(Rejected, row))
        else:
            kept.append(cast(Post, row))
    return rejected, sorted(kept), len(rejected) + len(kept)


SECTIONS = [
    LinksSection(),
    LinksSection(before=date(2100, 1, 1), removed=True, over_18=True, allow_hosts=["youtube.com"], block_hosts=["nature.com"]),
    LinksSection(before=date(2022, 1, 1), after=date(2021, 1, 1), block_subreddits=["science", "r/Physics"]),
]


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("name", ["RS_2005-07.zst", "submissions_2020-2022.ndjson.zst", "wcxb_submissions.ndjson.zst"])
def test_real_dumps(data_dir: Path, name: str, section: LinksSection) -> None:
    blocks = list(read_blocks(data_dir / "reddit" / name))
    assert judged(blocks, section) == slowly(blocks, section)


TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["[deleted]", "[removed]", "[deleted by user]", "moderator", "deleted", "author", "http://a.example/b?c=1", "/r/x", "&amp;<"]
    ),
    st.builds(
        "".join,
        st.lists(
            st.sampled_from(
                "http :// xn-- b1 .org .jpg %41 %20 %3A %2F %e9 %E9 %2E % www.google.com m.imdb.com utm_a=1 amp; é \u2028".split(" ")
                + list("/.?&=#aZ:;~%_-+,!@'[]")
            ),
            max_size=9,
        ),
    ),
)
SCALAR = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False), TEXT)
ANYTHING = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6)
USUAL = {
    "id": st.text("abc019", min_size=1, max_size=7),
    "url": TEXT,
    "subreddit": st.text("abc_", max_size=5),
    "title": TEXT,
    "score": st.integers(-100, 10**6) | st.integers(0, 9).map(float),
    "created_utc": st.integers(0, 2 * 10**9) | st.integers(0, 2 * 10**9).map(float),
}
OPTIONAL = {
    "url_overridden_by_dest": TEXT | st.none(),
    "over_18": st.booleans() | st.none(),
    "is_self": st.booleans(),
    "selftext": TEXT,
    "removed_by_category": TEXT | st.none(),
    "promoted": st.booleans(),
}
POSTS = st.builds(
    lambda post, others, order: dict(order.sample(items := list({**others, **post}.items()), len(items))),
    st.fixed_dictionaries(USUAL, optional=OPTIONAL),
    st.dictionaries(TEXT | st.sampled_from([*USUAL, *OPTIONAL]), ANYTHING, max_size=5),
    st.randoms(use_true_random=False),
)
LINES = st.builds(
    lambda post, ascii_only, blanks: json.dumps(post, ensure_ascii=ascii_only, separators=(", ", ": ") if blanks else (",", ":")),
    POSTS,
    st.booleans(),
    st.booleans(),
).map(lambda line: line.encode("utf-8", "surrogatepass"))

OTHER_LINES = st.sampled_from([b"", b" ", b"{}", b"[]", b'{"id": "x"', b'{"id":"x","created_utc":"5","score":1,"url":"http://a.example/"}'])


@given(st.lists(st.lists(LINES | OTHER_LINES, min_size=1, max_size=6), max_size=3), st.sampled_from(SECTIONS))
@settings(max_examples=100)
def test_whatever_lines(blocks: list[list[bytes]], section: LinksSection) -> None:
    joined = [b"".join(line + b"\n" for line in lines) for lines in blocks]
    assert judged(joined, section) == slowly(joined, section)


def test_many_hosts_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webtext.links.rules._HOSTS_CACHED", 3)
    line = b'{"id":"%d","url":"http://a%d.org/","title":"","subreddit":"","score":1,"created_utc":1}\n'
    lines = b"".join(line % (number, number % 8) for number in range(40))
    assert judged([lines], SECTIONS[0]) == slowly([lines], SECTIONS[0])


def test_too_many_broken_lines() -> None:
    log = Log()
    judge = Judge(cast(TaskRun, log), "dir/RS.zst", Rules(LinksSection(), 7))
    judge.block(b"\n{}\nno\n")
    judge.check_broken(1.0)
    with pytest.raises(WebtextError, match=r"dir/RS\.zst: 2 of 2 lines are broken, .* = 0\.5 allows \(line 2: no id\)"):
        judge.check_broken(0.5)
