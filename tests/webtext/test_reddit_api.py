"""Listings through PRAW itself, from a server on loopback that answers as Reddit's API does."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.webtext.test_links import run
from webtext import reddit_api
from webtext.config import LinksSection
from webtext.dumps import read_blocks
from webtext.errors import UsageError, WebtextError
from webtext.reddit_api import Listing, download


class Reddit(ThreadingHTTPServer):
    """Holds the posts of listings, newest first, and what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posts: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[str] = []
        self.agents: set[str] = set()
        self.refuse: list[int] = []  # statuses for the next listings
        self.remaining = 500.0


class Handler(BaseHTTPRequestHandler):
    server: Reddit

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, value: Any, status: int = 200, **headers: str) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if "Basic" not in self.headers["Authorization"]:
            return self.answer({"error": 401}, 401)
        return self.answer({"access_token": "t", "token_type": "bearer", "expires_in": 86400, "scope": "*"})

    def do_GET(self) -> None:
        self.server.agents.add(self.headers["User-Agent"])
        self.server.asked.append(self.path)
        if self.server.refuse:
            return self.answer({"message": "refused"}, self.server.refuse.pop(0), retry_after="0")
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        key = url.path.strip("/") + (f"/{query['t']}" if "t" in query else "")
        if key not in self.server.posts:
            return self.answer({"message": "Not Found", "error": 404}, 404)
        posts = self.server.posts[key]
        start = next((place + 1 for place, post in enumerate(posts) if f"t3_{post['id']}" == query.get("after")), 0)
        page = posts[start : start + min(100, int(query["limit"]))]
        after = f"t3_{page[-1]['id']}" if start + len(page) < len(posts) else None
        children = [{"kind": "t3", "data": {"name": f"t3_{post['id']}", "author": "someone", **post}} for post in page]
        self.server.remaining -= 1
        return self.answer(
            {"kind": "Listing", "data": {"after": after, "before": None, "dist": len(page), "modhash": "", "children": children}},
            x_ratelimit_remaining=str(self.server.remaining),
            x_ratelimit_used="1",
            x_ratelimit_reset="0",
        )


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No name is looked up but the server's, and no praw.ini is read but the test's: a mistake here must not reach Reddit."""
    look_up = socket.getaddrinfo

    def guarded(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != "127.0.0.1":
            raise OSError(f"{host} is not the server of the test")
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", guarded)
    for name in list(os.environ):
        if name.lower().startswith("praw_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr("praw.config.Config.CONFIG", None)  # NB: PRAW reads its files once a process
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PRAW_ALLOW_ENDPOINT_OVERRIDE", "1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def reddit(tmp_path: Path) -> Iterator[Reddit]:
    server = Reddit()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    place = f"http://127.0.0.1:{server.server_port}"
    (tmp_path / "praw.ini").write_text(f"[DEFAULT]\nreddit_url={place}\noauth_url={place}\nclient_id=id\nclient_secret=secret\n")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def post(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"p{number}",
        "url": f"http://a{number}.example/",
        "title": f"Post {number}",
        "score": 5,
        "created_utc": 1483228800.0 + number,
        "over_18": False,
        "is_self": False,
        "selftext": "",
        "subreddit": "Test",
        "subreddit_id": "t5_x",
        "permalink": f"/r/Test/comments/p{number}/",
        "num_comments": 1,
        **fields,
    }


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in b"".join(read_blocks(path)).splitlines()]


def test_all_pages_of_a_listing(reddit: Reddit, tmp_path: Path) -> None:
    reddit.posts["r/Test/new"] = [post(number) for number in range(250)]
    told: list[tuple[str, int]] = []
    paths = download([Listing("Test", "new")], tmp_path / "dumps", "webtext tests", progress=lambda name, posts: told.append((name, posts)))
    assert paths == [tmp_path / "dumps/test-new.ndjson.zst"]
    found = lines(paths[0])
    assert [line["id"] for line in found] == sorted(f"p{number}" for number in range(250))
    assert told == [("test-new", 100), ("test-new", 200), ("test-new", 250)]
    assert len(reddit.asked) == 3
    assert all("webtext tests" in agent for agent in reddit.agents)
    assert {key for line in found for key in line} == {*post(0), "subreddit", "selftext"} - {"subreddit_id"}
    assert b"someone" not in b"".join(read_blocks(paths[0]))  # no authors


def test_the_same_table_comes_out(reddit: Reddit, tmp_path: Path) -> None:
    reddit.posts["r/Test/top/year"] = [
        post(1),
        post(2, url="http://a1.example/?utm_source=x", score=1),
        post(3, is_self=True, selftext="long words", url="http://www.reddit.com/r/Test/comments/p3/"),
        post(4, removed_by_category="moderator"),
        post(5, selftext="[deleted]"),
        post(6, url="/r/Test/", url_overridden_by_dest="http://b.example/"),
        post(7, over_18=True),
    ]
    paths = download([Listing.parse("r/Test/top/year")], tmp_path / "dumps", "webtext tests")
    assert "t=year" in reddit.asked[0]
    stage = run(tmp_path / "build", paths, LinksSection())
    assert {link["url"]: [entry["id"] for entry in link["posts"]] for link in stage.links} == {
        "http://a1.example/": ["p1", "p2"],
        "http://b.example/": ["p6"],
    }
    assert stage.reasons == {"deleted": 1, "over-18": 1, "removed": 1, "self-post": 1}
    assert stage.links[0]["posts"][0]["subreddit"] == "Test"


def test_real_posts_come_out_as_from_their_dump(reddit: Reddit, tmp_path: Path, data_dir: Path) -> None:
    dump = data_dir / "reddit/submissions_2020-2022.ndjson.zst"
    reddit.posts["r/Test/hot"] = [real for real in lines(dump) if real["url"]][:300]
    section = LinksSection.model_validate({"before": "2100-01-01"})
    paths = download([Listing("Test", "hot")], tmp_path / "dumps", "webtext tests")
    names = {real["id"] for real in reddit.posts["r/Test/hot"]}
    whole = run(tmp_path / "dump", [dump], section)
    live = run(tmp_path / "api", paths, section)
    assert live.records_in == len(names)
    reason = {row["id"]: (row["url"], row["reason"], row["detail"]) for row in whole.rejected if row["reason"] != "karma"}
    assert {row["id"]: (row["url"], row["reason"], row["detail"]) for row in live.rejected if row["reason"] != "karma"} == {
        name: reason[name] for name in names & set(reason)
    }


def test_it_goes_on_where_it_was(reddit: Reddit, tmp_path: Path) -> None:
    reddit.posts["r/One/new"] = [post(1)]
    listings = [Listing("One", "new"), Listing("Two", "new")]
    with pytest.raises(WebtextError, match=r"r/two-new: .*404.*is the subreddit there"):
        download(listings, tmp_path / "dumps", "webtext tests")
    assert sorted(path.name for path in (tmp_path / "dumps").iterdir()) == ["one-new.ndjson.zst"]
    reddit.posts["r/Two/new"] = [post(2)]
    reddit.asked.clear()
    paths = download(listings, tmp_path / "dumps", "webtext tests")
    assert [urlsplit(path).path for path in reddit.asked] == ["/r/Two/new"]
    assert [[line["id"] for line in lines(path)] for path in paths] == [["p1"], ["p2"]]
    reddit.asked.clear()
    assert download(listings, tmp_path / "dumps", "webtext tests") == paths
    assert reddit.asked == []


def test_asked_too_often(reddit: Reddit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reddit.posts["r/Test/new"] = [post(1)]
    monkeypatch.setattr(reddit_api, "_WAIT", 0.01)
    reddit.refuse = [429, 429]
    assert len(lines(download([Listing("Test", "new")], tmp_path / "one", "webtext tests")[0])) == 1
    assert len(reddit.asked) == 3
    reddit.refuse = [429] * 9
    with pytest.raises(WebtextError, match=r"r/test-new: Reddit answers that it is asked too often; try again in some minutes"):
        download([Listing("Test", "new")], tmp_path / "two", "webtext tests")
    assert list(tmp_path.glob("two/*")) == []


def test_the_rate_that_is_granted_is_kept(reddit: Reddit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("prawcore.rate_limit.time.sleep", slept.append)
    reddit.posts["r/Test/new"] = [post(number) for number in range(150)]
    reddit.remaining = 1.0  # the first answer grants no further request before the window ends
    download([Listing("Test", "new")], tmp_path, "webtext tests")
    assert [round(seconds, 1) for seconds in slept if seconds > 0.5] == [1.0]


def test_without_credentials(tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match=r"Reddit: .*client_id.*Set praw_client_id and praw_client_secret or write a praw\.ini"):
        download([Listing("Test", "new")], tmp_path, "webtext tests")
    with pytest.raises(WebtextError, match=r"Reddit: .*praw\.ini"):
        download([Listing("Test", "new")], tmp_path, "webtext tests", site="nowhere")


@pytest.mark.parametrize("text", ["", "test", "test/best", "test/top", "test/top/decade", "test/new/day", "a b/new", "x/new", "../new"])
def test_not_a_listing(text: str) -> None:
    with pytest.raises(UsageError, match="not a listing; write SUBREDDIT/new"):
        Listing.parse(text)


def test_names_of_listings() -> None:
    assert [Listing.parse(text).name for text in ("Test/new", "r/test/hot", "test/top/all")] == ["test-new", "test-hot", "test-top-all"]
