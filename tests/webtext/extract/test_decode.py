"""Encodings and kinds of content: the WHATWG's order, and text that comes back whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from webtext.extract.decode import ENCODINGS, WINDOWS, decode, encoding_of, kind_of

FRENCH = "Les élèves ont fêté Noël à la plage, où l’été dure « toujours ». " * 3
RUSSIAN = "Смотритель маяка записывал погоду каждое утро перед завтраком, и никто не знал зачем. " * 4
JAPANESE = "灯台守は毎朝朝食の前に天気を書き留めた。村の誰もその理由を知らなかった。" * 4


POLISH = "Latarnik codziennie rano zapisywał pogodę przed śniadaniem, a nikt we wsi nie wiedział, dlaczego to robił już wcześniej. " * 3
CZECH = "Strážce majáku si každé ráno před snídaní zapisoval počasí a nikdo ve vsi nevěděl, proč to dělá, ani když šel spát. " * 3
GERMAN = "Der Leuchtturmwärter schrieb jeden Morgen vor dem Frühstück das Wetter auf, und niemand wußte, weshalb er es tat. " * 3


def page(text: str, head: str = "") -> str:
    return f"<html><head>{head}<title>x</title></head><body><p>{text}</p></body></html>"


@pytest.mark.parametrize(
    ("text", "encoding", "head", "content_type"),
    [
        (FRENCH, "cp1252", "", "text/html; charset=ISO-8859-1"),
        (FRENCH, "cp1252", '<meta charset="latin1">', "text/html"),
        (FRENCH, "cp1252", "", "text/html; charset=us-ascii"),
        (FRENCH, "utf-8", "", None),
        (FRENCH, "utf-8", "", "text/html; charset=iso-8859-1"),  # the server's default, and wrong
        (FRENCH, "utf-8", '<meta charset="utf-16">', None),  # the standard: it could not have been read
        (RUSSIAN, "koi8-r", "", 'text/html; charset="koi8-r"'),
        (RUSSIAN, "cp1251", '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">', None),
        (RUSSIAN, "cp1251", '<meta charset="koi8-r">', "text/html; charset=windows-1251"),  # the header comes first
        (RUSSIAN, "cp1251", "", None),
        (RUSSIAN, "utf-8", "", "text/html; charset=utf-7"),
        (JAPANESE, "cp932", '<meta charset="shift_jis">', None),
        (JAPANESE, "euc_jp", "", "text/html; charset=EUC-JP"),
        (JAPANESE, "iso2022_jp", '<meta charset="iso-2022-jp">', None),
        (JAPANESE, "cp932", "", None),
        (JAPANESE, "gb18030", "", "text/html; charset=gb2312"),
        (FRENCH, "utf-16-le", "", "text/html; charset=utf-16"),
        (FRENCH, "utf-16-be", "", None),
        (FRENCH, "utf-16-be", "", "text/html; charset=utf-16"),
        (RUSSIAN, "utf-16-le", "", "text/html; charset=utf-16le"),
        (RUSSIAN, "utf-16-be", "", "text/html; charset=UTF-16BE"),
        (RUSSIAN, "utf-8", "", "text/html; charset=utf-16"),  # it is not
        (JAPANESE, "euc_jp", "", None),
        (JAPANESE, "iso2022_jp", "", None),
        (JAPANESE, "iso2022_jp", "", "text/html"),
        (POLISH, "iso8859-2", "", None),
        (POLISH, "cp1250", "", None),
        (CZECH, "iso8859-2", "", None),
        (CZECH, "cp1250", "", None),
        (FRENCH.replace("’", "'"), "cp1252", "", None),
        (GERMAN, "cp1252", "", None),
    ],
)
def test_a_page_is_read_in_its_encoding(text: str, encoding: str, head: str, content_type: str | None) -> None:
    html = page(text, head)
    assert decode(html.encode(encoding), content_type) == (html, encoding)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_comes_before_every_label(encoding: str) -> None:
    html = page(FRENCH)
    assert decode(html.encode(encoding), "text/html; charset=koi8-r")[0] == html


def test_stray_bytes_of_windows_on_a_utf8_page_are_read_as_such() -> None:
    body = page(FRENCH).encode() + b"<p>It\x92s \x93here\x94</p>"
    assert decode(body, "text/html; charset=utf-8") == (page(FRENCH) + "<p>It’s “here”</p>", "utf-8")


@pytest.mark.parametrize("content_type", [None, "text/html; charset=utf-8"])
@pytest.mark.parametrize("text", [FRENCH, RUSSIAN, JAPANESE, GERMAN, "naïve"])
@pytest.mark.parametrize("wrong", [b"\xff", b"\x80", b"\xc3", b"\xe9"])
@pytest.mark.parametrize("place", [0, 3, 5])
def test_one_wrong_byte_leaves_the_rest_as_it_is(text: str, content_type: str | None, wrong: bytes, place: int) -> None:
    before, after = text[:place], text[place:]
    found, encoding = decode(page(f"{before}|{after}").encode().replace(b"|", wrong), content_type)
    assert encoding == "utf-8"
    assert found in {page(f"{before}{character}{after}") for character in ("\ufffd", wrong.decode("cp1252", "replace"))}
    assert "\ufffd" in found or (before[-1:] + after[:1]).isascii()


def test_utf16_without_a_type_is_markup_by_its_mark() -> None:
    assert kind_of(page(FRENCH).encode("utf-16"), None) == "html"
    assert kind_of("plain words".encode("utf-16"), None) == "text"


def test_a_page_that_was_cut_in_the_middle_of_a_character_is_utf8() -> None:
    body = page(RUSSIAN).encode()[:-40]
    cut = body[: body.rindex("з".encode()) + 1]
    text, encoding = decode(cut, None)
    assert encoding == "utf-8"
    assert text[:-1] == cut[:-1].decode()


def test_a_page_said_to_be_utf8_that_is_not_is_guessed() -> None:
    html = page(RUSSIAN)
    assert decode(html.encode("cp1251"), "text/html; charset=utf-8") == (html, "cp1251")


@pytest.mark.parametrize("label", ["unicode_escape", "idna", "punycode", "hex", "rot13", "utf-7", "no-such-thing"])
def test_a_page_cannot_choose_a_codec_that_is_no_encoding_of_the_web(label: str) -> None:
    html = page("plain \\u0041 text +ADw-b+AD4-")
    assert decode(html.encode(), f"text/html; charset={label}")[0] == html


def test_nul_is_dropped() -> None:
    assert decode(b"<p>be\x00fore</p>")[0] == "<p>before</p>"


@given(st.binary(max_size=300), st.sampled_from([None, "text/html", *(f"text/html; charset={name}" for name in sorted(ENCODINGS))]))
def test_no_body_makes_it_fail(body: bytes, content_type: str | None) -> None:
    text, encoding = decode(body, content_type)
    assert encoding in ENCODINGS or encoding.startswith("utf-32")
    text.encode("utf-8")  # no lone surrogates
    assert decode(body, content_type) == (text, encoding)


BYTES = st.lists(st.one_of(st.text(max_size=5).map(lambda text: text.encode("utf-8", "ignore")), st.binary(max_size=3)), max_size=8).map(
    b"".join
)
LABELS = st.sampled_from([None, "text/html", *(f"text/html; charset={name}" for name in sorted(ENCODINGS))])


@given(BYTES, LABELS)
def test_utf8_is_known_without_its_labels(body: bytes, content_type: str | None) -> None:
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        body = b"<p>" + body
    encoding = encoding_of(body, content_type)
    slow = body.decode(encoding, WINDOWS if encoding in ("utf-8", "cp1252") else "replace").replace("\x00", "")
    assert decode(body, content_type) == (slow, encoding)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=200))
def test_utf8_comes_back_whole(text: str) -> None:
    assert decode(b"\xef\xbb\xbf" + text.encode(), None)[0] == text
    if any(character > "\x7f" for character in text) and not text.startswith(("\ufeff", "\ufffe")):
        assert decode(text.encode(), "text/html; charset=iso-8859-1")[0] == text


@pytest.mark.parametrize(
    ("body", "content_type", "kind"),
    [
        (b"<!DOCTYPE html><p>x", "text/html; charset=utf-8", "html"),
        (b"<p>just a fragment", "text/html", "html"),
        (b"no markup at all", "TEXT/HTML", "html"),
        (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">', "application/xhtml+xml", "html"),
        (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">', "application/xml", "html"),
        (b'<?xml version="1.0"?><rss version="2.0">', "text/xml", "text/xml"),
        (b"plain words", "text/plain", "text"),
        (b"a text about <p> and <div>", "text/plain", "text"),
        (b"<html><body>served wrongly", "text/plain", "html"),
        (b"<html><body>served without a type", None, "html"),
        (b"words without a type", None, "text"),
        (b"\x00\x01\x02\x03 what is this", None, "binary"),
        (b"%PDF-1.7", "text/html", "pdf"),
        (b"\n%PDF-1.7", None, "pdf"),
        (b"whatever", "application/pdf", "pdf"),
        (b"PK\x03\x04", "text/html", "zip"),
        (b"GIF89a", "text/html", "gif"),
        (b"{}", "application/json; charset=utf-8", "application/json"),
        (b"...", "image/webp", "image/webp"),
    ],
)
def test_what_a_body_is(body: bytes, content_type: str | None, kind: str) -> None:
    assert kind_of(body, content_type) == kind


def test_real_pages_of_many_encodings(data_dir: Path) -> None:
    """trafilatura's pages, as they were served: nearly none may lose a character."""
    encodings: dict[str, int] = {}
    lost = total = 0
    with open(data_dir / "web" / "trafilatura-eval.warc.gz", "rb") as file:
        for record in ArchiveIterator(file):
            if record.rec_type == "response":
                total += 1
                text, encoding = decode(record.content_stream().read(), record.http_headers.get_header("Content-Type"))
                encodings[encoding] = encodings.get(encoding, 0) + 1
                lost += "\ufffd" in text
    assert total == 990
    assert lost <= 4
    assert encodings["utf-8"] >= 960
    assert {"cp1252", "iso8859-2", "gb18030", "cp1250"} <= set(encodings)
