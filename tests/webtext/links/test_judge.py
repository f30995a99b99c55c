"""The rules on whole columns against the rules on one post after another: the same reasons, details and posts, in order of the lines."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webtext.links.test_scan import LINES
from webtext.core.config import LinksSection
from webtext.core.errors import WebtextError
from webtext.core.task import TaskRun
from webtext.links.dumps import read_blocks
from webtext.links.judge import Judge
from webtext.links.scan_columns import OVER_18
from webtext.links.submissions import BrokenLine, Rules, read_submission

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
    kept = judge.kept
    columns = kept.shards, kept.urls, kept.ids, kept.subreddits, kept.scores, kept.created, kept.over_18, kept.titles
    assert log.seen == sum(block.count(b"\n") for block in blocks)
    return log.rejected, sorted(zip(*columns)), log.records_in


def slowly(blocks: list[bytes], section: LinksSection) -> tuple[list[Rejected], list[Post], int]:
    rules = Rules(section, 7)
    rejected: list[Rejected] = []
    kept: list[Post] = []
    for number, line in enumerate(b"".join(blocks).split(b"\n")[:-1], 1):
        if not line.strip():
            continue
        try:
            post = read_submission(line)
        except BrokenLine as error:
            rejected.append(("", "", "broken-line", f"RS.zst line {number}: {error}"))
            continue
        url, shard, reason, detail = rules.judge(post.url, post.subreddit, post.created_utc, post.flags)
        if reason:
            rejected.append((url, post.id, reason, detail))
        else:
            kept.append((shard, url, post.id, post.subreddit, post.score, post.created_utc, post.flags & OVER_18 != 0, post.title))
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


OTHER_LINES = st.sampled_from([b"", b" ", b"{}", b"[]", b'{"id": "x"', b'{"id":"x","created_utc":"5","score":1,"url":"http://a.example/"}'])


@given(st.lists(st.lists(LINES | OTHER_LINES, min_size=1, max_size=6), max_size=3), st.sampled_from(SECTIONS))
@settings(max_examples=100)
def test_whatever_lines(blocks: list[list[bytes]], section: LinksSection) -> None:
    joined = [b"".join(line + b"\n" for line in lines) for lines in blocks]
    assert judged(joined, section) == slowly(joined, section)


def test_many_hosts_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webtext.links.submissions._AUTHORITIES", 3)
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
