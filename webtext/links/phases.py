"""The stage `links`: Reddit dumps to one record a canonical URL, with every post of it.

Phase 1, a task a dump: read it, leave out what fails the rules, spill the rest by the shard of its URL. Phase 2, a task a shard: bring
the posts of a URL together and apply the karma rule, which so is a choice made on data that is all there.

A spill is an Arrow IPC file (lz4). Its batches are rounds of one batch a shard, in the order of the shards, so batch k belongs to shard
k modulo the number of shards, and a task of phase 2 reads its own from all spills and touches nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from webtext.core.compression import Opener, open_local, read_blocks
from webtext.core.config import LinksSection
from webtext.core.files import writing
from webtext.core.hashing import shard_name, url_id
from webtext.core.records import LINK
from webtext.core.task import StageContext, TaskRun
from webtext.links.judge import Judge, KeptPost
from webtext.links.rules import Rules, reaches_karma
from webtext.links.url_lists import rows_of_list

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

ROUND_POSTS = 25_000  # posts held before a round of batches is written, at the least
ROUND_SHARD = 100  # and posts a shard, so that batches of many shards do not become small
ROWS = 1_000  # of a list of URLs that are judged at once
ROUND_BYTES = 256 * 2**20  # and bytes of the dump, whatever the length of its strings


def parse_dump(log: TaskRun, index: int, path: str, section: LinksSection, shards: int, opener: Opener = open_local) -> None:
    """Judge every post of a dump, and spill those that stay for phase 2.

    Raises WebtextError that names the dump where it is cut or damaged, or more of it is broken than `section.max_broken` allows.
    """
    spill = _spill(log.context, index)
    schema = SPILL.with_metadata({"shards": str(shards)})
    rules = Rules(section, shards)
    judge = Judge(log, path, rules)
    held = 0
    with writing(spill) as output, pa.ipc.new_file(output.file, schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        rows = rows_of_list(path, opener)
        for part in read_blocks(path, opener) if rows is None else iter(lambda: list(islice(rows, ROWS)), []):
            judge.block(part) if isinstance(part, bytes) else judge.rows(iter(part))
            held += len(part)
            if len(judge.kept) >= max(ROUND_POSTS, ROUND_SHARD * shards) or held >= ROUND_BYTES:
                _write_round(writer, judge.kept, shards)
                judge.kept, held = [], 0
        judge.check_broken(section.max_broken)
        log.counters.update(rules.matches)
        _write_round(writer, judge.kept, shards)


def _spill(context: StageContext, index: int) -> Path:
    return context.scratch_path(f"parse-{index:05d}.arrow")


def _write_round(writer: Any, kept: list[KeptPost], shards: int) -> None:
    if not kept:
        return
    post_shards, *columns = zip(*kept)
    posts = pa.RecordBatch.from_arrays([pa.array(column, kind.type) for column, kind in zip(columns, SPILL)], schema=SPILL)
    order = np.argsort(np.array(post_shards), kind="stable")
    ends = np.cumsum(np.bincount(post_shards, minlength=shards)).tolist()
    # NB: `take` copies; a slice would be written with all that it is a slice of.
    for start, end in zip([0, *ends[:-1]], ends):
        writer.write_batch(posts.take(pa.array(order[start:end])))


def group_shard(log: TaskRun, shard: int, dumps: int, section: LinksSection) -> None:
    """Write links/shard-N.parquet from what phase 1 spilled for it, sorted by id; the posts of a URL from the oldest on.

    A post that is in two dumps counts once, with its higher score. Posts of URLs that fail the karma rule are rejected.
    """
    posts = _read_shard([_spill(log.context, index) for index in range(dumps)], shard)
    with log.table(f"{log.context.directory}/{shard_name(shard)}.parquet", LINK) as table:
        for url, group in _by_url(posts):
            kept = _fold_same(log, url, group)
            scores = [post["score"] for post in kept]
            best, total = max(scores), sum(scores)
            least = section.min_score if section.score_rule == "each" else min(scores)  # of a single post
            passing = [post for post in kept if post["score"] >= least] if reaches_karma(scores, section) else []
            if len(passing) < len(kept):
                detail = f"best {best}, sum {total}; needs {section.min_score} by {section.score_rule}"
                for post in kept:
                    if not passing or post["score"] < least:
                        log.reject(url, post["id"], "karma", f"score {post['score']}, {detail}")
            if passing:
                scores = [post["score"] for post in passing]
                table.write({"id": url_id(url), "url": url, "best_score": best, "score_sum": sum(scores), "posts": passing})
                log.records_out += len(passing)
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


def _fold_same(log: TaskRun, url: str, group: list[Post]) -> list[Post]:
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
