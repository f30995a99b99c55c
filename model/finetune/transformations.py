"""The four inputs of the GPT-1 paper (figure 1): structured examples as the sequences of tokens that a language model reads.

Each takes the tokens of its parts and returns the sequences of one example, none longer than `context`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

Ids = Sequence[int]
Sequences = list[list[int]]


class Marks(NamedTuple):
    """The tokens that are new in fine-tuning: the paper's <s>, $ and <e>."""

    start: int
    delimiter: int
    extract: int


def classification(text: Ids, marks: Marks, context: int) -> Sequences:
    """A text alone.

    [ start | text | extract ] -> transformer -> linear
    """
    (text,) = fit([text], context - 2)
    return [[marks.start, *text, marks.extract]]


def entailment(premise: Ids, hypothesis: Ids, marks: Marks, context: int) -> Sequences:
    """A pair whose order matters.

    [ start | premise | delimiter | hypothesis | extract ] -> transformer -> linear
    """
    premise, hypothesis = fit([premise, hypothesis], context - 3)
    return [[marks.start, *premise, marks.delimiter, *hypothesis, marks.extract]]


def similarity(one: Ids, other: Ids, marks: Marks, context: int) -> Sequences:
    """A pair without an order: both orders.

    [ start | one | delimiter | other | extract ] -> transformer --.
                                                                   + -> linear
    [ start | other | delimiter | one | extract ] -> transformer --'
    """
    return entailment(one, other, marks, context) + entailment(other, one, marks, context)


def choice(passage: Ids, question: Ids, answers: Sequence[Ids], marks: Marks, context: int) -> Sequences:
    """A question with answers to choose from, a sequence each.

    [ start | passage question | delimiter | answer 1 | extract ] -> transformer -> linear --.
    [ start | passage question | delimiter | answer 2 | extract ] -> transformer -> linear --+-> softmax
    """
    found = []
    for answer in answers:
        cut_passage, cut_question, cut_answer = fit([passage, question, answer], context - 3)
        found.append([marks.start, *cut_passage, *cut_question, marks.delimiter, *cut_answer, marks.extract])
    return found


TRANSFORMATIONS: dict[str, Callable[..., Sequences]] = {
    "classification": classification,
    "entailment": entailment,
    "similarity": similarity,
    "choice": choice,
}


def fit(parts: Sequence[Ids], room: int) -> list[Ids]:
    """The parts, cut at their ends so that they have `room` together: always the longest, so that a short question or answer stays whole.

    >>> fit([[1, 2, 3, 4, 5], [6, 7]], 5)
    [[1, 2, 3], [6, 7]]
    """
    cap = max(map(len, parts))
    while cap and sum(min(len(part), cap) for part in parts) > room:
        cap -= 1
    left = room - sum(min(len(part), cap) for part in parts)
    longer = [index for index, part in enumerate(parts) if len(part) > cap][: max(0, left)]  # what is left goes to the first of them
    return [part[: cap + (index in longer)] for index, part in enumerate(parts)]
