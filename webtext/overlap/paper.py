"""What the paper reports, to stand beside what is measured: "Language Models are Unsupervised Multitask Learners", section 4."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """A column of Table 6: percentage of a test set's 8-grams in its own training set, and in that of WebText."""

    name: str
    own_train: float
    webtext: float


TABLE_6 = (
    Column("PTB", 2.67, 0.88),
    Column("WikiText-2", 0.66, 1.63),
    Column("enwik8", 7.50, 6.31),
    Column("text8", 2.34, 3.94),
    Column("WikiText-103", 9.09, 2.42),
    Column("1BW", 13.19, 3.75),
)

# What the text says of test sets that the table does not have, by format.
REMARKS = {
    "lambada": "The paper: 1.2 % of 8-grams on average; about 1 example in 200 overlaps significantly; 2 perplexity better above 15 %.",
    "winograd": "The paper: 10 schemata with any 8-gram in common, 2 of them spurious, 1 of the other 8 gave the answer away.",
    "coqa": "The paper: about 15 % of the news documents are in WebText already, none of the questions and answers.",
    "nq_open": "The paper: none of the 30 questions that GPT-2 was surest of are in WebText.",
    "cbt": "The paper: The Jungle Book of the test set is in WebText, so it reports on the validation set.",
}

_ALIASES = {
    "penntreebank": "PTB",
    "lm1b": "1BW",
    "1b": "1BW",
    "billionword": "1BW",
    "onebillionwords": "1BW",
}


def _key(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


_COLUMNS = {_key(column.name): column.name for column in TABLE_6} | {_key(alias): name for alias, name in _ALIASES.items()}


def column_of(name: str) -> str | None:
    """The column of Table 6 that a benchmark of this name belongs to: the longest that its name begins with.

    >>> column_of("wikitext-2 raw, test"), column_of("LAMBADA")
    ('WikiText-2', None)
    """
    fitting = [key for key in _COLUMNS if _key(name).startswith(key)]
    return _COLUMNS[max(fitting, key=len)] if fitting else None
