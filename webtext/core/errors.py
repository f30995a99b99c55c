"""What a user can put right: one sentence that names the file, the line or the URL, and what to do."""

from __future__ import annotations


class WebtextError(Exception):
    """The work failed on its input or its surroundings. The command line prints the sentence and exits with 1."""


class UsageError(WebtextError):
    """The command line or the configuration is wrong. The command line prints the sentence and exits with 2."""
