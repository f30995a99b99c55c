"""robots.txt (RFC 9309) and the wishes about training that it may have: fetched once a host and obeyed.

4xx allows everything (2.3.1.3); 5xx, 429 and time-outs allow nothing (2.3.1.4); five redirects are followed (2.3.1.2); of a long file
the first 512 KiB count (2.5). A host that cannot be reached has no robots.txt to read: its pages fail for the reason that this did.

Which group is ours is decided here, by its whole product token (2.2.1); Protego, which also takes parts of names, decides which of its
rules matches a path. The wishes are rules of a group too: `Content-Signal: ai-train=no` (contentsignals.org) and
`Content-Usage: train-ai=n` (IETF AI Preferences), each for all paths or behind a path.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import orjson
from protego import Protego

from webtext.fetch.failure import Failure

MAX_BYTES = 512 * 1024
REDIRECTS = 5
CACHED = 32 * 2**20  # bytes of robots.txt whose rules are kept; a parsed file takes a few times as much


# Names of lines, with the misspellings that Google's parser takes.
_AGENT = frozenset(["user-agent", "useragent", "user agent"])
_DISALLOW = frozenset(["disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"])
_WISHES = {"content-signal": re.compile(r"\bai-train\s*=\s*(yes|no)\b"), "content-usage": re.compile(r"\btrain-(?:gen)?ai\s*=\s*(y|n)\b")}
_RULES = frozenset(["allow", *_DISALLOW, *_WISHES])
_LINE_END = re.compile(r"\r\n|\r|\n")

Line = tuple[str, str]  # name in lower case, value


@dataclass(frozen=True)
class Rules:
    """What a robots.txt says to one crawler. `file` None: nothing is forbidden. `delay` is its Crawl-delay in seconds.

    `wishes`: where pages may be used for training, by the name of the line that says so.
    """

    file: Protego | None
    agent: str
    size: int = 0
    wishes: Mapping[str, Protego] = field(default_factory=dict)

    def allows(self, url: str) -> bool:
        return self.file is None or bool(self.file.can_fetch(url, self.agent))

    def reserves(self, url: str, wish: str) -> bool:
        """Whether a line of the name `wish` keeps a page from training."""
        return wish in self.wishes and not self.wishes[wish].can_fetch(url, self.agent)

    @property
    def delay(self) -> float | None:
        return None if self.file is None else self.file.crawl_delay(self.agent)


def parse(content: bytes, agent: str) -> Rules:
    """The rules of a robots.txt for a crawler. Any bytes are a robots.txt: lines that are no rule are passed over (RFC 9309 2.2)."""
    if len(content) > MAX_BYTES:
        content = content[:MAX_BYTES]
        content = content[: max(content.rfind(b"\n"), content.rfind(b"\r")) + 1]
    text = content.decode("utf-8-sig", "replace").replace("\0", "")
    lines = _own_group(text, agent)
    if not lines:
        return Rules(None, agent)
    wishes = {name: rules for name in _WISHES if (rules := [_wish(value, _WISHES[name]) for own, value in lines if own == name])}
    return Rules(_rules(lines), agent, len(content), {name: _rules(rules) for name, rules in wishes.items()})


def _own_group(text: str, agent: str) -> list[Line]:
    """The lines of the groups that name the crawler, or else of those for all."""
    own: list[Line] = []
    common: list[Line] = []
    groups: list[list[Line]] = []  # that the present lines belong to
    named = among_rules = False
    for line in _LINE_END.split(text):
        line = line.partition("#")[0].strip()
        name, colon, value = line.partition(":")
        if not colon:  # Google's parser takes a blank for the colon, where it is the only one
            name, _, value = line.replace("\t", " ").rpartition(" ")
        name, value = name.strip().lower(), value.strip()
        if name in _AGENT:
            groups = [] if among_rules else groups
            among_rules = False
            if names_agent(value, agent):
                named = True
                groups.append(own)
            elif value[:1] == "*" and not value[1:2].strip():
                groups.append(common)
        elif name in _RULES or name in ("crawl-delay", "crawl delay"):
            # NB: by RFC 9309 2.2.4 only its own rules end the list of a group's crawlers, and no line of another kind.
            among_rules = among_rules or name in _RULES
            for group in groups:
                group.append((name, value))
    return own if named else common


def names_agent(value: str, agent: str) -> bool:
    """Whether the value of a User-agent line names the crawler: its token, and behind that what is no part of a token.

    >>> names_agent("WebText/0.1", "webtext"), names_agent("web", "webtext"), names_agent("webtext-news", "webtext")
    (True, False, False)
    """
    return re.match(re.escape(agent) + r"(?![A-Za-z_-])", value, re.IGNORECASE) is not None


def _wish(value: str, pattern: re.Pattern[str]) -> Line:
    """A wish as a rule for the path that it is for: `Allow` and `Disallow` are to crawling what they are to training."""
    path = value.split()[0] if value.startswith("/") else "/"
    found = pattern.findall(value.lower())
    return ("", path) if not found else ("disallow" if any(answer.startswith("n") for answer in found) else "allow", path)


def parse_reservations(content: bytes, agent: str) -> Rules:
    """The paths that a /.well-known/tdmrep.json (W3C TDMRep) reserves, as rules that do not allow them; what is not one reserves none."""
    try:
        entries = orjson.loads(content)
    except orjson.JSONDecodeError:
        entries = None
    lines = []
    for entry in entries if isinstance(entries, list) else [entries]:
        location = entry.get("location") if isinstance(entry, dict) else None
        if isinstance(location, str):
            lines.append(("disallow" if str(entry.get("tdm-reservation")) == "1" else "allow", location))
    return Rules(_rules(lines), agent, len(content)) if lines else Rules(None, agent)


def _rules(lines: Sequence[Line]) -> Protego:
    # NB: Protego takes form feeds and U+2028 for the ends of lines
    text = "".join(f"{name}: {''.join(one if one.isprintable() else quote(one) for one in value)}\n" for name, value in lines)
    return Protego.parse(f"User-agent: *\n{text}")


class Robots:
    """Cache of the rules of a task's hosts, shared by its threads: the first thread fetches them, the others wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: dict[str, threading.Lock] = {}
        self._known: OrderedDict[str, Rules | Failure] = OrderedDict()
        self._bytes = 0

    def rules(self, origin: str, ask: Callable[[], Rules]) -> Rules:
        """The rules of `http://host:port`, by `ask()` where they are not known yet. Raises the Failure that `ask` ended in, each time."""
        with self._lock:
            asking = self._asking.setdefault(origin, threading.Lock())
        with asking:
            known = self._known.get(origin)
            if known is None:
                try:
                    known = ask()
                except Failure as failure:
                    known = failure
                self._keep(origin, known)
        if isinstance(known, Failure):
            raise Failure(known.error, known.detail, status=known.status, final=True)
        return known

    def _keep(self, origin: str, known: Rules | Failure) -> None:
        with self._lock:
            self._known[origin] = known
            self._bytes += _weight(known)
            while self._bytes > CACHED and len(self._known) > 1:
                gone, rules = self._known.popitem(last=False)
                self._bytes -= _weight(rules)
                self._asking.pop(gone, None)


def _weight(known: Rules | Failure) -> int:
    return 500 + (known.size if isinstance(known, Rules) else 0)
