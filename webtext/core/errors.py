"""What a user can put right: one sentence that names the file, the line or the URL, and what to do."""

from __future__ import annotations


class WebtextError(Exception):
    """The work failed on its input or its surroundings. The command line prints the sentence and exits with 1."""


class UsageError(WebtextError):
    """The command line or the configuration is wrong. The command line prints the sentence and exits with 2."""


class Rejected(Exception):
    """A page or document is rejected: `reason` is a counter's name, `detail` the figure or words that decided."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
