"""What cleaning decides on a text: what is left of it, in which language it is, or why it is rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from webtext.clean.language import UNKNOWN, detect
from webtext.clean.own_rules import load_rules
from webtext.clean.presets import clean
from webtext.clean.rules import Draft, Rule
from webtext.core.config import CleanSection
from webtext.core.config_file import parse_config
from webtext.core.errors import Rejected


@dataclass(frozen=True)
class Verdict:
    """`text` is what is left, None where the text is rejected for `reason` (a rule's name), with the figure that decided as `detail`.

    `changed` names the rules that changed the text. `language` is ISO 639-1 or None; `bytes_by_language` adds up to the text in UTF-8.
    """

    text: str | None
    reason: str = ""
    detail: str = ""
    changed: tuple[str, ...] = ()
    language: str | None = None
    bytes_by_language: dict[str, int] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        return self.text is not None


def judge(title: str, text: str, section: CleanSection, rules: Sequence[Rule] = ()) -> Verdict:
    """Clean a text by the preset of `section` and by further `rules`, and check its language.

    >>> judge("", "Share this", CleanSection()).reason
    'boilerplate-lines'
    """
    try:
        text, changed = clean(Draft(title, text), section, rules)
        language = detect(text, section.language_certainty)
        if section.languages and language.code not in section.languages:
            raise Rejected("language", f"{language.code} {language.share:.2f}")
    except Rejected as rejected:
        return Verdict(None, rejected.reason, rejected.detail)
    return Verdict(text, "", "", changed, None if language.code == UNKNOWN else language.code, language.bytes)


def clean_text(text: str, preset: str = "gpt2", *, title: str = "", **keys: Any) -> Verdict:
    """Clean a text by a preset: gpt2, c4, gopher, fineweb, c4-datatrove, gopher-datatrove, fineweb-datatrove or none.

    `keys` are those of `[clean]`, such as `languages` or `rules`.

    Raises UsageError for a key that is none, or a value that is impossible.

    >>> import webtext
    >>> webtext.clean("Share this").reason
    'boilerplate-lines'
    """
    config = parse_config("", "webtext.clean", {f"clean.{key}": value for key, value in {"preset": preset, **keys}.items()})
    return judge(title, text, config.clean, load_rules(config.clean))
