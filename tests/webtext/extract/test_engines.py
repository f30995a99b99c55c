"""The engines: readable text, nothing of the frame, no trace from page to page, no network, no file."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from tests.webtext.extract.pages import article, paragraphs
from webtext.core.config import ExtractSection
from webtext.extract import dom
from webtext.extract.blocks import block_scanner
from webtext.extract.budget import CallFailed, Child, Limits
from webtext.extract.engines import MODULES, blocks_engine, combined, engine, newspaper_engine, trafilatura_engine
from webtext.extract.page import extract_page
from webtext.extract.result import Rejection, Text

URL = "http://example.org/page"
NAMES = sorted(MODULES)

RICH = """<h2>How it was built</h2><p>Some words about the building of it, as an introduction to what follows here.</p>
<ul><li>first the stones</li><li>then the <b>lamp</b> itself</li></ul>
<table><tr><th>Year</th><th>Height</th></tr><tr><td>1820</td><td>40 m</td></tr><tr><td></td><td>42 m</td></tr></table>
<pre><code>def light(hour):
    if hour &gt; 18:
        return True
    return False
</code></pre>"""


@pytest.mark.parametrize("name", NAMES)
def test_the_article_is_found_and_nothing_of_its_frame(name: str) -> None:
    found = engine(name)(article("A lighthouse story", paragraphs(1)), URL)
    lines = [line for line in found.text.split("\n") if line != "A lighthouse story"]
    assert lines == paragraphs(1)
    assert found.title == "A lighthouse story"
    assert found.confidence > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_a_page_without_text_has_none(name: str) -> None:
    for html in ("", " ", "<html></html>", "<html><body><script>var a = 1</script></body></html>"):
        found = engine(name)(html, URL)
        assert (found.text, found.confidence) == ("", 0.0)


@pytest.mark.parametrize("name", ["trafilatura", "blocks", "combined"])
def test_headings_lists_tables_and_code_are_readable(name: str) -> None:
    html = article("A lighthouse story", paragraphs(1)).replace("</article>", RICH + "</article>")
    text = engine(name)(html, URL).text
    assert "\nHow it was built\n" in text
    assert "\n- first the stones\n- then the lamp itself\n" in text
    assert "\nYear | Height\n" in text
    assert "\n1820 | 40 m\n" in text
    assert "\ndef light(hour):\n    if hour > 18:\n        return True\n    return False" in text
    assert "|---" not in text


@pytest.mark.parametrize("name", NAMES)
def test_the_text_of_a_page_does_not_depend_on_those_before_it(name: str) -> None:
    """The same paragraph on every page, as often as a cache of the process would need to take it for boilerplate."""
    common = paragraphs(50, 1)[0]
    pages = [article(f"Story {number}", [*paragraphs(number, 3), common]) for number in range(12)]
    pages += [article("The same", paragraphs(3))] * 4
    extract = engine(name)
    alone = [extract(page, URL) for page in pages]
    again = [extract(page, URL) for page in reversed(pages)][::-1]
    assert alone == again
    assert all(common in found.text for found in alone[:12])


@pytest.mark.parametrize("part", [trafilatura_engine, newspaper_engine])
def test_an_engine_leaves_the_tree_as_it_was(part: object) -> None:
    tree = dom.parse(article("A story", paragraphs(1)).replace("</article>", RICH + "</article>"))
    before = dom.etree.tostring(tree)
    part.from_tree(tree)  # type: ignore[attr-defined]
    assert dom.etree.tostring(tree) == before


def test_combined_asks_trafilatura_about_articles_that_blocks_is_not_sure_of(monkeypatch: pytest.MonkeyPatch) -> None:
    html = article("A story", paragraphs(1))
    monkeypatch.setattr(trafilatura_engine, "from_tree", lambda tree: pytest.fail("asked about a page that is sure"))
    assert combined.extract(html, URL) == blocks_engine.extract(html, URL)
    monkeypatch.undo()

    predict = combined.model.predict
    unsure: dict[str, float] = {"expected": 0.6, "article": 0.9}

    def doubting(page: block_scanner.Page, html: str, path: Path) -> combined.model.Prediction:
        return replace(predict(page, html, path), scores=np.full(len(page.node), 0.45, np.float32), **unsure)  # type: ignore[arg-type]

    monkeypatch.setattr(combined.model, "predict", doubting)
    found = combined.extract(html, URL)
    assert found.engine == "blocks+trafilatura"
    # all blocks are alike to `blocks`: the vote decides
    assert set(found.text.split("\n")) == set(trafilatura_engine.extract(html, URL).text.split("\n"))
    unsure["article"] = 0.1
    assert combined.extract(html, URL).engine == "blocks"


def test_newspaper3k_asks_no_network_and_writes_no_file(tmp_path: Path) -> None:
    """In a fresh process whose temporary directory and home are watched and whose sockets end it, for every family of stop words."""
    program = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise SystemExit('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from webtext.extract.engines.newspaper_engine import extract\n"
        "html = sys.stdin.read()\n"
        "for lang in ('en', 'zh', 'xx', 'de', 'ja', 'ko', 'ar', 'hi'):\n"
        "    print(len(extract(html.replace('LANG', lang), 'http://example.org/').text))\n"
    )
    html = article("A story", paragraphs(1), lang="LANG", head='<meta property="og:image" content="http://example.org/a.png">')
    places = {name: tmp_path / name for name in ("TMPDIR", "HOME")}
    for place in places.values():
        place.mkdir()
    environment = {**os.environ, **{name: str(place) for name, place in places.items()}}
    done = subprocess.run([sys.executable, "-c", program], input=html.encode(), env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert [list(place.iterdir()) for place in places.values()] == [[], []]
    assert all(int(length) > 500 for length in done.stdout.split()[:3])  # where the stop words are English


def test_an_engine_is_deaf_to_the_seed_of_hashes() -> None:
    program = "import sys; from webtext.extract.engines import engine; print(engine('combined')(sys.stdin.read(), ''))"
    html = article("A story", paragraphs(1)).replace("</article>", RICH + "</article>").encode()
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], input=html, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_an_engine_of_ones_own(tmp_path: Path) -> None:
    """A function of HTML and URL: a text, a title with it, nothing, or a mistake that costs one page."""
    code = tmp_path / "my_engine.py"
    code.write_text(
        "def first(html, url):\n"
        "    if 'fail' in url: raise KeyError(url)\n"
        "    return None if 'none' in url else ('Mine', html.split('<p>')[1].split('</p>')[0])\n"
    )
    section = ExtractSection(engine=f"{code}:first")
    body = b"<html><body><p>The keeper wrote down the weather.</p><p>More.</p></body></html>"
    assert extract_page(body, "text/html", "http://a.example/", section) == Text("Mine", "The keeper wrote down the weather.", "first")
    assert extract_page(body, "text/html", "http://a.example/none", section) == Rejection("no-text")
    child = Child("webtext.extract.page:extract_page", Limits(30.0, 4 * 2**30))
    try:
        with pytest.raises(CallFailed, match="KeyError"):
            child.call(body, "text/html", "http://a.example/fail", section)
        assert isinstance(child.call(body, "text/html", "http://a.example/", section), Text)
    finally:
        child.close()
    with pytest.raises(ValidationError, match="not one of combined, blocks"):
        ExtractSection(engine="best")
