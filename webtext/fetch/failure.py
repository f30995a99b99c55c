"""Why a page is not there: one name a reason, the same in the ledger, in the rejected records and in the counters.

opt-out             the site asked to be left alone          robots              robots.txt forbids the path
robots-unreachable  robots.txt: 5xx, 429, time-out           crawl-delay         the site asks for longer waits than are configured
noai, noindex       the page says so of itself               bad-url             not a URL that can be asked for
content-signal      ai-train=no, there or in robots.txt      content-usage       train-ai=n, there or in robots.txt
tdm-reservation     1: the page, or the host's tdmrep.json
bad-scheme          neither http nor https                   private-address     the name leads to no public address
dns                 the name does not exist                  dns-temporary       the name server did not answer
connect-timeout     no connection in time                    connection-refused  nobody listens
unreachable         no way to the address                    tls                 no common protocol or cipher
bad-certificate     expired, self-signed or of another host
page-timeout        the page took longer than its deadline   connection-closed   closed before the answer was whole
short-body          fewer bytes than Content-Length says     broken-chunking     chunks that are none
broken-encoding     gzip, deflate, br or zstd that is none   decompression-bomb  a few bytes that grow beyond the size cap
invalid-response    not HTTP                                 invalid-headers     more bytes of headers than browsers take
redirect-loop       a redirect to where it came from         too-many-redirects  more than are followed
bad-redirect        a redirect to nowhere                    bad-content-type    not a kind of content that is kept
soft-404            says 200 and stands for a page that is gone
http-404, …         a status that is no page's               host-down           the host failed too often; not asked any more
not-in-archive      the archives have no capture of the URL  revisit-of-nothing  no archive has the page that it points to
"""

from __future__ import annotations

TRANSIENT = frozenset(
    {
        "dns-temporary",
        "connect-timeout",
        "connection-refused",
        "unreachable",
        "page-timeout",
        "connection-closed",
        "short-body",
        "http-408",
        "http-429",
        "http-500",
        "http-502",
        "http-503",
        "http-504",
    }
)

# What a host that is gone, or wants nothing more of us, answers with.
DOWN = frozenset({"dns", "dns-temporary", "connect-timeout", "connection-refused", "unreachable", "page-timeout", "http-429", "http-503"})

# What is said of a page that the web has no more, so that archives are asked for it. Not of one that is refused or unwanted.
DEAD = frozenset(
    {
        "dns",
        "dns-temporary",
        "connect-timeout",
        "connection-refused",
        "unreachable",
        "private-address",
        "tls",
        "bad-certificate",
        "page-timeout",
        "connection-closed",
        "invalid-response",
        "robots-unreachable",
        "host-down",
        "redirect-loop",
        "soft-404",
        "too-many-redirects",
        "bad-redirect",
        "http-404",
        "http-410",
        "http-500",
        "http-502",
        "http-503",
        "http-504",
    }
)


class Failure(Exception):
    """A page could not be had. `retry_after` is what the server asked to wait, in seconds; `final`: trying again is no use.

    NB: `detail` goes into the ledger, so it names nothing that differs from run to run (ports of a stand-in, times, addresses of objects).
    """

    def __init__(
        self, error: str, detail: str = "", *, status: int | None = None, retry_after: float | None = None, final: bool = False
    ) -> None:
        super().__init__(f"{error}: {detail}" if detail else error)
        self.error = error
        self.detail = detail
        self.status = status
        self.retry_after = retry_after
        self.final = final
        self.stale = False  # a kept connection was found closed, which is nobody's failure (RFC 9112 9.3.1): to be asked again

    @property
    def transient(self) -> bool:
        return self.error in TRANSIENT and not self.final
