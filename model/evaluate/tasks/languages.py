"""What languages a corpus is in, and how often `<UNK>` stands in it: sections 3.7 and 3.1 of the paper. The model has no part in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from model.evaluate.results import Choice, Measure, TaskResult
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task
from webtext.core.texts import AFTER_DOCUMENTS
from webtext.documents.readers import read_documents

UNKNOWN_WORD = "<UNK>"
CERTAINTY = 0.5


def run(scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    """Bytes by language, the largest first, and the count of `<UNK>`."""
    from webtext.clean.language import detect  # reads its profiles, a second that no other task should have to pay for

    sizes: Counter[str] = Counter()
    unknown = documents = 0
    for document in settings.limited(read_documents(list(files))):
        sizes.update(detect(document.text, CERTAINTY).bytes)
        unknown += document.text.count(UNKNOWN_WORD)
        documents += 1
    about: dict[str, Choice] = {"file": files[0].name, "files": len(files)}
    protocol: dict[str, Choice] = {"detector": "CLD2, of the parts of a document", **about}
    measures = [
        Measure("bytes", float(size), documents, "documents", protocol, group=language)
        for language, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    ]
    measures.append(Measure(UNKNOWN_WORD, float(unknown), documents, "documents", about))
    note = "The paper found 10 MB of French (section 3.7) and 26 times <UNK> (section 3.1) in 40 GB of WebText."
    total = sum(sizes.values())
    if total:
        note += f" This corpus has {total:,} bytes; in 40 GB of its kind there were {sizes['fr'] / total * 40_000:,.1f} MB of French."
    return TaskResult("languages", measures, notes=[note])


_DIRECTORIES = tuple(f"{name}/shard-*.parquet" for name in AFTER_DOCUMENTS)
LANGUAGES = Task("languages", "Languages of the corpus", _DIRECTORIES, run, of_build=True)
WEBTEXT_LANGUAGES = Task("webtext_languages", "Languages of WebText's published sample", ("webtext.*.jsonl*",), run)
