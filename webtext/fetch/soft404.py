"""Soft 404s: answers with status 200 that stand for a page that is gone, by rules on the answer and, in doubt, on a probe of its host.

Certain are: a redirect from a page to a front page or to an error page; a page without text; a short page whose title or heading, or whose
first sentences, say that there is nothing; a parked domain, and what a server or a provider shows in place of a site. In doubt the host
is asked for a path that nobody can have made: where that gives the same as the page, the page is none (Bar-Yossef et al., WWW 2004).

A page about such pages is not one: what it says of itself is read where such pages say it, and only short pages are judged by it.
"""

from __future__ import annotations

import hashlib
import html
import re
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

SHORT = 1500  # characters of text that an error page has at most; those of Debian's and the demo's pages have up to 900
FIRST = 400  # characters at the beginning in which a page says that it is an error
ALIKE = 0.9  # share of words (Jaccard) in common with the probe's answer above which a page is the same
REFRESH = 10  # seconds; a page that stays longer is to be read
LOOKED_AT = 65536  # bytes of a page

# Hosts whose paths lead to other sites, also to their front pages.
SHORTENERS = frozenset(
    "amzn.to bit.ly bitly.com buff.ly cutt.ly dlvr.it fb.me feedproxy.google.com goo.gl is.gd j.mp lnkd.in nyti.ms ow.ly po.st rb.gy "
    "redd.it rebrand.ly shar.es t.co t.ly tiny.cc tinyurl.com tmblr.co trib.al v.gd wapo.st wp.me youtu.be".split()
)
_FRONT = re.compile(r"/?(?:[a-z]{2}(?:[-_][a-z]{2,4})?/?)?(?:(?:index|default|home|main)(?:\.\w{2,5})?/?)?", re.IGNORECASE)
_ERROR_PATH = re.compile(
    r"(?:^|[/_.-])(?:(?:error|err)?[_-]?404|(?:page|file)?[_-]?not[_-]?found|page[_-]?missing|suspendedpage)(?:[/_.?-]|$)", re.IGNORECASE
)
_THING = (
    r"(?:the |this |that |your )?(?:requested )?(?:web ?)?"
    r"(?:page|site|website|document|article|file|url|content|story|resource|post|link|item|address)"
)
_GONE = (
    r"(?:(?:was|is|were|could|can|does|do|has|have|may|might|cannot|can['’]?t|couldn['’]?t|wasn['’]?t|isn['’]?t|doesn['’]?t|no)\b"
    r"[\w ,'’/]{0,50}?)?"
    r"(?:not (?:be )?found|not exist|n['’]t exist|n['’]t (?:be )?found|no longer (?:available|exists?|here|active|online)|not available|"
    r"unavailable|been (?:re)?moved|been deleted|been removed|moved or deleted|gone|missing|expired)"
)
_TITLE = re.compile(
    r"(?:http )?(?:error|status)?:? ?(?:404|410)(?: ?[-:!.]? ?(?:error|page|file|not found|gone|page not found|error page))?[!.]*|"
    rf"{_THING} {_GONE}[!.]*|(?:error: )?(?:page |file )?not found[!.]*|page missing|"
    r"nothing (?:was )?found(?: here)?|no such page|oops[!.]*|"
    r"(?:sorry|oops),? .{0,40}(?:not found|n['’]t (?:find|exist)|nothing here).{0,20}|"
    r"(?:die )?seite (?:wurde )?nicht gefunden|fehler 404|page (?:introuvable|non trouv\w+)|p[áa]gina no encontrada|pagina non trovata|"
    r"p[áa]gina n[ãa]o encontrada|pagina niet gevonden|страница не найдена|nie znaleziono strony|sidan hittades inte|"
    r"ページが見つかりません.{0,3}|(?:404 )?页面(?:不存在|未找到)|"
    r"site not found.{0,30}|account suspended|website (?:expired|suspended)|domain (?:expired|suspended|default page)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    rf"\b{_THING}(?: (?:that )?(?:you(?:['’]re| are|['’]ve| have)?|we)[\w ']{{1,40}})? {_GONE}|"
    r"\b(?:we|i)(?:['’]re| are)?(?: sorry,?)?(?: but)?(?: we)? "
    r"(?:can['’]?t|cannot|couldn['’]?t|could not|were unable to|did not|didn['’]t) (?:seem to )?find (?:the|that|this|what|a|any)\b|"
    r"\b(?:error|http) 404\b|\b404 (?:error|not found)\b|there(?:['’]s| is) nothing here|"
    r"seite (?:wurde |konnte )?(?:leider )?nicht gefunden|existiert nicht(?: mehr)?|"
    r"page (?:demandée )?(?:est |n['’]est |n['’]existe )?(?:introuvable|plus disponible|pas)|"
    r"no (?:se ha podido encontrar|existe)|la pagina (?:richiesta )?non|не найдена|не существует",
    re.IGNORECASE,
)
_PARKED = re.compile(
    r"(?:buy|purchase|acquire|own|get) this domain|domain(?: name)?(?: [\w.-]{3,40})? (?:is|may be|might be|could be) (?:\w+ )?"
    r"(?:for sale|parked)|this (?:web ?page|domain|site)(?: name)? is (?:\w+ ){0,3}parked|"
    r"domain (?:name )?(?:has|is|was)(?: just)? (?:been )?(?:expired|registered|parked|suspended)|domain (?:has )?expired|"
    r"(?:inquire|enquire|make an offer|offers?) (?:about|on|for) this domain|(?:the|this) domain owner (?:maintains|has not)|"
    r"(?:sedo|parkingcrew|bodis|afternic|hugedomains)(?:\.com)? (?:domain )?parking|parked (?:free|courtesy|by|domain)|sponsored listings|"
    r"(?:this )?account has been suspended|website (?:is )?(?:coming soon|under construction)|future home of|renew (?:this|your) domain|"
    r"welcome to nginx|apache\d? (?:\w+ )?(?:default|test) page|default (?:web ?)?(?:site|page)(?: for this| of)?|^it works!$|"
    r"iis windows server|there isn['’]?t a github pages site here|no such (?:app|bucket)|"
    r"domain (?:steht zum verkauf|ist geparkt|zu verkaufen)|dominio en venta|domaine (?:est )?(?:à vendre|en vente)|"
    r"diese domain (?:wurde|steht)",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"\b(?:404|not found|n['’]t exist|no longer (?:available|exists)|does not exist|has been removed|for sale)\b", re.IGNORECASE
)

# NB: what is not closed goes on to the end, as in browsers; that also keeps the search linear.
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style|noscript|template|svg|title)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_TITLE_TAG = re.compile(r"<title[^<>]{0,200}>([^<]{0,1000})", re.IGNORECASE)
_HEADING = re.compile(r"<h[12]\b[^<>]{0,500}>(.{0,500}?)</h[12]", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_PARTS = re.compile(r" [-|–—·•»«:/]+ |[|»«·]|: ")
_META = re.compile(r"<meta\b[^<>]{0,2000}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([a-z-]{1,40})\s?=\s?("[^"]{0,2000}"|'[^']{0,2000}'|[^\s"'>]{1,2000})""", re.IGNORECASE)
_URL = re.compile(r"""([\d.]{1,9}) ?[;,]? ?(?:url ?= ?)?["']?([^"'>]{0,2000})""", re.IGNORECASE)
_SHOWS = re.compile(r"<(?:img|script|iframe|frame|object|embed|video|svg|canvas|form)\b", re.IGNORECASE)


class Shown(NamedTuple):
    """What a page shows: parts of its title, its headings, its text, and whether there is more than text."""

    titles: list[str]
    headings: list[str]
    text: str
    more: bool


class Probe(NamedTuple):
    """What a host answers for a path that nobody has made: the status, where a redirect leads, the words of a page."""

    status: int
    target: str
    words: frozenset[str]


def shown(start: bytes) -> Shown:
    """What is read off the first bytes of a page."""
    source = start[:LOOKED_AT].decode("utf-8", "replace")
    title = _TITLE_TAG.search(source)
    titles = [_plain(part) for part in _PARTS.split(_plain(title[1]))] if title else []
    body = _HIDDEN.sub(" ", source)
    more = len(start) > LOOKED_AT or _SHOWS.search(source) is not None
    return Shown(titles, [_plain(found) for found in _HEADING.findall(body)], _plain(body), more)


def _plain(markup: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", markup)).split())


def refresh_target(url: str, start: bytes) -> str | None:
    """Where a meta refresh soon leads (WHATWG HTML 4.2.5.3); None where there is none, or it loads the page itself again."""
    source = _HIDDEN.sub(" ", start[:LOOKED_AT].decode("utf-8", "replace"))
    for tag in _META.findall(source):
        attributes = {name.lower(): html.unescape(value.strip("\"'")) for name, value in _ATTRIBUTE.findall(tag)}
        match = (
            _URL.match(" ".join(attributes.get("content", "").split())) if attributes.get("http-equiv", "").lower() == "refresh" else None
        )
        if match and match[2] and float(match[1].split(".")[0] or 0) <= REFRESH:
            target = match[2].strip()
            return None if urljoin(url, target).partition("#")[0] == url.partition("#")[0] else target
    return None


def certain(page: Shown) -> str:
    """Why a page by itself is a soft 404; empty where it does not say so."""
    if not page.text:
        return "" if page.more or any(page.titles) else "empty"
    if len(page.text) > SHORT:
        return ""
    if any(_TITLE.fullmatch(part) for part in [*page.titles, *page.headings] if part):
        return "says that it is not there"
    first = page.text[:FIRST]
    if _PARKED.search(" ".join(page.titles)) or _PARKED.search(first):
        return "parked"
    return "says that it is not there" if _SENTENCE.search(first) else ""


def misdirected(asked: str, final: str) -> str:
    """Why a redirect from a page is none to the page; empty where it may be."""
    start, end = urlsplit(asked), urlsplit(final)
    if asked == final or (_FRONT.fullmatch(start.path) and not start.query):
        return ""
    if _ERROR_PATH.search(end.path) and not _ERROR_PATH.search(start.path):
        return "redirected to an error page"
    host, other = (start.hostname or "").removeprefix("www."), (end.hostname or "").removeprefix("www.")
    segments = {part.lower() for part in start.path.split("/")}
    if end.query or end.fragment or not _FRONT.fullmatch(end.path) or host in SHORTENERS or other.split(".")[0] in segments:
        return ""  # the last: /name of a host moved to name.host
    return "redirected to a front page" if host == other else "redirected to another front page"


def in_doubt(asked: str, final: str, page: Shown) -> bool:
    """Whether the host should be probed for a page that is not certain."""
    moved = urlsplit(asked).path.rstrip("/").rpartition("/")[2] != urlsplit(final).path.rstrip("/").rpartition("/")[2]
    return moved or not page.text or _WEAK.search(" ".join([*page.titles, *page.headings[:2], page.text[:FIRST]])) is not None


def probe_url(origin: str) -> str:
    """A path that nobody can have made, always the same one of a host."""
    return f"{origin}/{hashlib.sha256(f'webtext soft 404 {origin}'.encode()).hexdigest()[:24]}"


def words(page: Shown) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", " ".join([*page.titles, page.text]).lower()))


def as_the_probe(final: str, page: Shown, probe: Probe) -> str:
    """Why a page is what its host answers to anything; empty where it is not."""
    if probe.target:
        return "redirected as every path is" if probe.target == final else ""
    own = words(page)
    same = probe.status == 200 and len(own & probe.words) >= ALIKE * len(own | probe.words)
    return "the same as any other path" if same else ""
