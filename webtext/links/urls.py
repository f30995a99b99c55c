"""URLs as browsers read them (WHATWG URL Standard, https://url.spec.whatwg.org), and one spelling for each page.

`parse` is the standard's parser for http and https; `canonical` is what the build knows a page by. `canonical` goes further than the
standard only where two spellings cannot name two pages (RFC 3986 section 6.2.2), and where experience says that they do not (tracking
parameters, AMP viewers): see `canonical`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from webtext.links.host_names import BadUrl, parse_host

__all__ = ["BadScheme", "BadUrl", "Url", "canonical", "parse"]

DEFAULT_PORTS = {"http": 80, "https": 443}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_C0_AND_SPACE = "".join(map(chr, range(0x21)))
_NO_TAB_OR_NEWLINE = str.maketrans("", "", "\t\n\r")
_SINGLE_DOT = {".", "%2e"}
_DOUBLE_DOT = {"..", ".%2e", "%2e.", "%2e%2e"}


class BadScheme(BadUrl):
    """A URL of another scheme than http and https."""


class Url(NamedTuple):
    """A parsed http or https URL. `port` is None where it is the scheme's own; query and fragment are None where there is none."""

    scheme: str
    username: str
    password: str
    host: str
    port: int | None
    path: str
    query: str | None
    fragment: str | None

    @property
    def href(self) -> str:
        """The URL as the standard serialises it."""
        user = self.username + (f":{self.password}" if self.password else "")
        port = "" if self.port is None else f":{self.port}"
        query = "" if self.query is None else f"?{self.query}"
        fragment = "" if self.fragment is None else f"#{self.fragment}"
        return f"{self.scheme}://{user}{'@' if user else ''}{self.host}{port}{self.path}{query}{fragment}"


def _encoder(unsafe: str) -> re.Pattern[bytes]:
    """What a percent-encode set replaces: C0 controls, all beyond ~, and the set's own characters."""
    return re.compile(rb"[\x00-\x1f\x7f-\xff" + re.escape(unsafe.encode()) + rb"]")


_FRAGMENT = _encoder(' "<>`')
_QUERY = _encoder(" \"#<>'")  # the special-query set: http and https
_PATH = _encoder(' "#<>?^`{}')
_USER = _encoder(' "#<>?^`{}/:;=@[\\]|')


def _encode(text: str, unsafe: re.Pattern[bytes]) -> str:
    return unsafe.sub(lambda match: b"%%%02X" % match.group()[0], text.encode()).decode("ascii")


def parse(text: str, base: Url | None = None) -> Url:
    """Parse an http or https URL; a relative one against `base`.

    Raises BadUrl where the standard's parser fails, and for other schemes, which this project does not fetch.

    >>> parse("HTTP://EXAMPLE.org:80/a/../b?q#f").href
    'http://example.org/b?q#f'
    """
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates are replaced, as a browser's strings are when they are made into scalar values
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = text.strip(_C0_AND_SPACE).translate(_NO_TAB_OR_NEWLINE)
    match = _SCHEME.match(text)
    scheme = match.group(1).lower() if match else None
    if match and scheme not in DEFAULT_PORTS:
        raise BadScheme(f"scheme {scheme} is not http or https")
    text = text[match.end() :] if match else text
    text, mark, fragment = text.partition("#")
    encoded = _encode(fragment, _FRAGMENT) if mark else None
    before, mark, query = text.partition("?")
    rest = before.replace("\\", "/") + mark + query
    if scheme is None and base is None:
        raise BadUrl("no scheme")
    if base is not None and scheme in (None, base.scheme) and not rest.startswith("//"):
        return _relative(rest, base, encoded)
    return _absolute(scheme or (base.scheme if base else ""), rest, encoded)


def _absolute(scheme: str, rest: str, fragment: str | None) -> Url:
    match = re.match(r"/*([^/?]*)", rest)
    assert match is not None  # every part may be empty
    authority, rest = match.group(1), rest[match.end() :]
    userinfo, _, address = authority.rpartition("@")
    username, _, password = userinfo.partition(":")
    bracket = address.rfind("]")
    colon = address.find(":", bracket + 1)
    host, port = (address, "") if colon < 0 else (address[:colon], address[colon + 1 :])
    if not host:
        raise BadUrl("no host")
    path, query = _split_query(rest)
    return Url(
        scheme, _encode(username, _USER), _encode(password, _USER), parse_host(host), _port(port, scheme), _path([], path), query, fragment
    )


def _relative(rest: str, base: Url, fragment: str | None) -> Url:
    path, query = _split_query(rest)
    if path.startswith("/"):
        new = base._replace(path=_path([], path), query=query)
    elif path:
        new = base._replace(path=_path(base.path.split("/")[1:-1], path), query=query)
    elif query is not None:
        new = base._replace(query=query)
    else:
        new = base
    return new._replace(fragment=fragment)


def _split_query(rest: str) -> tuple[str, str | None]:
    path, mark, query = rest.partition("?")
    return path, _encode(query, _QUERY) if mark else None


