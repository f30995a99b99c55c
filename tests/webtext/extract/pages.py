"""Pages for the tests, and the pages/ and links/ of a build made of them."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from webtext.core.hashing import url_id
from webtext.core.records import LEDGER, LINK
from webtext.core.tables import writing_table

SENTENCES = (
    "The lighthouse keeper wrote down the weather every morning before he had his breakfast.",
    "Nobody in the village remembered who had built the old stone bridge across the river.",
    "A good cook will tell you that the order in which things go into the pot matters.",
    "When the winter came early that year, the ships had to wait in the harbour until March.",
    "She had learned to read from the labels of seed packets and from her uncle's almanac.",
    "There is no simple answer to the question of why the bees left their hives in autumn.",
    "Engineers measured the depth of the lake with a rope and a stone, and later with sound.",
    "Every letter that arrived was opened, read aloud at the table, and answered the same evening.",
)


def paragraphs(first: int, count: int = 6) -> list[str]:
    """English paragraphs, different for each `first`."""
    return [
        " ".join(SENTENCES[(first * 3 + 5 * index + step) % len(SENTENCES)] for step in range(3)) + f" That was the matter {first}.{index}."
        for index in range(count)
    ]


def article(title: str, texts: list[str], *, head: str = "", lang: str = "en") -> str:
    """A page as sites make them: the article between navigation, side bar and footer."""
    body = "\n".join(f"<p>{text}</p>" for text in texts)
    links = "".join(f'<li><a href="/section/{index}">Section {index}</a></li>' for index in range(8))
    return (
        f'<!DOCTYPE html><html lang="{lang}"><head><title>{title} | The Daily Example</title>{head}</head><body>'
        f'<div class="nav"><ul>{links}</ul></div><div id="main"><article><h1>{title}</h1>{body}</article></div>'
        f'<div class="sidebar"><h3>Most read</h3><ul>{links}</ul></div>'
        "<footer>Copyright 2016 The Daily Example. All rights reserved. <a href='/privacy'>Privacy policy</a></footer></body></html>"
    )


@dataclass
class Response:
    """A page to put into a build. `posts` are (subreddit, score, created_utc)."""

    url: str
    body: bytes
    content_type: str | None = "text/html; charset=utf-8"
    error: str | None = None
    posts: list[tuple[str, int, int]] = field(default_factory=list)


def write_pages(build: Path, shard: int, responses: list[Response], *, links: bool = True) -> None:
    """Write pages/ (a WARC and its ledger) and links/ of one shard."""
    name = f"shard-{shard:05d}"
    warc = build / "pages" / f"{name}-000.warc.gz"
    warc.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    with open(warc, "wb") as file:
        writer = WARCWriter(file, gzip=True)
        for response in responses:
            row = dict.fromkeys(LEDGER.names) | {
                "id": url_id(response.url),
                "url": response.url,
                "final_url": response.url,
                "error": response.error,
                "attempts": 1,
                "redirects": [],
                "truncated": False,
            }
            if response.error is None:
                headers = [("Content-Type", response.content_type)] if response.content_type is not None else []
                record = writer.create_warc_record(
                    response.url,
                    "response",
                    payload=io.BytesIO(response.body),
                    http_headers=StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1"),
                )
                offset = file.tell()
                writer.write_record(record)
                row |= {"status": 200, "bytes": len(response.body), "content_type": response.content_type}
                row |= {"warc": warc.name, "offset": offset, "length": file.tell() - offset}
            rows.append(row)
    with writing_table(build / "pages" / "ledger" / f"{name}.parquet", LEDGER) as table:
        for row in rows:
            table.write(row)
    if links:
        with writing_table(build / "links" / f"{name}.parquet", LINK) as table:
            for response in responses:
                table.write(link(response))


def link(response: Response) -> dict[str, Any]:
    scores = [score for _, score, _ in response.posts]
    return {
        "id": url_id(response.url),
        "url": response.url,
        "best_score": max(scores, default=0),
        "score_sum": sum(scores),
        "posts": [
            {"id": f"t3_{index}", "subreddit": subreddit, "score": score, "created_utc": created, "over_18": False, "title": "A post"}
            for index, (subreddit, score, created) in enumerate(sorted(response.posts, key=lambda post: post[2]))
        ],
    }
