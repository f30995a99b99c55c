"""What a model repeats of its corpus (figure 5 of the paper): n-grams of held-out texts, and of samples that continue them, which the
training part has too."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from model.evaluate import generation
from model.evaluate.results import Choice, Measure, Outcome, TaskResult, mean_and_error
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings, Task
from webtext.core.texts import final_texts, read_texts
from webtext.ngrams.filters import Filters
from webtext.ngrams.normalise import ngram_hashes

TEXTS = 256
TOP_K = 40  # the paper's
CHARACTERS = 32  # of a text that are read, for each token of the context: in no language do tokens have as many
PERCENT = (0, 0.5, *range(1, 11), 12, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 100)  # of the points of the figure


def held_out(scorer: Scorer, build: Path, split: str) -> Iterator[tuple[str, list[int]]]:
    """Id and first tokens, a context of them, of the texts of a split that have as many."""
    directory, whole = final_texts(build), scorer.context // 2 * 2
    for shard in range(len(list(directory.glob("shard-*.parquet")))):
        for document in read_texts(build, directory.name, shard):
            if document["split"] == split and len(document["text"].encode()) >= whole:
                tokens = scorer.encode(document["text"][: CHARACTERS * scorer.context])[:whole]
                if len(tokens) == whole:
                    yield document["id"], tokens


def run(scorer: Scorer, files: list[Path], settings: Settings) -> TaskResult:
    """The distribution of the share of n-grams found, for the second halves of held-out texts and for samples in their place."""
    result = TaskResult("memorisation")
    build, half = files[0].parent.parent, scorer.context // 2
    filters = Filters.open(build / "ngrams")
    for split in ("test", "val"):
        # The ids are hashes of URLs: the smallest are a draw from all hosts.
        texts = heapq.nsmallest(settings.limit or TEXTS, held_out(scorer, build, split))
        if texts:
            break
    else:
        result.notes.append(f"No held-out text of the corpus has {2 * half:,} tokens, so none was continued.")
        return result
    decoding = generation.Decoding(half, (), TOP_K, settings.seed)
    written = generation.generate_texts(scorer, [tokens[:half] for _, tokens in texts], decoding)
    parts = {
        "held-out": [scorer.tokenizer.decode_bytes(tokens[half:]).decode("utf-8", "replace") for _, tokens in texts],
        "samples": [text.text for text in written],
    }
    protocol: dict[str, Choice] = {
        "split": split, "context": half, "tokens": half, "top-k": TOP_K, "seed": settings.seed, "n-grams": filters.words,
    }  # fmt: skip
    shares: dict[str, list[float]] = {}
    for part, continued in parts.items():
        for (name, _), text in zip(texts, continued):
            found = filters.contains(ngram_hashes(text, filters.words)[0])
            if len(found):  # a shorter sample has no n-gram
                shares.setdefault(part, []).append(float(found.mean()))
                result.outcomes.append(Outcome(name, f"share of n-grams in the corpus, {part}", float(found.mean()), text=text))
        result.measures += _measures(part, shares.get(part, []), protocol)
    if len(shares) == len(parts):
        result.tables["Figure 5"] = [
            {"percent": percent, **{part: sum(100 * share <= percent for share in values) / len(values) for part, values in shares.items()}}
            for percent in PERCENT
        ]
    return result


def _measures(part: str, shares: list[float], protocol: dict[str, Choice]) -> Iterator[Measure]:
    if not shares:
        return
    mean, error = mean_and_error(shares)
    yield Measure("mean share of n-grams in the corpus", mean, len(shares), "texts", protocol, group=part, error=error)
    yield Measure("median share of n-grams in the corpus", median(shares), len(shares), "texts", protocol, group=part)
    for name, few in (("with none", [share == 0 for share in shares]), ("with more than 30 %", [share > 0.3 for share in shares])):
        yield Measure(f"texts {name}", sum(few) / len(few), len(few), "texts", protocol, group=part)


MEMORISATION = Task("memorisation", "Repetition of the corpus", ("ngrams/filter-*.bloom",), run, "generation", of_build=True)