def _port(text: str, scheme: str) -> int | None:
    if not text:
        return None
    digits = text.lstrip("0") or "0"
    if not (text.isascii() and text.isdigit()) or len(digits) > 5 or int(digits) > 65535:
        raise BadUrl(f"port {text[:20]}")
    port = int(digits)
    return None if port == DEFAULT_PORTS[scheme] else port


def _path(before: list[str], path: str) -> str:
    """Append a path to the segments before it, following its dots."""
    segments = list(before)
    parts = path.removeprefix("/").split("/")
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        dots = part.lower()
        if dots in _DOUBLE_DOT:
            del segments[-1:]
            if last:
                segments.append("")
        elif dots in _SINGLE_DOT:
            if last:
                segments.append("")
        else:
            segments.append(_encode(part, _PATH))
    return "/" + "/".join(segments)


# Names of query parameters that say how a visitor came and not what is shown, by who appends them. Held against two maintained lists of
# names that are taken out on every site, AdGuard's URL Tracking filter (github.com/AdguardTeam/AdguardFilters, TrackParamFilter/sections/
# general_url.txt) and ClearURLs' global rules (github.com/ClearURLs/Rules). What they have and this has not is short or of another use
# elsewhere: awc, cuid, clickid, gci, maf, mc, spm, ref, and __s, which sites of universities take for a session (AdGuard's issue 128631).
TRACKING_PREFIXES = ("utm_", "mtm_", "hsa_", "itm_", "bsft_", "fb_action_", "guce_")
TRACKING = frozenset(
    # Google Ads, Analytics, Merchant Center; Microsoft; Meta; X; TikTok; LinkedIn; Pinterest; Reddit; Snapchat; Yandex; Echobox
    "gclid gclsrc dclid gbraid wbraid gad_source gad_campaignid _ga _gl srsltid msclkid fbclid fb_ref fb_source fb_comment_id "
    "action_object_map action_type_map action_ref_map igshid igsh twclid __twitter_impression ref_src ttclid li_fat_id epik rdt_cid sccid "
    "yclid ysclid _openstat echobox "
    # newsletters and marketing suites: Mailchimp, HubSpot, Marketo, Vero, Omeda, MailerLite, Bronto, Klaviyo, Dotdigital, Dynamics, Mindbox
    "mc_cid mc_eid mc_tc _hsenc _hsmi __hstc __hssc __hsfp hsctatracking mkt_tok vero_id vero_conv oly_anon_id oly_enc_id ml_subscriber "
    "ml_subscriber_hash _bta_tid _bta_c _ke _kx dm_i _clde _cldee mindbox-click-id mindbox-message-key "
    # web statistics: Adobe, Coremetrics, WebTrends, Mapp, Cxense, AT Internet, Comscore, Matomo, Branch, Wikimedia, Yahoo
    "s_cid s_kwcid ef_id cm_mmc cmpid wt.mc_id wt.mc_ev wt_mc wt_zmc wtrid cx_click cx_recsorder cx_recswidget xtor at_medium at_campaign "
    "at_custom1 at_custom2 at_custom3 at_custom4 ns_mchannel ns_source ns_campaign ns_linkname ns_fee pk_vid pk_campaign pk_kwd pk_keyword "
    "pk_source pk_medium pk_content piwik_campaign piwik_kwd piwik_keyword _branch_match_id _branch_referrer wprov guccounter soc_src "
    "soc_trk "
    # affiliates: Zanox, Tradedoubler, ShareASale, Impact; click tracking
    "zanpid tduid sscid irclickid irgwc ir_campaignid ir_adid ir_partnerid wickedid rb_clickid".split()
)
# Names that are of another use elsewhere, where the host is known to track with them.
_BBC = frozenset(["ocid"])
TRACKING_ON = {
    "www.nytimes.com": frozenset("smid smtyp smprod partner emc".split()),
    "www.bbc.co.uk": _BBC,
    "www.bbc.com": _BBC,
    "www.linkedin.com": frozenset(["trk"]),
}

# The same path under another host shows the same page, laid out for a telephone.
MOBILE = {
    "mobile.nytimes.com": "www.nytimes.com",
    "m.imdb.com": "www.imdb.com",
    "m.bbc.co.uk": "www.bbc.co.uk",
    "m.bbc.com": "www.bbc.com",
    "amp.theguardian.com": "www.theguardian.com",
    "amp.cnn.com": "www.cnn.com",
}
_WIKIMEDIA = re.compile(r"([a-z-]+)\.m\.(wik(?:ipedia|tionary|inews|ibooks|iquote|isource|iversity|ivoyage))\.org")
_AMP_VIEWER = re.compile(r"/amp/(s/)?([^/]+\..+)")
_AMP_CACHE = re.compile(r"/(?:[cv]|wp)/(s/)?([^/]+\..+)")
_AMP_NAMES = re.compile(r"usqp|amp_\w+")  # parameters that the viewer adds for itself

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


