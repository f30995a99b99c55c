"""A server on loopback that answers as Reddit's API does, for PRAW itself to talk to."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Reddit(ThreadingHTTPServer):
    """Holds the posts of listings, newest first, and what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posts: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[str] = []
        self.agents: set[str] = set()
        self.refuse: list[int] = []  # statuses for the next listings; 0: none
        self.unknown: set[str] = set()  # posts after which nothing is found any more
        self.client = "id"
        self.remaining = 500.0
        self.stall_after: int | None = None  # requests after which no answer comes until `released`
        self.stalled, self.released = threading.Event(), threading.Event()

    @property
    def praw_ini(self) -> str:
        """The configuration that leads PRAW here."""
        place = f"http://127.0.0.1:{self.server_port}"
        return f"[DEFAULT]\nreddit_url={place}\noauth_url={place}\nclient_id=id\nclient_secret=secret\n"


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
        if base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")) != f"{self.server.client}:secret".encode():
            return self.answer({"error": 401}, 401)
        return self.answer({"access_token": "t", "token_type": "bearer", "expires_in": 86400, "scope": "*"})

    def do_GET(self) -> None:
        self.server.agents.add(self.headers["User-Agent"])
        self.server.asked.append(self.path)
        if self.server.stall_after is not None and len(self.server.asked) > self.server.stall_after:
            self.server.stalled.set()
            self.server.released.wait(60)
        if self.server.refuse and (status := self.server.refuse.pop(0)):
            return self.answer({"message": "refused"}, status, retry_after="0")
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        key = url.path.strip("/") + (f"/{query['t']}" if "t" in query else "")
        if key not in self.server.posts:
            return self.answer({"message": "Not Found", "error": 404}, 404)
        posts = self.server.posts[key]
        start = next((place + 1 for place, post in enumerate(posts) if f"t3_{post['id']}" == query.get("after")), 0)
        start = len(posts) if query.get("after") in self.server.unknown else start
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


@contextmanager
def serving() -> Iterator[Reddit]:
    server = Reddit()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
