"""The posts of a dump held against the rules, a thousand rows of the scanner at a time.

What a post needs by itself is made for few of them: those whose URL is not its own canonical form, and lines that the scanner left. For all
others the rules are comparisons of whole columns, which give a reason a row; `Rules.judge` is what each must come to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
import orjson
from numpy.typing import NDArray

from webtext.core.errors import WebtextError
from webtext.core.task import TaskRun
from webtext.links.scan import scan
from webtext.links.scan_columns import (
    CLEAN,
    CREATED,
    FLAGS,
    HOST,
    HOST_END,
    ID,
    ID_END,
    KIND,
    LINE,
    LINE_END,
    OVER_18,
    QUERY,
    SCORE,
    SLOW,
    SUBREDDIT,
    SUBREDDIT_END,
    TITLE,
    TITLE_END,
    TITLE_ESCAPED,
    URL,
    URL_END,
    URL_ESCAPED,
)
from webtext.links.scan_url import KINDS
from webtext.links.submissions import REASONS, BrokenLine, Rules, Submission, day, may_change, read_submission, unescape

Rows = NDArray[np.int64]
Rejected = tuple[int, str, str, str, str]  # row, URL, id, reason, detail

_DONE = -1  # in place of a reason: the row was judged by itself
_NOT_TEXT, _BLOCKED = REASONS.index("not-text-type"), REASONS.index("blocked-subreddit")
_OF_TIME = {REASONS.index("too-new"), REASONS.index("too-old")}
_DETAILED = {code for code, reason in enumerate(REASONS) if reason.endswith("-host")} | {_NOT_TEXT, _BLOCKED, *_OF_TIME}


@dataclass
class Kept:
    """Posts that pass, by column."""

    shards: list[int] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    subreddits: list[str] = field(default_factory=list)
    scores: list[int] = field(default_factory=list)
    created: list[int] = field(default_factory=list)
    over_18: list[bool] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.shards)


class Judge:
    """Holds every post of a dump against the rules: `kept` has those that pass, the others go to the log. Counts the broken lines."""

    def __init__(self, log: TaskRun, dump: str, rules: Rules) -> None:
        self.kept = Kept()
        self._log, self._dump, self._rules = log, dump, rules
        self._lines = self._blank = self._broken = 0
        self._first = ""

    def block(self, block: bytes) -> None:
        """Judge the posts of a block of lines."""
        text = block.decode("latin-1")  # a character a byte, so that the places hold
        for rows in scan(block):
            blank = self._blank
            rejected = self._rows(block, text, rows)
            # NB: by row, whatever was looked at first: how lines fall into blocks depends on how a file over a network is read.
            for _, url, name, reason, detail in sorted(rejected):
                self._log.reject(url, name, reason, detail)
            self._lines += len(rows)
            self._log.records_in += len(rows) - (self._blank - blank)
            self._log.progress(len(rows))

    def _rows(self, block: bytes, text: str, rows: Rows) -> list[Rejected]:
        rules, flags = self._rules, rows[:, FLAGS]
        clean = np.flatnonzero(flags & CLEAN)
        places = rules.places(_slices(text, rows[clean], HOST))
        blocked = rules.blocked(_slices(text, rows[clean], SUBREDDIT)) if rules.subreddits else None
        codes = np.full(len(rows), _DONE)
        codes[clean] = rules.codes(flags[clean], rows[clean, KIND], rows[clean, CREATED], places, blocked)
        codes[clean[rules.special(places) != 0]] = _DONE
        queries = np.flatnonzero(((flags & QUERY) != 0) & (codes != _DONE))
        may = [may_change(url) for url in _slices(text, rows[queries], URL)]
        codes[queries[may]] = _DONE

        alone = np.flatnonzero(codes == _DONE)
        rejected = [lost for row, facts in zip(alone.tolist(), rows[alone].tolist()) if (lost := self._one(block, text, row, facts))]
        left_out = np.flatnonzero(codes > 0)
        left = codes[left_out].tolist()
        details = [_detail(text, rows[row], code) if code in _DETAILED else "" for row, code in zip(left_out.tolist(), left)]
        reasons = [REASONS[code] for code in left]
        rejected += zip(left_out.tolist(), _slices(text, rows[left_out], URL), _slices(text, rows[left_out], ID), reasons, details)
        stays = codes == 0
        self._keep(block, text, rows[stays], rules.shards_of(places[stays[clean]]))
        return rejected

    def _keep(self, block: bytes, text: str, rows: Rows, shards: NDArray[np.int64]) -> None:
        kept = self.kept
        titles = _slices(text, rows, TITLE)
        for place in np.flatnonzero(rows[:, FLAGS] & TITLE_ESCAPED).tolist():
            titles[place] = orjson.loads(block[rows[place, TITLE] - 1 : rows[place, TITLE_END] + 1])
        kept.shards += shards.tolist()
        kept.urls += _slices(text, rows, URL)
        kept.ids += _slices(text, rows, ID)
        kept.subreddits += _slices(text, rows, SUBREDDIT)
        kept.scores += rows[:, SCORE].tolist()
        kept.created += rows[:, CREATED].tolist()
        kept.over_18 += ((rows[:, FLAGS] & OVER_18) != 0).tolist()
        kept.titles += [unescape(title) for title in titles]

    def _one(self, block: bytes, text: str, row: int, facts: list[int]) -> Rejected | None:
        """Judge a row by itself; None where it is kept, or blank."""
        if facts[FLAGS] & SLOW:
            line = block[facts[LINE] : facts[LINE_END]]
            if not line.strip():
                self._blank += 1
                return None
            try:
                post = read_submission(line)
            except BrokenLine as error:
                return self._broken_line(row, str(error))
        else:
            post = _submission(block, text, facts)
        url, shard, reason, detail = self._rules.judge(post.url, post.subreddit, post.created_utc, post.flags)
        if reason:
            return row, url, post.id, reason, detail
        kept = self.kept
        kept.shards.append(shard)
        kept.urls.append(url)
        kept.ids.append(post.id)
        kept.subreddits.append(post.subreddit)
        kept.scores.append(post.score)
        kept.created.append(post.created_utc)
        kept.over_18.append(post.flags & OVER_18 != 0)
        kept.titles.append(post.title)
        return None

    def _broken_line(self, row: int, problem: str) -> Rejected:
        number = self._lines + row + 1
        self._broken += 1
        self._first = self._first or f"line {number}: {problem}"
        return row, "", "", "broken-line", f"{PurePosixPath(self._dump).name} line {number}: {problem}"

    def check_broken(self, allowed: float) -> None:
        """Raise WebtextError where a larger share of the lines is broken than is allowed."""
        lines = self._log.records_in
        if self._broken > allowed * lines:
            raise WebtextError(
                f"{self._dump}: {self._broken:,} of {lines:,} lines are broken, more than links.max_broken = {allowed:g} allows "
                f"({self._first}); fetch the dump again, mend the lines, or raise links.max_broken"
            )


def _slices(text: str, rows: Rows, column: int) -> list[str]:
    """The strings of a column; the next has their ends."""
    return [text[start:end] for start, end in zip(rows[:, column].tolist(), rows[:, column + 1].tolist())]


def _submission(block: bytes, text: str, facts: list[int]) -> Submission:
    """The post of a row that is not SLOW."""
    flags, start, end = facts[FLAGS], facts[URL], facts[URL_END]
    url = orjson.loads(block[start - 1 : end + 1]) if flags & URL_ESCAPED else text[start:end]
    start, end = facts[TITLE], facts[TITLE_END]
    title = orjson.loads(block[start - 1 : end + 1]) if flags & TITLE_ESCAPED else text[start:end]
    name, subreddit = text[facts[ID] : facts[ID_END]], text[facts[SUBREDDIT] : facts[SUBREDDIT_END]]
    return Submission(name, unescape(url), subreddit, unescape(title), facts[SCORE], facts[CREATED], flags)


def _detail(text: str, row: Rows, code: int) -> str:
    if code == _NOT_TEXT:
        return str(KINDS[row[KIND]])
    if code == _BLOCKED:
        return text[row[SUBREDDIT] : row[SUBREDDIT_END]]
    return day(int(row[CREATED])) if code in _OF_TIME else text[row[HOST] : row[HOST_END]]
