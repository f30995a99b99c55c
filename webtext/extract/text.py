"""The form of a text: Unicode put right, paragraphs as lines, code with its indents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import is_normalized

from ftfy import TextFixerConfig, fix_text
from ftfy.badness import is_bad

# Mojibake, entities left over, control characters and NFC are put right; quotes and full-width letters stay as they were written.
FIXES = TextFixerConfig(uncurl_quotes=False, fix_character_width=False, fix_latin_ligatures=True, explain=False)

# ftfy takes entities for meant as such from the first line on that has a "<"
NO_ENTITIES = FIXES._replace(unescape_html=False)

# Where ftfy may change something, found in one quick pass. What it surely or probably changes is group 1; the rest is mojibake only in
# certain company, which ftfy's own test of the characters around it tells: an œ with no letter after it, or two neighbours beyond ASCII
# of which at least one is of _CLUES.
_CLUES = "\u0080-\u024f\u02c6-\u02dd\u0384\u0385\u0402\u0490\u0491\u2000-\u25ff\uf8ff\ufb01\ufb02\ufffd"
_REPLACED = "\u0000-\u0008\u000b-\u001f\u007f-\u009f\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3\u2028\u2029\u206a-\u206f\ud800-\udfff"
_REPLACED += "\ufb00-\ufb06\ufeff\ufff9-\ufffc"
_SUSPECT = re.compile(
    "[&\u0000-\u0008\u000b-\u001f\u007f-\U0010ffff]"  # alone in front, so that the search for it is a loop over a table
    f"(?:((?<=[{_REPLACED}])|(?<=&)#?[0-9A-Za-z]{{1,24}};|(?<=[\u00c2\u00c3])(?= ))|(?<=[\u0152\u0153])(?=[^A-Za-z])"
    f"|(?<=[{_CLUES}])(?=[\u0080-\U0010ffff])|(?<=[\u0080-\U0010ffff])(?=[{_CLUES}]))"
)
REACH = 8  # characters around a suspect that tell whether it is mojibake: ftfy's longest pattern has seven

_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad\u200e\u200f\u202a-\u202e\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile("[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
# All that the three replace but the plain blank
_ODD = re.compile("[\t\x0b-\r\x7f-\xa0\xad\u1680\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f\u2060\u3000\ufdd0-\ufdef\ufeff\ufffe\uffff]")
STEP = 8  # columns


def tidy(text: str) -> str:
    """Text as the corpus holds it: a line a paragraph, no empty line, no blank at the end of a line, runs of blanks as one.

    An indent of code or of a nested list stays; one that goes more than 8 columns deeper than the line before is layout of the markup.

    >>> tidy("Caf\u00c3\u00a9\u00a0 au lait \n\n\nNext")
    'Café au lait\nNext'
    """
    odd = _ODD.search(text) is not None
    whole = fixed(_BREAKS.sub("\n", text) if odd else text)
    if odd := odd or whole != text:
        whole = _INVISIBLE.sub("", whole)
    lines: list[str] = []
    last = 0
    for line in whole.split("\n"):
        words = line.strip()
        if not words:
            continue
        if odd or "  " in words:
            words = _SPACES.sub(" ", words)
        indent = 0
        if line[0] in " \t":
            margin = line[: len(line) - len(line.lstrip(" \t"))]
            indent = len(margin.expandtabs(4))
        last = indent if lines and indent <= last + STEP else 0
        lines.append(" " * last + words)
    return "\n".join(lines)


def neat(texts: Sequence[str]) -> list[str]:
    """Texts of one line each, as `tidy` would have them: Unicode put right, runs of blanks as one; "" where nothing is left."""
    whole = "\n".join(texts)
    odd = _ODD.search(whole) is not None
    found = fixed(_BREAKS.sub(" ", whole) if odd else whole)
    lines = found.split("\n")
    if len(lines) != len(texts):  # an entity left over was a line feed
        lines = [" ".join(fixed(_BREAKS.sub(" ", text)).split()) for text in texts]
        found = "\n".join(lines)
    if odd or found != whole:
        return [_SPACES.sub(" ", line).strip() for line in _INVISIBLE.sub("", found).split("\n")]
    return [_SPACES.sub(" ", line).strip() if "  " in line else line.strip() for line in lines]


def fixed(text: str) -> str:
    """`ftfy.fix_text(text, FIXES)`, which looks closer only at lines where something may be wrong."""
    if _sound(text):
        return text
    lines, config = text.split("\n"), FIXES
    for number, line in enumerate(lines):
        if "<" in line:
            config = NO_ENTITIES
        if not _sound(line):
            lines[number] = fix_text(line, config)
    return "\n".join(lines)


def _sound(text: str) -> bool:
    """Whether ftfy would surely leave every line of a text as it is."""
    if len(text) > FIXES.max_decode_length or not is_normalized("NFC", text):
        return False
    for found in _SUSPECT.finditer(text):
        around = text[max(0, found.start() - REACH) : found.end() + REACH]
        if found[1] is not None or is_bad(around):
            return False
    return True
