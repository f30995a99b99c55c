"""Who asks: the User-Agent of the crawl."""

from __future__ import annotations

from webtext.core.config import FetchSection
from webtext.core.errors import UsageError


def user_agent(section: FetchSection) -> str:
    """The User-Agent. Raises UsageError without a contact, unless all requests go to a stand-in on this machine."""
    if section.contact:
        return f"{section.user_agent} (+{section.contact})"
    if section.allow_private and section.connect_to:
        return section.user_agent
    raise UsageError(
        "fetch.contact: site owners must be able to reach you; set it to your e-mail address or the URL of a page about the crawl"
    )
