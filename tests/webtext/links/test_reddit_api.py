"""Listings through PRAW itself, from a server on loopback that answers as Reddit's API does."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.webtext.links.reddit_server import Reddit, post, serving
from tests.webtext.links.test_phases import run
from webtext.core.compression import read_blocks
from webtext.core.config import LinksSection
from webtext.core.errors import UsageError, WebtextError
from webtext.links import reddit_api
from webtext.links.listings import Listing
from webtext.links.reddit_api import JOURNAL, USER_AGENT, download


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
    with serving() as server:
        (tmp_path / "praw.ini").write_text(server.praw_ini)
        yield server


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in b"".join(read_blocks(path)).splitlines()]


def test_all_pages_of_a_listing(reddit: Reddit, tmp_path: Path) -> None:
    reddit.posts["r/Test/new"] = [post(number) for number in range(250)]
    told: list[tuple[str, int]] = []
    paths = download([Listing("Test", "new")], tmp_path / "dumps", progress=lambda listing, posts: told.append((listing.name, posts)))
    assert paths == [tmp_path / "dumps/test-new.ndjson.zst"]
    found = lines(paths[0])
    assert [line["id"] for line in found] == sorted(f"p{number}" for number in range(250))
    assert told == [("test-new", 100), ("test-new", 200), ("test-new", 250)]
    assert len(reddit.asked) == 3
    assert all(agent.startswith(f"{USER_AGENT} PRAW/") for agent in reddit.agents)
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
    paths = download([Listing.parse("r/Test/top/year")], tmp_path / "dumps")
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
    paths = download([Listing("Test", "hot")], tmp_path / "dumps")
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
        download(listings, tmp_path / "dumps")
    assert sorted(path.name for path in (tmp_path / "dumps").iterdir()) == ["one-new.ndjson.zst", "two-new.ndjson.journal"]
    reddit.posts["r/Two/new"] = [post(2)]
    reddit.asked.clear()
    paths = download(listings, tmp_path / "dumps")
    assert [urlsplit(path).path for path in reddit.asked] == ["/r/Two/new"]
    assert [[line["id"] for line in lines(path)] for path in paths] == [["p1"], ["p2"]]
    reddit.asked.clear()
    assert download(listings, tmp_path / "dumps") == paths
    assert reddit.asked == []


def test_asked_too_often(reddit: Reddit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reddit.posts["r/Test/new"] = [post(1)]
    monkeypatch.setattr(reddit_api, "_WAIT", 0.01)
    reddit.refuse = [429, 429]
    assert len(lines(download([Listing("Test", "new")], tmp_path / "one")[0])) == 1
    assert len(reddit.asked) == 3
    reddit.refuse = [429] * 9
    with pytest.raises(WebtextError, match=r"r/test-new: Reddit answers that it is asked too often; wait some minutes and run"):
        download([Listing("Test", "new")], tmp_path / "two")
    assert [path.name for path in tmp_path.glob("two/*")] == ["test-new.ndjson.journal"]


def test_an_interrupted_listing_goes_on_after_its_last_page(reddit: Reddit, tmp_path: Path) -> None:
    reddit.posts["r/Test/new"] = [post(number) for number in range(350)]
    reddit.refuse = [0, 0, 403]
    with pytest.raises(WebtextError, match=r"r/test-new: .*403.*is the subreddit there and public"):
        download([Listing("Test", "new")], tmp_path)
    assert [path.name for path in tmp_path.glob("test-new*")] == ["test-new.ndjson.journal"]
    journal = tmp_path / f"test-new.ndjson{JOURNAL}"
    journal.write_bytes(journal.read_bytes()[:-3])  # the line that a killed process was writing
    reddit.asked.clear()
    reddit.posts["r/Test/new"].insert(0, post(1000))  # posted since: not of this listing
    found = lines(download([Listing("Test", "new")], tmp_path)[0])
    assert [parse_qs(urlsplit(path).query).get("after") for path in reddit.asked] == [["t3_p198"], ["t3_p298"]]
    assert [line["id"] for line in found] == sorted(f"p{number}" for number in range(350))
    assert not journal.exists()


def test_a_listing_whose_last_post_is_gone_is_asked_from_its_start(reddit: Reddit, tmp_path: Path) -> None:
    reddit.posts["r/Test/new"] = [post(number) for number in range(150)]
    reddit.refuse = [0, 403]
    with pytest.raises(WebtextError, match="403"):
        download([Listing("Test", "new")], tmp_path)
    del reddit.posts["r/Test/new"][99]
    reddit.unknown = {"t3_p99"}
    reddit.asked.clear()
    found = lines(download([Listing("Test", "new")], tmp_path)[0])
    assert [parse_qs(urlsplit(path).query).get("after") for path in reddit.asked] == [["t3_p99"], None, ["t3_p100"]]
    assert [line["id"] for line in found] == sorted(f"p{number}" for number in range(150))


def test_too_often_in_the_middle(reddit: Reddit, tmp_path: Path) -> None:
    reddit.posts["r/Test/new"] = [post(number) for number in range(250)]
    reddit.refuse = [0, 429]
    assert len(lines(download([Listing("Test", "new")], tmp_path)[0])) == 250
    assert [parse_qs(urlsplit(path).query).get("after") for path in reddit.asked] == [None, ["t3_p99"], ["t3_p99"], ["t3_p199"]]


def test_the_rate_that_is_granted_is_kept(reddit: Reddit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    # Its clock stands still: on a busy machine a part of the wait passes before it is asked for.
    monkeypatch.setattr("prawcore.rate_limit.time", SimpleNamespace(monotonic_ns=lambda: 10**18, sleep=slept.append))
    reddit.posts["r/Test/new"] = [post(number) for number in range(150)]
    reddit.remaining = 1.0  # the first answer grants no further request before the window ends
    download([Listing("Test", "new")], tmp_path)
    assert [round(seconds, 1) for seconds in slept if seconds > 0.5] == [1.0]


def test_without_credentials(tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match=r"Reddit: .*client_id.*Set praw_client_id and praw_client_secret or write a praw\.ini"):
        download([Listing("Test", "new")], tmp_path)
    with pytest.raises(WebtextError, match=r"Reddit: .*praw\.ini"):
        download([Listing("Test", "new")], tmp_path, site="nowhere")


def test_false_credentials(reddit: Reddit, tmp_path: Path) -> None:
    reddit.client = "another"
    with pytest.raises(WebtextError, match=r"Reddit refuses the credentials \(.*401.*\); check praw_client_id and praw_client_secret"):
        download([Listing("Test", "new")], tmp_path)


def test_credentials_and_agent_of_a_section_and_of_the_environment(reddit: Reddit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reddit.posts["r/Test/new"] = [post(1)]
    reddit.client = "mine"
    with open(tmp_path / "praw.ini", "a") as file:
        file.write("[mine]\nclient_id=mine\nuser_agent=script by u/me\n")
    assert len(lines(download([Listing("Test", "new")], tmp_path / "one", site="mine")[0])) == 1
    assert [agent[:14] for agent in reddit.agents] == ["script by u/me"]
    reddit.client = "environment"
    monkeypatch.setenv("praw_client_id", "environment")
    assert len(lines(download([Listing("Test", "new")], tmp_path / "two")[0])) == 1


def test_reddit_is_away(reddit: Reddit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prawcore.sessions.time.sleep", lambda seconds: None)
    reddit.refuse = [503] * 9
    with pytest.raises(WebtextError, match=r"r/test-new: Reddit is not to be reached \(.*503.*\); run the same command again to go on"):
        download([Listing("Test", "new")], tmp_path)


@pytest.mark.parametrize("text", ["", "test/best", "test/top", "test/top/decade", "test/new/day", "a b/new", "x/new", "../new"])
def test_not_a_listing(text: str) -> None:
    with pytest.raises(UsageError, match="not a listing; write SUBREDDIT, SUBREDDIT/new"):
        Listing.parse(text)


def test_names_of_listings() -> None:
    names = [Listing.parse(text).name for text in ("Test", "Test/new", "r/test/hot", "test/top/all")]
    assert names == ["test-new", "test-new", "test-hot", "test-top-all"]
