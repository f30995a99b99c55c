"""Pages whose text is only in their data, and those where it is not."""

from __future__ import annotations

import json

import pytest

import webtext
from tests.webtext.extract.pages import SENTENCES
from webtext.core.config import ExtractSection
from webtext.extract.page import extract_page
from webtext.extract.result import Rejection, Text

ARTICLE = "\n".join(SENTENCES[:4])
SHELL = '<title>A story</title><div id="__next"></div><noscript>You need to enable JavaScript to run this app.</noscript>'


def json_ld(data: object, kind: str = 'type="application/ld+json"') -> str:
    return f"<script {kind}>{json.dumps(data)}</script>"


NEXT = json_ld({"props": {"pageProps": {"title": "A story", "body": "".join(f"<p>{x}</p>" for x in SENTENCES[:4])}}}, 'id="__NEXT_DATA__"')


@pytest.mark.parametrize(
    ("data", "engine"),
    [
        (json_ld({"@type": "NewsArticle", "headline": "A story", "articleBody": ARTICLE}), "json-ld"),
        (json_ld([{"@graph": [{"name": "x"}, {"headline": "A story", "articleBody": ARTICLE}]}]), "json-ld"),
        (NEXT, "next-data"),
        (NEXT + json_ld({"headline": "A story", "articleBody": ARTICLE}), "json-ld"),
        ("<script type='application/ld+json'>{not json</script>" + NEXT, "next-data"),
    ],
)
def test_text_that_is_only_in_the_data(data: str, engine: str) -> None:
    html = f"<html><body>{SHELL}{data}</body></html>"
    assert extract_page(html.encode(), "text/html", "", ExtractSection()) == Text("A story", ARTICLE, engine)
    page = webtext.extract(html)
    assert (page.text, page.engine) == (ARTICLE, engine)


def test_a_document_with_text_is_read_from_its_elements() -> None:
    shown = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES[4:9])
    data = json_ld({"articleBody": ARTICLE})
    for html in (f"<article>{shown}</article>{data}", f"<nav>{shown}</nav>{data}"):
        found = extract_page(f"<html><body>{html}</body></html>".encode(), "text/html", "", ExtractSection())
        assert isinstance(found, Rejection) or found.extractor.startswith("blocks")


@pytest.mark.parametrize("data", [json_ld({"@type": "WebSite", "name": "A site"}), json_ld({"a": ["id", 3, None]}, "id=__NEXT_DATA__"), ""])
def test_data_without_an_article_are_no_text(data: str) -> None:
    html = f"<html><body>{SHELL}{data}</body></html>"
    found = extract_page(html.encode(), "text/html", "", ExtractSection())
    assert isinstance(found, Rejection) or not found.extractor.startswith(("json", "next"))
