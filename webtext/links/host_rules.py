"""Hosts whose pages are rejected, and why: no text of their own, Reddit itself, Wikipedia.

The list is short on purpose. OpenAI published the 1,000 domains that WebText has most pages of (data/gpt2/webtext_domains.txt), and a
rebuild that blocks one of them is no rebuild: a test holds this list against it. What is blocked is absent there although Reddit links to
it more often than to most that are there. That file gives names without top level, so flickr.com is blocked and flic.kr is not.
"""

from __future__ import annotations

import re

from webtext.links.host_patterns import parse_hosts

REDDIT = frozenset("reddit.com redd.it redditmedia.com reddituploads.com redditstatic.com".split())

MEDIA = frozenset(
    # pictures
    "imgur.com flickr.com staticflickr.com deviantart.com deviantart.net minus.com min.us quickmeme.com qkme.me memegenerator.net "
    "livememe.com imgflip.com imageshack.us imageshack.com tinypic.com photobucket.com twitpic.com yfrog.com puu.sh gyazo.com "
    "500px.com smugmug.com panoramio.com instagram.com instagr.am cdninstagram.com giphy.com gfycat.com gifsound.com gifsoup.com "
    "gifbin.com reactiongifs.com kym-cdn.com twimg.com fbcdn.net upload.wikimedia.org commons.wikimedia.org lightshot.com "
    "pixiv.net "
    # films
    "youtube.com youtu.be youtube-nocookie.com ytimg.com vimeo.com dailymotion.com dai.ly liveleak.com streamable.com vine.co "
    "wimp.com pornhub.com xvideos.com xhamster.com redtube.com "
    # sound
    "soundcloud.com snd.sc bandcamp.com open.spotify.com play.spotify.com spoti.fi".split()
)

# Posts and profiles of social networks: short texts behind scripts or a login.
SOCIAL = frozenset("twitter.com x.com facebook.com fb.com fb.me tumblr.com discord.gg".split())

# Wikipedia under its own names, and sites that hold nothing but copies of it. Held against two lists of copies that others keep, the uBlock
# filter for copies in search engines (github.com/quenhus/uBlock-Origin-dev-filter, data/wikipedia_copycats.txt) and the sites that the
# simulator of searchers simIIR leaves out. Sites of theirs that have text of their own
# beside the copies are not here (answers.com, algebra.com, conservapedia.com, alchetron.com): copies of articles go by their text.
# NB: wikia, wiktionary and the other wikis of the Wikimedia Foundation are in WebText and stay.
WIKIPEDIA = frozenset(
    "wikipedia.org wikipedia.com wikipedia.net wikipedia.tel enwp.org wikipedia-on-ipfs.org wikipedia.beta.wmflabs.org "
    "schools-wikipedia.org "
    # readers and copies in English
    "wikiwand.com wikivisually.com wikimili.com wiki2.org wiki2.net wiki2.info wikizero.com wapedia.mobi thereaderwiki.com wikibrief.org "
    "second.wiki gaz.wiki findatwiki.com thefullwiki.org gpedia.com theinfolist.com everything.explained.today explained.today "
    "absoluteastronomy.com en-academic.com enacademic.com en.academic.ru encyclopedia.thefreedictionary.com worldheritage.org "
    "taggedwiki.zubiaga.org dbpedia.org "
    # translated by machine, or of another language
    "linkfang.org wikitrans.net dewiki.de wikide.wiki frwiki.wiki wikit.wiki wikipe.wiki zxc.wiki turkcewiki.org ru-wiki.ru wiki-org.ru "
    "wp.wiki-wiki.ru 360wiki.ru "
    # forks that began as a copy of the whole
    "infogalactic.com everipedia.org justapedia.org".split()
)

BUILT_IN = {
    **dict.fromkeys(SOCIAL, "blocked-host"),
    **dict.fromkeys(MEDIA, "media-host"),
    **dict.fromkeys(WIKIPEDIA, "wikipedia-host"),
    **dict.fromkeys(REDDIT, "reddit-host"),
}

# Hosts that show the page of another, whose address is part of their own: archives, translators, caches; as suffixes, networks of copies.
_PROXIES = frozenset(
    "web.archive.org archive.org webcache.googleusercontent.com translate.google.com translate.googleusercontent.com archive.is "
    "archive.today archive.ph archive.fo archive.li archive.md archive.vn webcitation.org cc.bingj.com secure.wikimedia.org".split()
)
_PROXY_SUFFIX = re.compile(r"\.(translate\.goog|nyud\.net|nyucd\.net)$")
# NB: a run of letters and hyphens in one piece: repeated groups of "letters, then a hyphen" match a slug of n hyphens in 2^n ways.
_WIKIPEDIA_INSIDE = re.compile(r"(?:^|[/:=+.@]|%2F|%3A)(?:[a-z-]+-)?wikipedia[.-]org(?![a-z0-9-]|\.[a-z])", re.IGNORECASE)
_CACHE_QUERY = re.compile(r"[?&]q=cache(?::|%3A)")
_OLD_GATEWAY = "secure.wikimedia.org"  # Wikipedia over HTTPS until 2011: /wikipedia/en/wiki/…


class HostRules:
    """Why a host is rejected: the built-in list, with the hosts that a configuration adds to it or allows. Raises UsageError for no host.

    >>> HostRules(block=["example.org"], allow=["vimeo.com"]).decide("player.vimeo.com")
    (None, 'allow_hosts vimeo.com')
    """

    def __init__(self, block: list[str], allow: list[str]) -> None:
        blocked, allowed = parse_hosts(block, "links.block_hosts"), parse_hosts(allow, "links.allow_hosts")
        self._rules: dict[str, tuple[str | None, str]] = {host: (reason, "") for host, reason in BUILT_IN.items()}
        self._rules.update((pattern.host, ("blocked-host", f"block_hosts {pattern.entry}")) for pattern in blocked)
        self._rules.update((pattern.host, (None, f"allow_hosts {pattern.entry}")) for pattern in allowed)
        self.entries = [entry for _, entry in self._rules.values() if entry]

    def decide(self, host: str) -> tuple[str | None, str]:
        """The rule for the host or for the nearest domain above it that has one, None where it is kept; and the entry of the
        configuration that the rule comes from, if it does."""
        name = host.strip("[]")
        while name:
            if name in self._rules:
                return self._rules[name]
            name = name.partition(".")[2]
        return None, ""


def shows_wikipedia(host: str, rest: str) -> bool:
    """Whether the page of another host is Wikipedia's: the copy of an archive, translator or cache. `rest` is path and query.

    >>> shows_wikipedia("webcache.googleusercontent.com", "/search?q=cache:x:en.wikipedia.org/wiki/Beam")
    True
    """
    if not is_proxy(host):
        # NB: Google's cache was served from bare addresses for years, so its query tells it and not its host.
        return "q=cache" in rest and _CACHE_QUERY.search(rest) is not None and _WIKIPEDIA_INSIDE.search(rest) is not None
    if host == _OLD_GATEWAY:
        return rest.startswith("/wikipedia/")
    origin, suffixes = _PROXY_SUFFIX.subn("", host)
    if suffixes:
        return _WIKIPEDIA_INSIDE.search(origin) is not None
    return _WIKIPEDIA_INSIDE.search(rest) is not None


def is_proxy(host: str) -> bool:
    """Whether a host is known to show the pages of others."""
    return host in _PROXIES or _PROXY_SUFFIX.search(host) is not None
