"""The text between two tags: what of it is written to the block, and what is counted. Called by block_scanner.scan."""

from __future__ import annotations

from numba import njit

from webtext.extract.blocks.tags import A_, AMPERSAND, BLANK, CR, G_, GREATER, L_, LESS, Q_, QUOTE, SEMICOLON

UPPER_A, UPPER_Z = ord("A"), ord("Z")


@njit(cache=True)
def glues(c):  # type: ignore[no-untyped-def]  # numba
    """Whether what follows a byte in another element may be another word: it is of a letter, a digit, or one of `:.!?)%`."""
    return c >= 0x80 or (c >= 48 and c <= 58) or ((c | 32) >= 97 and (c | 32) <= 122) or c in (33, 37, 41, 46, 63)


@njit(cache=True)
def read_text(d, i, state, blocks, text):  # type: ignore[no-untyped-def]  # numba
    """Copy the text at d[i] up to the next tag, white space collapsed; the place of that tag."""
    s = state[0]
    n, start, written, space, chars, found = len(d), s.start, s.written, s.space, 0, False
    collapse = s.pre == 0
    if s.skip > 0:
        while i < n and d[i] != LESS:
            i += 1
        return i
    while i < n and d[i] != LESS:
        c, size, blank = character(d, i)
        i += size
        if not blank:
            if space and written > start:
                text[written] = BLANK
                written += 1
            space = False
            text[written] = c
            written += 1
            found = True
            chars += (c & 0xC0) != 0x80  # not a later byte of a character in UTF-8
        elif collapse:
            space = True
        elif c != CR:
            text[written] = c
            written += 1
    s.written, s.space = written, space
    if found:
        block = blocks[s.blocks]
        s.after_link = False
        block.inline_names |= s.names
        if s.links > 0:
            block.link_chars += chars
            block.links += s.new_link
            s.new_link = False
        if s.strong > 0:
            block.strong_chars += chars
        if s.code > 0:
            block.code_chars += chars
    return i


@njit(cache=True)
def character(d, i):  # type: ignore[no-untyped-def]  # numba
    """The byte at d[i], its length in the markup, and whether it is white space: b"&lt;" is ("<", 4, False).

    White space of several bytes (U+00A0, U+2000 to U+200A, U+2028, U+2029, U+202F, U+3000) is one blank.
    """
    c = d[i]
    if c == AMPERSAND:
        end = i + 1
        while end < len(d) and d[end] != SEMICOLON:
            end += 1
        kind = d[i + 1]  # libxml2 writes amp, lt, gt, quot and numbers of control characters
        c = AMPERSAND if kind == A_ else LESS if kind == L_ else GREATER if kind == G_ else QUOTE if kind == Q_ else BLANK
        return c, end + 1 - i, c == BLANK
    if c < 0x80:
        return c, 1, c <= BLANK
    second, third = d[i + 1], d[i + 2]
    if c == 0xC2 and second == 0xA0:
        return BLANK, 2, True
    if c == 0xE2 and second == 0x80 and ((third >= 0x80 and third <= 0x8A) or third == 0xA8 or third == 0xA9 or third == 0xAF):
        return BLANK, 3, True
    if c == 0xE3 and second == 0x80 and third == 0x80:
        return BLANK, 3, True
    return c, 1, False
