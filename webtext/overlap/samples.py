"""Which examples of a test set overlap with the corpus, for evaluations with and without them.

overlap/samples/ has a file for each of KINDS, `{"NAME": [index, …], …}`: for each test set the examples of that kind, counted from 0 in
the order of its files. lm-evaluation-harness takes such a file as it is (`--samples`) where a benchmark has the name of its task, and
KIND.tasks beside it has the names for its `--tasks`: those with an example of that kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import orjson

from webtext.core.errors import WebtextError
from webtext.core.files import read_json

# clean and dirty are all examples, and so are light and heavy.
KINDS = {
    "clean": ("none", "short"),  # nothing found; short: fewer words than an n-gram, so there was nothing to find
    "dirty": ("some", "heavy"),
    "light": ("none", "short", "some"),
    "heavy": ("heavy",),
}
# NB: lm-evaluation-harness 0.4.13 evaluates all examples of a task whose list is empty or missing. It refuses an index that no test set
# has, so this one stands for an empty list.
NO_EXAMPLE = 2**31 - 1


def overlap_of(found: int, ngrams: int, heavy: float) -> str:
    """What an example is by its n-grams found: short (it has none), none, some, or heavy: a share of more than `heavy`."""
    if not ngrams:
        return "short"
    return "none" if not found else "heavy" if found / ngrams > heavy else "some"


def samples(overlaps: dict[str, list[str]], kind: str) -> bytes:
    """The file of a kind, of what each example of each test set is; a test set without one has [NO_EXAMPLE]."""
    chosen = {
        name: [index for index, each in enumerate(examples) if each in KINDS[kind]] or [NO_EXAMPLE] for name, examples in overlaps.items()
    }
    return orjson.dumps(chosen, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def tasks(overlaps: dict[str, list[str]], kind: str) -> bytes:
    """The test sets with an example of a kind, sorted and parted by commas."""
    return ",".join(sorted(name for name, examples in overlaps.items() if not {*KINDS[kind]}.isdisjoint(examples))).encode() + b"\n"


def means(overlap: Path, name: str, scores: Sequence[float]) -> dict[str, tuple[int, float]]:
    """The number of examples and the mean of a metric over all of them and over each of KINDS, where there are any.

    `overlap` is the directory of the reports, `name` the test set, `scores` one number an example, in the order of its files. Raises
    WebtextError where the test set has another number of examples.

    >>> means(Path("build/overlap"), "LAMBADA", correct)
    {'all': (5153, 0.6321), 'clean': (3771, 0.6289), 'dirty': (1382, 0.6408), 'light': (5128, 0.6317), 'heavy': (25, 0.72)}
    """
    chosen = {"all": [*range(len(scores))]}
    for kind in KINDS:
        of_all = cast(dict[str, Any], read_json(overlap / "samples" / f"{kind}.json"))
        if name not in of_all:
            raise WebtextError(f"{overlap}: has no test set {name!r}; it has: {', '.join(of_all) or 'none'}")
        chosen[kind] = [index for index in of_all[name] if index != NO_EXAMPLE]
    count = len(chosen["clean"]) + len(chosen["dirty"])
    if count != len(scores):
        raise WebtextError(f"{name}: {len(scores)} scores for {count} examples; give one an example, in the order of its files")
    return {kind: (len(each), sum(scores[index] for index in each) / len(each)) for kind, each in chosen.items() if each}
