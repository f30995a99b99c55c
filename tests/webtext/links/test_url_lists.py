"""Links that are no Reddit dump, and the small faults of dumps."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.webtext.links.test_phases import Stage, post, run
from webtext.core.compression import read_blocks
from webtext.core.config import LinksSection
from webtext.core.errors import WebtextError
from webtext.links.submissions import OVER_18, read_submission

URLS = ["http://a.example/1", "http://b.example/2?x=1", "https://c.example/"]
ROWS = [
    {"url": URLS[0], "score": 9, "created": "2016-05-01", "title": "One"},
    {"url": URLS[1], "score": 2, "created": "2016-05-01T00:00:00Z", "title": "Two"},
    {"url": URLS[2], "score": 5, "created": 1546300800, "title": "Three"},  # of 2019
]


def listed(tmp_path: Path, name: str, content: bytes | str, **options: Any) -> Stage:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return run(tmp_path / "build", [path], LinksSection(**options))


@pytest.mark.parametrize("name", ["urls.txt", "RS_2011.bz2.deduped.txt", "urls", "urls.csv", "urls.jsonl", "urls.parquet", "urls.txt.zst"])
def test_urls_alone_suffice(tmp_path: Path, name: str) -> None:
    text = "# three of them\r\n\r\n" + "\r\n".join(URLS)
    content: bytes | str = text
    if name.endswith(".csv"):
        content = "url\n" + "\n".join(URLS)
    elif name.endswith(".jsonl"):
        content = "\n".join(json.dumps({"url": url}) for url in URLS)
    elif name.endswith(".zst"):
        content = zstandard.compress(text.encode())
    elif name.endswith(".parquet"):
        pq.write_table(pa.table({"url": URLS}), tmp_path / "source")
        content = (tmp_path / "source").read_bytes()
    stage = listed(tmp_path, name, content)
    assert stage.urls == set(URLS)
    assert (stage.records_in, stage.rejected) == (3, [])
    posts = [entry for link in stage.links for entry in link["posts"]]
    assert {(entry["score"], entry["created_utc"]) for entry in posts} == {(3, None)}


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json", "parquet"])
def test_scores_times_and_titles_are_used(tmp_path: Path, kind: str) -> None:
    if kind in ("csv", "tsv"):
        mark = "," if kind == "csv" else "\t"
        content: bytes | str = "\ufeff" + "\n".join(mark.join(map(str, row)) for row in [list(ROWS[0]), *(row.values() for row in ROWS)])
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist([{**row, "created": str(row["created"])} for row in ROWS]), tmp_path / "source")
        content = (tmp_path / "source").read_bytes()
    else:
        content = json.dumps(ROWS) if kind == "json" else "\n".join(map(json.dumps, ROWS))
    stage = listed(tmp_path, f"links.{kind}", content)
    assert [(link["url"], link["best_score"], link["posts"][0]["title"]) for link in stage.links] == [(URLS[0], 9, "One")]
    assert stage.links[0]["posts"][0]["created_utc"] == 1462060800
    assert stage.reasons == {"karma": 1, "too-new": 1}


def test_a_url_twice_in_lists_counts_once(tmp_path: Path) -> None:
    stage = listed(tmp_path, "urls.txt", f"{URLS[0]}\n{URLS[0]}\n", score_rule="sum", min_score=4)
    assert [(link["url"], link["score_sum"]) for link in stage.links] == [(URLS[0], 4)]
    assert stage.reasons == {"same-post": 1}


def test_hacker_news(tmp_path: Path) -> None:
    item = {"by": "someone", "descendants": 71, "id": 8863, "score": 104, "time": 1175714200, "title": "T", "type": "story", "url": URLS[0]}
    others = [
        {**item, "id": 1, "url": URLS[1], "dead": True},
        {**item, "id": 2, "type": "comment", "url": None, "text": "hello"},
        {"objectID": "3", "created_at_i": 1175714200, "points": 1, "title": "U", "url": URLS[2]},
    ]
    stage = listed(tmp_path, "hn.ndjson", "\n".join(map(json.dumps, [item, *others])))
    (link,) = stage.links
    assert (link["url"], link["posts"][0]) == (
        URLS[0],
        {"id": "hn-8863", "subreddit": "", "score": 104, "created_utc": 1175714200, "over_18": False, "title": "T"},
    )
    assert {row["id"]: row["reason"] for row in stage.rejected} == {"hn-1": "removed", "hn-2": "self-post", "hn-3": "karma"}


def test_lists_of_other_rebuilds(tmp_path: Path) -> None:
    row = {"text": "words", "meta": {"url": URLS[0], "reddit_scores": [2, 7]}}
    stage = listed(tmp_path, "owt2.jsonl", json.dumps(row))
    assert [(link["url"], link["best_score"]) for link in stage.links] == [(URLS[0], 7)]


def test_what_is_wrong_in_a_list_is_told(tmp_path: Path) -> None:
    rows = [*ROWS[:1] * 3, {"url": URLS[1], "score": "many"}, {"url": URLS[2], "created": "soon"}, {"title": "no URL"}]
    stage = listed(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)), max_broken=0.5)
    details = [row["detail"] for row in stage.rejected if row["reason"] == "broken-line"]
    assert details == ["a.jsonl line 4: no score", "a.jsonl line 5: no created_utc", "a.jsonl line 6: no id"]


def test_a_byte_order_mark_loses_no_line(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "cases/fetch/bom.ndjson"
    assert run(tmp_path / "dump", [path]).urls == {"http://one.example.com/a"}
    assert listed(tmp_path, "urls.txt", "\ufeff" + URLS[0]).urls == {URLS[0]}


CASES = {"nul_block": 2, "null_fields_2022": 2, "w3lib_91_131": 9}


@pytest.mark.parametrize("name", CASES)
def test_inputs_that_broke_a_run(data_dir: Path, tmp_path: Path, name: str) -> None:
    stage = run(tmp_path, [data_dir / f"cases/fetch/{name}.ndjson"])
    assert len(stage.urls) >= CASES[name]
    assert "broken-line" not in stage.reasons


@pytest.mark.parametrize(
    ("line", "title"),
    [
        (b'{"title": "a \\ud83d b", "x": 1}', "a \ufffd b"),
        (b'{"title": "a", "likes": NaN, "y": -Infinity}', "a"),
        (b'{"title": "a", "media": {"text": "\\udc00"}}', "a"),
    ],
)
def test_what_strict_parsers_refuse(line: bytes, title: str) -> None:
    fields = json.dumps(post("p", URLS[0])).encode()
    found = read_submission(fields.replace(b'"title": "Post p"', line[1:-1]))
    assert (found.url, found.title) == (URLS[0], title)


@pytest.mark.parametrize(("value", "flags"), [(1, OVER_18), ("true", OVER_18), ("1", OVER_18), (0, 0), ("false", 0), (None, 0), ("", 0)])
def test_over_18_in_any_form(value: object, flags: int) -> None:
    assert read_submission(json.dumps(post("p", URLS[0], over_18=value)).encode()).flags == flags


def test_one_broken_line_of_a_small_dump_is_named_and_passed_over(tmp_path: Path) -> None:
    lines = [json.dumps(post("p", URLS[0])), "{broken", json.dumps(post("q", URLS[1]))]
    stage = listed(tmp_path, "RS.ndjson", "\n".join(lines) + "\n")
    assert (stage.urls, stage.reasons) == ({URLS[0], URLS[1]}, {"broken-line": 1})
    with pytest.raises(WebtextError, match="1 of 3 lines are broken"):
        listed(tmp_path / "build", "RS.ndjson", "\n".join(lines) + "\n", max_broken=0)
    with pytest.raises(WebtextError, match="1 of 1 lines are broken"):
        listed(tmp_path / "build", "all.ndjson", "{broken\n")


def test_xz_with_padding_and_lzma(tmp_path: Path) -> None:
    text = (json.dumps(post("p", URLS[0])) + "\n").encode() * 1000
    ways = {
        "a.xz": lzma.compress(text),
        "padded.xz": lzma.compress(text) + bytes(4),
        "between.xz": lzma.compress(text[: len(text) // 2]) + bytes(8) + lzma.compress(text[len(text) // 2 :]) + bytes(65536),
        "a.lzma": lzma.compress(text, lzma.FORMAT_ALONE),
        "named.xz": lzma.compress(text, lzma.FORMAT_ALONE),
    }
    for name, data in ways.items():
        (tmp_path / name).write_bytes(data)
        assert b"".join(read_blocks(tmp_path / name)) == text, name
        (tmp_path / name).write_bytes(data.rstrip(b"\0")[:-20])
        with pytest.raises(WebtextError, match=r"the file is cut|damaged"):
            list(read_blocks(tmp_path / name))
