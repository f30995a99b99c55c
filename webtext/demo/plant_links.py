"""Planted cases that end in the stage `links`, or that it must bring together: karma, kinds of posts, hosts, spellings of a URL."""

from __future__ import annotations

from webtext.demo.builder import Builder, sentence
from webtext.demo.sites import COURIER

BLOCKED_SUBREDDIT = "shoutingmatches"
SELF_TEXT = "I have been wondering about this for weeks. My own loop is slow & I do not know why. What do you all use?"


def plant_links(builder: Builder) -> None:
    _karma(builder)
    _kinds(builder)
    _hosts(builder)
    _spellings(builder)


def _page(builder: Builder, path: str) -> tuple[str, str]:
    """A page with a text of its own: its URL, and a sentence of it."""
    article = builder.take()
    return builder.article(COURIER, path, article), sentence(article)


def _karma(builder: Builder) -> None:
    url, text = _page(builder, "/tech/three-is-enough.html")
    builder.post(url, 3, "2015-05-05")
    builder.case("karma-at-three", url, "its one post has just 3", text=text, posts=1)

    url, _ = _page(builder, "/tech/nobody-cared.html")
    builder.post(url, 2, "2016-02-03")
    builder.case("karma-below", url, "its one post has 2")

    url, _ = _page(builder, "/tech/nobody-cared-three-times.html")
    for score, day in ((2, "2015-01-20"), (1, "2015-06-11"), (2, "2016-09-02")):
        builder.post(url, score, day)
    builder.case("karma-only-in-sum", url, "three posts with 5 in all, none with 3", posts=3)

    url, text = _page(builder, "/tech/third-time-lucky.html")
    for score, day in ((0, "2014-03-20"), (1, "2014-06-11"), (57, "2015-01-02")):
        builder.post(url, score, day)
    builder.case("karma-one-of-many", url, "the third post has 57", text=text, posts=3)


def _kinds(builder: Builder) -> None:
    builder.post(
        "http://www.reddit.com/",
        25,
        "2016-05-06",
        title="Why is my loop so slow?",
        subreddit="learnprogramming",
        is_self=True,
        selftext=SELF_TEXT,
    )
    builder.case("self-post", "", "asks a question and links to nothing: its URL is its own page on Reddit")

    for name, path, how, note in (
        ("promoted", "/business/chairs.html", {"promoted": True}, "an advertisement"),
        ("removed", "/sport/removed.html", {"selftext": "[removed]"}, "removed by a moderator"),
        ("deleted", "/sport/deleted.html", {"selftext": "[deleted]"}, "deleted by its author"),
    ):
        url, _ = _page(builder, path)
        builder.post(url, 77, "2017-04-01", **how)
        builder.case(name, url, note)
    builder.case("broken-line", "", "a line of the dump that is cut: no URL is known of it")

    url, _ = _page(builder, "/life/strictly-for-adults.html")
    builder.post(url, 300, "2016-08-08", over_18=True)
    builder.case("over-18", url, "marked as not safe for work")

    url, _ = _page(builder, "/tech/news-from-the-future.html")
    builder.post(url, 900, "2018-01-02")
    builder.case("too-new", url, "posted after December 2017")

    url, _ = _page(builder, "/politics/louder.html")
    builder.post(url, 41, "2017-02-14", subreddit=BLOCKED_SUBREDDIT)
    builder.case("blocked-subreddit", url, f"[links] block_subreddits has r/{BLOCKED_SUBREDDIT}")

    for name, url, note in (
        ("not-a-url", "http://", "a URL without a host"),
        ("other-scheme", "ftp://ftp.ruins.example/pub/README", "neither http nor https"),
    ):
        builder.post(url, 12, "2013-04-05")
        builder.case(name, url, note)


def _hosts(builder: Builder) -> None:
    for name, url, note in (
        ("reddit", "https://www.reddit.com/r/Python/comments/2a3b4c/an_older_thread/", "a thread on Reddit"),
        ("picture-host", "http://i.imgur.com/a1B2c3D.jpg", "a picture"),
        ("video-host", "https://www.youtube.com/watch?v=a1B2c3D4e5F", "a video"),
        ("social-network", "https://twitter.com/example/status/123456789", "a tweet"),
        ("wikipedia", "https://en.wikipedia.org/wiki/Off-by-one_error", "Wikipedia"),
        ("wikipedia-mirror", "https://www.wikiwand.com/en/Off-by-one_error", "a mirror of Wikipedia"),
        (
            "wikipedia-cache",
            "http://webcache.googleusercontent.com/search?q=cache:en.wikipedia.org/wiki/Fencepost_error",
            "Google's copy of Wikipedia",
        ),
        ("picture-file", "http://www.oddities.example/images/cabinet.png", "a picture on a host that has pages"),
        ("pdf-file", "http://www.oddities.example/papers/catalogue.pdf", "a PDF by its name"),
    ):
        builder.planted(name, url, note)
    builder.post("https://de.m.wikipedia.org/wiki/Zaunpfahlfehler", 45, "2017-02-02")
    builder.case(
        "wikipedia-mobile", "https://de.wikipedia.org/wiki/Zaunpfahlfehler", "Wikipedia in German, posted in its form for telephones"
    )


def _spellings(builder: Builder) -> None:
    url, text = _page(builder, "/tech/posted-everywhere.html")
    for score, day, ending in (
        (4, "2014-10-01", ""),
        (2, "2014-10-02", "?utm_source=reddit.com&utm_medium=social&utm_campaign=autumn"),
        (61, "2015-01-15", "?fbclid=IwAR0a1b2c3d4e5f"),
        (1, "2016-07-20", "#comments"),
        (9, "2017-03-03", "?utm_source=newsletter&gclid=Cj0KEQiA#top"),
    ):
        builder.post(url + ending, score, day)
    builder.case("tracking-parameters", url, "five posts with different tracking parameters and fragments", text=text, posts=5)

    url, text = _page(builder, "/tech/spelt-in-many-ways.html")
    for score, day, spelt in (
        (7, "2014-10-01", url),
        (3, "2014-11-01", "http://WWW.Well-Linked.EXAMPLE/tech/spelt-in-many-ways.html"),
        (5, "2014-12-01", "http://www.well-linked.example:80/tech/./spelt-in-many-ways.html"),
        (6, "2015-12-01", "HTTP://www.well-linked.example/life/../tech/spelt%2Din%2Dmany-ways.html"),
    ):
        builder.post(spelt, score, day)
    builder.case("spellings", url, "upper case, a default port, dot segments, needless escapes", text=text, posts=4)

    url, text = _page(builder, "/story?id=1066&page=1")
    builder.post(url, 17, "2013-06-07")
    builder.case("escaped-query", url, "the dump has & as &amp;", text=text, posts=1)
