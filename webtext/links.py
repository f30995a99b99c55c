"""The stage `links`: Reddit dumps to one record a canonical URL, with every post of it.

Phase 1, a task a dump: read it, leave out what fails the rules, spill the rest by the shard of its URL. Phase 2, a task a shard: bring
the posts of a URL together and apply the karma rule, which so is a choice made on data that is all there.

A spill is an Arrow IPC file (lz4). Its batches are rounds of one batch a shard, in the order of the shards, so batch k belongs to shard
k modulo the number of shards, and a task of phase 2 reads its own from all spills and touches nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from webtext.config import LinksSection
from webtext.dumps import read_blocks
from webtext.errors import WebtextError
from webtext.files import writing
from webtext.hashing import shard_name, url_id
from webtext.records import LINK
from webtext.scan import CLEAN, OVER_18, QUERY, SLOW, TITLE_ESCAPED, URL_ESCAPED, Row, scan
from webtext.submissions import BrokenLine, Rules, read_submission, unescape
from webtext.task import TaskLog

# NB: large strings, because a shard may hold more than 2 GiB of them.
SPILL = pa.schema(
    [
        ("url", pa.large_string()),
        ("id", pa.large_string()),
        ("subreddit", pa.large_string()),
        ("score", pa.int64()),
        ("created_utc", pa.int64()),
        ("over_18", pa.bool_()),
        ("title", pa.large_string()),
    ]
)

ROUND_POSTS = 100_000  # posts held before a round of batches is written
ROUND_BYTES = 256 * 2**20  # and bytes of the dump, whatever the length of its strings

Spilled = tuple[int, str, str, str, int, int, bool, str]  # the shard, then SPILL


def parse_dump(log: TaskLog, index: int, path: str, section: LinksSection, shards: int) -> list[Any]:
    """Judge every post of a dump; returns [shard, path of the spill, relative to the build] for every shard.

    Raises WebtextError that names the dump where it is cut or damaged, or more of it is broken than `section.max_broken` allows.
    """
    dump = Path(path)
    rules = Rules(section, shards)
    spill = log.place.spill(f"parse-{index:05d}.arrow")
    schema = SPILL.with_metadata({"shards": str(shards)})
    judge = _Judge(log, dump, rules)
    held = 0
    with writing(spill) as output, pa.ipc.new_file(output.file, schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        for block in read_blocks(dump):
            judge.block(block)
            held += len(block)
            if len(judge.kept) >= ROUND_POSTS or held >= ROUND_BYTES:
                _write_round(writer, judge.kept, shards)
                judge.kept, held = [], 0
        judge.check_broken(section.max_broken)
        _write_round(writer, judge.kept, shards)
    return [[shard, str(spill.relative_to(log.place.build))] for shard in range(shards)]


class _Judge:
    """Holds every post of a dump against the rules: `kept` has those that pass, the others go to the log. Counts the broken lines."""

    def __init__(self, log: TaskLog, dump: Path, rules: Rules) -> None:
        self.kept: list[Spilled] = []
        self._log, self._dump, self._rules = log, dump, rules
        self._lines = self._broken = 0
        self._first = ""

    def block(self, block: bytes) -> None:
        """Judge the posts of a block of lines."""
        text = block.decode("latin-1")  # a character a byte, so that the places hold
        for rows in scan(block):
            self._rows(block, text, rows)

    def _rows(self, block: bytes, text: str, rows: Iterator[Row]) -> None:
        rules, keep, reject = self._rules, self.kept.append, self._log.reject
        lines, blank = self._lines, 0
        # NB: the hot loop of the stage; what a post that is left out does not need is not made.
        for flags, score, created, id_, id_end, url_, url_end, sub, sub_end, title_, title_end, line, line_end, host, host_end, dot in rows:
            lines += 1
            if flags & SLOW:
                if block[line:line_end].strip():
                    self._slowly(block[line:line_end], lines)
                else:
                    blank += 1
                continue
            subreddit = text[sub:sub_end]
            if flags & CLEAN:
                kind = text[dot + 1 : text.find("?", dot, url_end) if flags & QUERY else url_end].lower() if dot else ""
                verdict = rules.judge_clean(text[url_:url_end], text[host:host_end], kind, subreddit, created, flags)
            else:
                url = orjson.loads(block[url_ - 1 : url_end + 1]) if flags & URL_ESCAPED else text[url_:url_end]
                verdict = rules.judge(unescape(url), subreddit, created, flags)
            url, shard, reason, detail = verdict
            if reason:
                reject(url, text[id_:id_end], reason, detail)
            else:
                title = orjson.loads(block[title_ - 1 : title_end + 1]) if flags & TITLE_ESCAPED else text[title_:title_end]
                keep((shard, url, text[id_:id_end], subreddit, score, created, flags & OVER_18 != 0, unescape(title)))
        self._log.progress(lines - self._lines)
        self._log.records_in += lines - self._lines - blank
        self._lines = lines

    def _slowly(self, line: bytes, number: int) -> None:
        try:
            post = read_submission(line)
        except BrokenLine as error:
            self._broken += 1
            self._first = self._first or f"line {number}: {error}"
            self._log.reject("", "", "broken-line", f"{self._dump.name} line {number}: {error}")
            return
        url, shard, reason, detail = self._rules.judge(post.url, post.subreddit, post.created_utc, post.flags)
        if reason:
            self._log.reject(url, post.id, reason, detail)
        else:
            over_18 = post.flags & OVER_18 != 0
            self.kept.append((shard, url, post.id, post.subreddit, post.score, post.created_utc, over_18, post.title))

    def check_broken(self, allowed: float) -> None:
        """Raise WebtextError where a larger share of the lines is broken than is allowed."""
        lines = self._log.records_in
        if self._broken > allowed * lines:
            raise WebtextError(
                f"{self._dump}: {self._broken:,} of {lines:,} lines are broken, more than links.max_broken = {allowed:g} allows "
                f"({self._first}); fetch the dump again, mend the lines, or raise links.max_broken"
            )


def _write_round(writer: Any, kept: list[Spilled], shards: int) -> None:
    if not kept:
        return
    numbers, *columns = zip(*kept)
    posts = pa.RecordBatch.from_arrays([pa.array(column, field.type) for column, field in zip(columns, SPILL)], schema=SPILL)
    order = np.argsort(np.array(numbers), kind="stable")
    ends = np.cumsum(np.bincount(numbers, minlength=shards)).tolist()
    # NB: `take` copies; a slice would be written with all that it is a slice of.
    for start, end in zip([0, *ends[:-1]], ends):
        writer.write_batch(posts.take(pa.array(order[start:end])))


def group_shard(log: TaskLog, shard: int, spills: list[str], section: LinksSection) -> None:
    """Write links/shard-N.parquet from what phase 1 spilled for the shard, sorted by id; the posts of a URL from the oldest on.

    A post that is in two dumps counts once, with its higher score. Posts of URLs that fail the karma rule are left out.
    """
    posts = _read_shard([log.place.build / spill for spill in sorted(spills) if spill], shard)
    with log.table(f"{log.place.directory}/{shard_name(shard)}.parquet", LINK) as table:
        for url, group in _by_url(posts):
            kept = _fold_same(log, url, group)
            scores = [post["score"] for post in kept]
            best, total = max(scores), sum(scores)
            reached = (total if section.score_rule == "sum" else best) >= section.min_score
            left_out = [post for post in kept if not reached or (section.score_rule == "each" and post["score"] < section.min_score)]
            for post in left_out:
                detail = f"score {post['score']}, best {best}, sum {total}; needs {section.min_score} by {section.score_rule}"
                log.reject(url, post["id"], "karma", detail)
            if reached:
                kept = [post for post in kept if post not in left_out] if left_out else kept
                scores = [post["score"] for post in kept]
                table.write({"id": url_id(url), "url": url, "best_score": best, "score_sum": sum(scores), "posts": kept})
                log.records_out += len(kept)
            log.progress(len(group))


def _read_shard(spills: Sequence[Path], shard: int) -> pa.Table:
    """All posts of a shard, ordered by the id of their URL, then oldest first; ties by all the rest, so the order of the spills is lost."""
    batches = []
    for path in spills:
        with pa.memory_map(str(path)) as source:
            reader = pa.ipc.open_file(source)
            shards = int(reader.schema.metadata[b"shards"])
            batches += [reader.get_batch(number) for number in range(shard, reader.num_record_batches, shards)]
    table = pa.Table.from_batches(batches, SPILL)
    urls = table["url"].combine_chunks().dictionary_encode()
    ids = np.array([url_id(url) for url in urls.dictionary.to_pylist()], "S32")
    ranks = np.empty(len(ids), np.int64)
    ranks[np.argsort(ids)] = np.arange(len(ids))
    rank = pa.array(ranks[urls.indices.to_numpy()])
    keys = [("rank", "ascending"), ("created_utc", "ascending"), ("id", "ascending"), ("score", "descending")]
    keys += [("subreddit", "ascending"), ("title", "ascending"), ("over_18", "ascending")]
    return table.append_column("rank", rank).sort_by(keys).drop_columns("rank")


Post = dict[str, Any]


def _by_url(posts: pa.Table) -> Iterator[tuple[str, list[Post]]]:
    rows = (row for batch in posts.to_batches(max_chunksize=10_000) for row in batch.to_pylist())
    for url, group in groupby(rows, itemgetter("url")):
        yield url, list(group)


def _fold_same(log: TaskLog, url: str, group: list[Post]) -> list[Post]:
    """Of the posts with one id that with the highest score; the others are rejected."""
    if len(group) == 1:
        return group
    best: dict[str, Post] = {}
    for post in group:
        same = best.get(post["id"])
        if same is None or post["score"] > same["score"]:
            best[post["id"]] = post
    for post in group:
        if best[post["id"]] is not post:
            log.reject(url, post["id"], "same-post", f"score {post['score']}, counted with {best[post['id']]['score']}")
    return [post for post in group if best[post["id"]] is post]
