"""Reads the lines of a dump and applies the rules to each: posts that pass are kept, the others are rejected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from webtext.core.errors import WebtextError
from webtext.core.task import TaskRun
from webtext.documents.tables import Rows
from webtext.links.rules import Rules
from webtext.links.submissions import OVER_18, BrokenLine, Submission, of_row, read_submission

# Shard, URL, id, subreddit, score, created_utc, over_18, title.
KeptPost = tuple[int, str, str, str, int, "int | None", bool, str]


def _of_row(row: dict[str, Any] | str) -> Submission:
    if isinstance(row, str):
        raise BrokenLine(row)
    return of_row(row)


class Judge:
    """Applies the rules to every post of a dump: `kept` has those that pass, the log gets the others. Counts the broken lines."""

    def __init__(self, log: TaskRun, dump: str, rules: Rules) -> None:
        self.kept: list[KeptPost] = []
        self._log, self._dump, self._rules = log, dump, rules
        self._unscored = rules.min_score
        self._lines = self._broken = 0
        self._first_problem = ""

    def block(self, block: bytes) -> None:
        """Judge the posts of a block of whole lines."""
        if not self._lines:
            block = block.removeprefix(b"\xef\xbb\xbf")
        if b"\0" in block:  # what a crash left in place of some lines; JSON has none
            block = block.replace(b"\0", b"")
        # NB: not splitlines, which for bytes also splits at a carriage return.
        lines = block.split(b"\n")[:-1]
        for number, line in enumerate(lines, self._lines + 1):
            if line and not line.isspace():
                self._log.records_in += 1
                self._read(number, read_submission, line)
        self._lines += len(lines)
        self._log.progress(len(lines))

    def rows(self, rows: Rows) -> None:
        """Judge the posts of a list of URLs."""
        for number, row in rows:
            if row:  # not a comment
                self._log.records_in += 1
                self._read(number, _of_row, row)
                self._log.progress(1)

    def _read(self, number: int, read: Callable[[Any], Submission], line: Any) -> None:
        try:
            post = read(line)
        except BrokenLine as error:
            self._broken += 1
            self._first_problem = self._first_problem or f"line {number}: {error}"
            self._log.reject("", "", "broken-line", f"{PurePosixPath(self._dump).name} line {number}: {error}")
            return
        url, shard, reason, detail = self._rules.judge(post)
        if reason:
            self._log.reject(url, post.id, reason, detail)
        else:
            score = self._unscored if post.score is None else post.score
            over_18 = post.flags & OVER_18 != 0
            self.kept.append((shard, url, post.id, post.subreddit, score, post.created_utc, over_18, post.title))

    def check_broken(self, allowed: float) -> None:
        """Raise WebtextError where a larger share of the lines is broken than is allowed; a single one of several always may be."""
        lines = self._log.records_in
        if self._broken > (max(1, allowed * lines) if allowed else 0) or (0 < self._broken == lines and allowed < 1):
            raise WebtextError(
                f"{self._dump}: {self._broken:,} of {lines:,} lines are broken, more than links.max_broken = {allowed:g} allows "
                f"({self._first_problem}); fetch the dump again, mend the lines, or raise links.max_broken"
            )
