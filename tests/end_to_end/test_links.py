"""`webtext links` as a command: subreddits of the live API, and its report."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.commands import ROOT, line_of, webtext
from tests.webtext.links.reddit_server import Reddit, post, serving
from webtext.core.tables import read_table


@pytest.fixture
def reddit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reddit]:
    """The server, with a praw.ini that leads there for the processes that the test starts."""
    for name in list(os.environ):
        if name.lower().startswith("praw_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    with serving() as server:
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "praw.ini").write_text(server.praw_ini)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
        yield server


def written(path: Path, text: str) -> Path:
    path.write_text(f"[build]\nshards = 3\n[run]\nworkers = 1\n[links]\n{text}\n")
    return path


def urls(build: Path) -> set[str]:
    return {row["url"] for path in build.glob("links/shard-*.parquet") for row in read_table(path)}


def test_subreddits_go_through_the_same_table(tmp_path: Path, reddit: Reddit) -> None:
    reddit.posts["r/Test/new"] = [post(number) for number in range(250)]
    reddit.posts["r/Other/top/year"] = [post(300), post(301, score=1), post(2)]
    config, build = written(tmp_path / "c.toml", "min_score = 3"), tmp_path / "build"
    links = ["links", config, "--out", build, "--subreddits", "Test", "--subreddits", "r/Other/top/year"]
    reddit.refuse = [0, 0, 404]
    failed = webtext(*links, status=1).stderr
    assert "r/test-new: received 404 HTTP response; is the subreddit there and public?" in failed
    first = len(reddit.asked)
    webtext(*links)
    assert "after=t3_p199" in reddit.asked[first]
    assert urls(build) == {f"http://a{number}.example/" for number in [*range(250), 300]}
    assert sorted(path.name for path in (build / "reddit").iterdir()) == ["other-top-year.ndjson.zst", "test-new.ndjson.zst"]
    asked = len(reddit.asked)
    assert "up to date" in webtext(*links).stdout
    webtext(*links, "--min-score", 6)  # another rule, judged on the posts that are here
    assert urls(build) == set()
    assert len(reddit.asked) == asked


def test_killed_while_it_asks(tmp_path: Path, reddit: Reddit) -> None:
    reddit.posts["r/Test/new"] = [post(number) for number in range(300)]
    config, build = written(tmp_path / "c.toml", 'subreddits = ["Test"]'), tmp_path / "build"
    reddit.stall_after = 2
    line = line_of("links", config, "--out", build)
    running = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert reddit.stalled.wait(60)
    running.kill()
    running.wait()
    reddit.stall_after = None
    reddit.released.set()
    reddit.asked.clear()
    webtext("links", config, "--out", build)
    assert len(urls(build)) == 300
    assert "after=t3_p199" in reddit.asked[0]
    assert len(reddit.asked) == 1


def test_mistakes_of_listings(tmp_path: Path, reddit: Reddit) -> None:
    config = written(tmp_path / "c.toml", 'subreddits = ["Test/best"]')
    assert "Test/best: not a listing; write SUBREDDIT" in webtext("links", config, "--out", tmp_path / "build", status=2).stderr
    (tmp_path / "home" / "praw.ini").write_text("")
    config = written(tmp_path / "c.toml", 'subreddits = ["Test"]')
    failed = webtext("links", config, "--out", tmp_path / "other", status=1).stderr
    assert "Set praw_client_id and praw_client_secret or write a praw.ini" in failed


def test_report(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = written(tmp_path / "c.toml", f'dumps = ["{data_dir}/reddit/RS_2005-0*.zst"]')
    monkeypatch.setenv("WEBTEXT_DATA", str(tmp_path))
    shown = webtext("links", config, "--out", tmp_path / "build", "--report").stdout
    assert re.search(r"karma +336 +28\.43% +189 +35\.13% +123", shown)
    assert "1,182 posts of 538 domains, of which 833 links stay" in shown
    assert "No list of OpenAI's domains to compare with: give --domains FILE" in shown
    listed = data_dir / "gpt2/webtext_domains.txt"
    shown = webtext("links", config, "--out", tmp_path / "build", "--report", "--domains", listed).stdout
    assert re.search(r"OpenAI's list: 85 of its 999 domains stay; links here and there: rank correlation 0\.4\d\d", shown)
    assert "the built-in host list takes 0.0% of the list's links" in shown
    assert "--domains is for --report" in webtext("links", config, "--out", tmp_path / "build", "--domains", listed, status=2).stderr
