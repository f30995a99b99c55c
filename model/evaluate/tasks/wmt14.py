"""WMT14 (Bojar et al. 2014), French and English: translations that example pairs ask for."""

from __future__ import annotations

from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from model.evaluate import generation
from model.evaluate.examples import example_pairs
from model.evaluate.results import Choice, Measure, Outcome, TaskResult, mean_and_error
from model.evaluate.scorer import Scorer
from model.evaluate.sentences import sentences
from model.evaluate.task import Settings, Task
from webtext.core.errors import WebtextError
from webtext.overlap.readers import example_id
from webtext.overlap.text_readers import read_wmt

PAIRS = 5  # the paper does not say how many
TOKENS = 128
LANGUAGES = {"en": "English", "fr": "French"}


class Segment(NamedTuple):
    """A segment in the language to translate from, whose file begins its id, and its translation by people."""

    id: str
    source: str
    target: str


def _file(files: list[Path], language: str, role: str) -> Path:
    """The file in a language; of WMT's four the one with the role, `src` or `ref`."""
    there = [path for path in files if language in path.name.lower().split(".")[1:]]
    found = next((path for path in there if role in path.name), there[0] if there else None)
    if found is None:
        raise WebtextError(f"{files[0]}: no file in {LANGUAGES[language]} beside it, as newstest2014-fren-{role}.{language}.sgm")
    return found


def read_segments(files: list[Path], source: str, target: str) -> list[Segment]:
    """The segments of a test set. Raises WebtextError that names the files and the first segment that has no translation."""
    if not files:
        return []
    paths = _file(files, source, "src"), _file(files, target, "ref")
    sides = [list(read_wmt(path)) for path in paths]
    for number, ((one, _), (other, _)) in enumerate(zip_longest(*sides, fillvalue=("no more", "")), 1):
        if one != other:
            raise WebtextError(f"{paths[1]}: its segment {number} is {other}, that of {paths[0].name} is {one}; are both of the same set?")
    return [
        Segment(example_id(paths[0], name, len(paths)), text.strip(), translation.strip()) for (name, text), (_, translation) in zip(*sides)
    ]


def run(scorer: Scorer, files: list[Path], settings: Settings, source: str, target: str) -> TaskResult:
    """BLEU of the first sentence written greedily behind `source sentence =`."""
    try:
        from sacrebleu.metrics import BLEU
    except ImportError:
        raise WebtextError("translations are scored by sacrebleu; install it with `pip install 'webtext[evaluate]'`") from None
    earlier = [path for path in files if "2013" in path.name]
    tested = [path for path in files if path not in earlier] or earlier
    pool = read_segments(earlier, source, target) if tested != earlier else []
    shown, segments, about = example_pairs(pool, read_segments(tested, source, target), settings, PAIRS)
    context = "".join(f"{pair.source} = {pair.target}\n" for pair in shown)
    written, decoding = generation.write_lines(scorer, [f"{context}{segment.source} =" for segment in segments], TOKENS)
    translations = [next(iter(sentences(text.text)), "") for text in written]
    bleu, sentence_bleu = BLEU(), BLEU(effective_order=True)
    value = bleu.corpus_score(translations, [[segment.target for segment in segments]]).score
    protocol: dict[str, Choice] = {
        "prompt": "sentence = translation, a line a pair", **about, **decoding, "answer": "first sentence",
        "signature": str(bleu.get_signature()), "file": _file(tested, source, "src").name,
    }  # fmt: skip
    scores = [float(sentence_bleu.sentence_score(text, [segment.target]).score) for text, segment in zip(translations, segments)]
    mean, error = mean_and_error(scores)
    each = {**protocol, "signature": str(sentence_bleu.get_signature())}
    measures = [
        Measure("BLEU", float(value), len(segments), "segments", protocol, {"1542M": {"en": 5.0, "fr": 11.5}[source]}),
        Measure("BLEU of a segment", mean, len(segments), "segments", each, error=error),
    ]
    outcomes = [Outcome(segment.id, measures[1].name, score, text=text) for segment, score, text in zip(segments, scores, translations)]
    return TaskResult(f"wmt14_{source}_{target}", measures, outcomes)


def _task(source: str, target: str) -> Task:
    read, title = partial(run, source=source, target=target), f"WMT14 {LANGUAGES[source]} to {LANGUAGES[target]}"
    # newstest2014-fren-src.en.sgm and, for the example pairs, newstest2013-src.en.sgm, but not newstest2014-ruen-ref.en.sgm
    return Task(f"wmt14_{source}_{target}", title, ("newstest201[34]-[fsr][re]*", "newstest201[34]*"), read, "generation")


WMT14_EN_FR, WMT14_FR_EN = _task("en", "fr"), _task("fr", "en")
