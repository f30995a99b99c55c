"""What is held out and stands in the training text, against sets."""

from __future__ import annotations

import random
from pathlib import Path

from webtext.core.records import CORPUS
from webtext.core.tables import writing_table
from webtext.report.held_out import held_out_in_train


def words(seed: int, count: int) -> list[str]:
    return [f"w{value}" for value in random.Random(seed).choices(range(5000), k=count)]


def test_documents_of_which_one_training_document_has_half_are_counted(tmp_path: Path) -> None:
    one, two, three, four = (words(seed, 200) for seed in range(4))
    shards = [
        [("val", one), ("train", words(5, 300)), ("test", two), ("val", three)],
        [("train", [*words(6, 50), *one[:120], *two[:60]]), ("train", two[60:130]), ("val", four), ("train", four[:190]), ("val", ["few"])],
    ]
    paths = [tmp_path / f"shard-{number}.parquet" for number in range(len(shards))]
    for path, shard in zip(paths, shards):
        with writing_table(path, CORPUS) as table:
            for number, (split, text) in enumerate(shard):
                table.write({**dict.fromkeys(CORPUS.names), "id": str(number), "text": " ".join(text), "split": split})
    # Of `two` each of two training documents has a third, and of `three` none has any.
    assert held_out_in_train(paths) == {"documents": 4, "half_in_one": 2}
    assert held_out_in_train(paths[:1]) == {"documents": 3, "half_in_one": 0}
    assert held_out_in_train([]) is None
