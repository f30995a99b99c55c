"""Contamination that tolerates an edit, beside the paper's n-grams: phases of `overlap` and `dedup`, and what the report says of it.

phase        a task for      reads                                  writes
count        each shard      its texts, the parts of all test sets  in how many of its documents each seed is
weigh        the stage       the counts of all shards               their sum
(the search) each shard      its texts, the parts, the sum          copies of examples, the best document of each
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from webtext.core.files import read_json, to_json, write_bytes
from webtext.core.task import StageContext, TaskRun
from webtext.core.texts import read_texts
from webtext.overlap.edited_copies import LEAST_SCORE, EditedCopies, text_of
from webtext.overlap.part_index import PartIndex, RarityCounter, read_parts, sum_rarity, write_rarity

SHOWN = 300  # characters of a copy in the table
CURVE = [round(LEAST_SCORE + step / 20, 2) for step in range(9)]  # shares of an example from which on it would be contaminated
COLUMNS = ("share", "part", "words", "bits", "words_to_answer", "url", "document", "text")


def parts_path(context: StageContext, index: int) -> Path:
    """The parts of a test set, in scratch."""
    return context.scratch_path(f"parts-{index:05d}")


def count_seeds(log: TaskRun, shard: int, sets: int, source: str) -> None:
    """Count the training documents of a shard that hold each seed of the test sets."""
    counter = RarityCounter(_index(log.context, sets))
    for document in read_texts(log.context.build, source, shard):
        log.progress()
        if document.get("split", "train") == "train":
            counter.add(document["text"])
    write_rarity(log.context.scratch_path(f"seeds-{shard:05d}"), counter.rarity)


def sum_counts(log: TaskRun, _: int, shards: int) -> None:
    """Sum the counts of all shards."""
    write_rarity(_rarity(log.context), sum_rarity(log.context.scratch_path(f"seeds-{shard:05d}") for shard in range(shards)))


def _rarity(context: StageContext) -> Path:
    return context.scratch_path("rarity")


def _index(context: StageContext, sets: int) -> PartIndex:
    return PartIndex([read_parts(parts_path(context, index)) for index in range(sets)])


def edited_copies(context: StageContext, sets: int) -> EditedCopies:
    """The search for edited copies of test sets, once the seeds are counted."""
    return EditedCopies(_index(context, sets), sum_rarity([_rarity(context)]))


class Best(NamedTuple):
    """The best document of an example: `share` of it that stands there, up to `words_to_answer` as the columns of the table."""

    share: float
    part: str
    words: int
    bits: float
    words_to_answer: int | None
    url: str
    document: str
    text: str


class CopyCollector:
    """Takes the documents of a shard one by one; keeps the best of each example. Memory: O(examples)."""

    def __init__(self, search: EditedCopies, edits: float) -> None:
        self._search, self._least = search, 1 - edits
        self._best: dict[tuple[int, int, bool], Best] = {}
        self._documents: dict[tuple[int, int], int] = {}

    def add(self, url: str, id_: str, text: str) -> None:
        copies = self._search.find(text)
        for copy in copies:
            key = (copy.set, copy.example, copy.sufficient)
            if key in self._best and self._best[key].share > copy.place.score:
                continue
            shown = " ".join(text_of(text, copy.place)[2].split())[:SHOWN]
            place = (round(copy.place.score, 4), copy.kind, copy.place.words, round(copy.evidence, 1), copy.answer_distance)
            self._best[key] = best_of(filter(None, (self._best.get(key), Best(*place, url, id_, shown))))
        for example in {(copy.set, copy.example) for copy in copies if copy.sufficient and copy.place.score >= self._least}:
            self._documents[example] = self._documents.get(example, 0) + 1

    def write(self, path: Path) -> None:
        documents = [[*key, count] for key, count in self._documents.items()]
        write_bytes(path, to_json({"best": [[*key, [*best]] for key, best in self._best.items()], "documents": documents}))


def best_of(found: Iterable[Best]) -> Best:
    """That with the largest share; of equals the first by URL, so that the number of shards does not matter."""
    return min(found, key=lambda best: (-best.share, best.url, best.document, best.part, best.text))


class Verdicts(NamedTuple):
    """Of each example of a test set: contaminated, clean or short; its best document, if any; and in how many documents it is."""

    verdicts: list[str]
    best: list[Best | None]
    documents: list[int]

    def rows(self, ids: Sequence[str]) -> Iterable[list[Any]]:
        """The table of examples."""
        yield ["index", "example", "verdict", "documents", *COLUMNS]
        for index, (id_, verdict, best, documents) in enumerate(zip(ids, self.verdicts, self.best, self.documents)):
            yield [index, id_, verdict, documents, *(best or [""] * len(COLUMNS))]

    def figures(self) -> dict[str, Any]:
        """How many examples are what, and how many would be contaminated from another share on."""
        judged = [best.share for verdict, best in zip(self.verdicts, self.best) if best and verdict != "short"]
        counts = {verdict: self.verdicts.count(verdict) for verdict in ("contaminated", "clean", "short")}
        return {**counts, "curve": [[share, sum(value >= share for value in judged)] for share in CURVE]}


def judge(context: StageContext, shards: int, sets: int, edits: float) -> list[tuple[list[str], Verdicts]]:
    """The ids of each test set's examples and what they are, by what all shards found.

    An example is short, too short to judge, where it has too little to tell a copy from chance, and where a question or a text of it
    was found that alone has too little.
    """
    search = edited_copies(context, sets)
    found: dict[tuple[int, int, bool], list[Best]] = {}
    documents: dict[tuple[int, int], int] = {}
    for shard in range(shards):
        file = cast(dict[str, Any], read_json(context.scratch_path(f"copies-{shard:05d}")))
        for set_, example, sufficient, best in file["best"]:
            found.setdefault((set_, example, sufficient), []).append(Best(*best))
        for set_, example, count in file["documents"]:
            documents[set_, example] = documents.get((set_, example), 0) + count
    judged = []
    for number, each in enumerate(search.index.sets):
        verdicts, bests = [], []
        for example in range(len(each.ids)):
            sure, unsure = (best_of(found[key]) if (key := (number, example, kind)) in found else None for kind in (True, False))
            if sure and sure.share >= 1 - edits:
                verdict = "contaminated"
            elif not search.judgeable(number, example) or (unsure and unsure.share >= 1 - edits):
                verdict, sure = "short", unsure or sure
            else:
                verdict = "clean"
            verdicts.append(verdict)
            bests.append(sure)
        judged.append((each.ids, Verdicts(verdicts, bests, [documents.get((number, example), 0) for example in range(len(each.ids))])))
    return judged
