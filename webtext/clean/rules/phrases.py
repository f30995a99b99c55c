"""What stands on pages and is nobody's text, as patterns: lines of boilerplate, errors, hindrances. English, as the corpus is."""

from __future__ import annotations

import re

_PAGE = r"(?:page|file|article|document|site|content)"
_SITE = r"(?:this|our) (?:web ?)?site"


def _any(*patterns: str) -> str:
    return "(?:" + "|".join(patterns) + ")"


# A whole line that is a button, a notice or a label
BOILERPLATE = re.compile(
    _any(
        r"(?:click to )?share(?: (?:this|on|via)\b.{0,60})?",
        r"tweet(?: this)?|pin it|e-?mail(?: this)?|print(?: this)?|like (?:this|us on facebook)[:.]?",
        r"follow us(?: on)?.{0,40}",
        r"skip to (?:main )?(?:content|navigation)",
        r"jump to(?: (?:content|navigation|search))?",
        r"advertisements?|sponsored|loading\.*|read more\.*|back to top|reply|permalink",
        r"(?:log|sign) in(?: to (?:comment|reply|your account))?",
        r"(?:leave|post|add) a (?:comment|reply)|(?:\d+|no) comments?(?: yet)?",
        r"subscribe(?: now)?|sign up for our .{0,60}newsletter.{0,60}",
        r"(?:copyright )?(?:©|\(c\)) ?\d{4}.{0,80}|all rights reserved\.?",
        rf"{_SITE} uses cookies.{{0,200}}|we use cookies .{{0,300}}",
        rf"by (?:continuing to (?:use|browse)|using) {_SITE}.{{0,60}}cookies.{{0,100}}",
        r"(?:accept|reject)(?: all)? cookies|cookie (?:settings|preferences|policy)",
        r"privacy policy|terms (?:of (?:use|service)|and conditions)",
    )
    + "$",
    re.IGNORECASE,
)

# A title or first line that is a server's
ERRORS = re.compile(
    _any(
        r"(?:error:? )?(?:40[0134]|410|429|50[0234])\b.{0,60}",
        rf"(?:sorry,? )?(?:the |this |that )?{_PAGE}(?: (?:you (?:requested|are looking for)|requested))? "
        r"(?:(?:was |is |could |can)?not (?:be )?found|(?:does not|doesn['’]t) exist|(?:is )?no longer (?:exists|available)).{0,40}",
        r"not found.{0,20}|forbidden|(?:access|permission) denied.{0,60}",
        r"service unavailable|bad gateway|gateway time-?out|internal server error",
        r"just a moment\.{3}|attention required!.{0,40}|are you (?:a )?(?:human|robot).{0,40}",
        r"account suspended|(?:this )?domain .{0,40}for sale.{0,40}",
        rf"{_PAGE} (?:is )?(?:under|down for) (?:construction|maintenance).{{0,40}}",
        r"index of /.{0,80}|apache2? .{0,20}default page.{0,40}|welcome to nginx!?",
    )
    + "$",
    re.IGNORECASE,
)

# A sentence that, on a short page, says why the content is missing
HINDRANCES = re.compile(
    _any(
        r"(?:enable|turn on|activate) (?:java ?script|cookies)",
        r"(?:java ?script|cookies) (?:is|are|must be|has been) (?:required|disabled|enabled)",
        r"verify (?:that )?you are (?:a )?human|complete the (?:security check|captcha)",
        r"checking your browser before accessing|unusual traffic from your",
        r"the page you (?:requested|are looking for|were looking for|tried to access)",
        r"(?:this|that|the) page (?:(?:could not|cannot|can['’]t) be found|(?:does not|doesn['’]t) exist|is not available)",
        r"you (?:do not|don['’]t) have permission to access|the requested url .{0,80}was not found",
    ),
    re.IGNORECASE,
)
