"""The rows that `webtext.links.scan` makes of lines: columns, and the bits of the first."""

from __future__ import annotations

FLAGS, SCORE, CREATED, ID, ID_END, URL, URL_END, SUBREDDIT, SUBREDDIT_END, TITLE, TITLE_END, LINE, LINE_END, HOST, HOST_END, KIND = range(
    16
)
COLUMNS = 16

# bits of FLAGS
SLOW, OVER_18, SELF, PROMOTED, DELETED, REMOVED, URL_ESCAPED, TITLE_ESCAPED, CLEAN, QUERY = (1 << bit for bit in range(10))
