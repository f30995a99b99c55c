"""The one error of this package."""

from __future__ import annotations


class TokenizerError(ValueError):
    """Input that cannot be used, in one sentence: which file, line or value, and what to do."""