def canonical(url: str) -> str:
    """The one spelling that a page is known by. Raises BadUrl for what is not an http or https URL.

    On top of the WHATWG parser: escapes of unreserved characters are undone and the others are in upper case (RFC 3986 section 6.2.2);
    no user and password, no dot at the end of the host, no empty query, no tracking parameters, no fragment but `#!` (a page of
    its own in its day); the viewers of AMP pages and a few mobile hosts give way to the page that they show. Scheme, `www.` and
    the slash at the end stay as they are: they may name other pages. `canonical(canonical(u)) == canonical(u)`.

    >>> canonical("HTTP://Example.org:80/%7Ea/./b?utm_source=x#top")
    'http://example.org/~a/b'
    """
    shown, mark, fragment = url.partition("#")
    unusual = "xn--" in shown or "/." in shown or (mark and fragment.startswith("!"))
    match = None if unusual else _CLEAN.fullmatch(shown)
    if match is None or is_variant_host(match.group(1)):
        return canonical_slowly(url)
    host, path, query = match.groups()
    if query and may_track(query):
        query = _without_tracking(query, host)
        return shown[: shown.index("?")] + (query and f"?{query}")
    return shown if path else shown + "/"


# A URL is in its canonical form, except for parameters and hosts that have to be looked at, where scheme and host are in lower case, no
# label is Punycode, the top level has letters only (so the host is no number), no segment begins with a dot, and every percent-encoding is
# needed and in upper case. NB: runs of a class with escapes between them; a choice of the two for each character takes three times as long.
_ESCAPED = r"%(?:[0189A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-DF])"  # in upper case, and not of an unreserved character
_PATH_RUN, _QUERY_RUN = r"[A-Za-z0-9._~!$&'()*+,;=:@/-]*", r"[A-Za-z0-9._~!$&()*+,;=:@/?\[\]-]*"
_CLEAN = re.compile(
    r"https?://((?:[a-z0-9_-]+\.)+[a-z]+)"
    rf"(?:(/{_PATH_RUN}(?:{_ESCAPED}{_PATH_RUN})*)(?:\?(?!$)({_QUERY_RUN}(?:{_ESCAPED}{_QUERY_RUN})*))?)?"
)
_MAY_TRACK = re.compile(
    "(?:^|&)(?:"
    + "|".join(map(re.escape, sorted(TRACKING.union(*TRACKING_ON.values()))))
    + "|(?:"
    + "|".join(TRACKING_PREFIXES)
    + ")[^=&]*)(?:[=&]|$)",
    re.IGNORECASE,
)
_VARIANT_HOSTS = frozenset(MOBILE) | {"google.com", "www.google.com"}


def is_variant_host(host: str) -> bool:
    """Whether `canonical` may give another host for this one."""
    return host in _VARIANT_HOSTS or ".m." in host or host.endswith(".ampproject.org")


def may_track(query: str) -> bool:
    """Whether `canonical` may take parameters out of the query of a URL. True also for some that it leaves."""
    return _MAY_TRACK.search(query) is not None


def canonical_slowly(url: str) -> str:
    """What `canonical` does, by the book."""
    parsed = parse(url)
    host = _desktop(parsed.host.removesuffix("."))
    if "" in host.split("."):
        raise BadUrl(f"empty label in host {parsed.host[:100]}")
    path = _ESCAPE.sub(_normal_escape, parsed.path)
    query = None if parsed.query is None else _without_tracking(_ESCAPE.sub(_normal_escape, parsed.query), host)
    fragment = _ESCAPE.sub(_normal_escape, parsed.fragment or "")
    clean = Url(parsed.scheme, "", "", host, parsed.port, path, query or None, fragment if fragment.startswith("!") else None)
    return _shown_in_viewer(clean) or clean.href


def _normal_escape(match: re.Match[str]) -> str:
    character = chr(int(match.group(1), 16))
    return character if _UNRESERVED.fullmatch(character) else match.group().upper()


def _without_tracking(query: str, host: str) -> str:
    own = TRACKING_ON.get(host, frozenset())
    return "&".join(part for part in query.split("&") if not _tracks(part.partition("=")[0].lower(), own))


def _tracks(name: str, own: frozenset[str]) -> bool:
    return name in TRACKING or name in own or name.startswith(TRACKING_PREFIXES)


def _desktop(host: str) -> str:
    wikimedia = _WIKIMEDIA.fullmatch(host)
    return f"{wikimedia.group(1)}.{wikimedia.group(2)}.org" if wikimedia else MOBILE.get(host, host)


def _shown_in_viewer(url: Url) -> str | None:
    """The page behind Google's AMP viewer or an AMP cache, whose paths name it (documented by the AMP project)."""
    if url.host in ("www.google.com", "google.com"):
        match = _AMP_VIEWER.fullmatch(url.path)
    elif url.host.endswith(".ampproject.org"):
        match = _AMP_CACHE.fullmatch(url.path)
    else:
        match = None
    if match is None:
        return None
    query = "&".join(part for part in (url.query or "").split("&") if not _AMP_NAMES.fullmatch(part.partition("=")[0]))
    try:
        return canonical_slowly(f"{'https' if match.group(1) else 'http'}://{match.group(2)}?{query}")
    except BadUrl:
        return None
