"""The tasks of lm-evaluation-harness on our model: its prompts, its protocol and its metrics, from local files.

The harness calls a model by three questions (lm_eval.api.model.LM); here they are put to our scorer, with the harness's own rule for
where a context ends and its continuation begins (lm_eval.models.huggingface). So a log-probability is that of its own run to 1e-4.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from model.evaluate.results import Measure, TaskResult
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings
from model.sample import generate
from webtext.core.errors import WebtextError
from webtext.overlap.record_readers import read_lambada
from webtext.overlap.text_readers import read_wikitext

LONGEST_ANSWER = 256  # tokens that the harness lets a model write where a task does not say how many


def _lambada(files: list[Path], settings: Settings) -> Iterator[dict[str, Any]]:
    for path in files:
        yield from ({"text": text} for _, text in settings.limited(read_lambada(path, "text")))


def _wikitext(files: list[Path], settings: Settings) -> Iterator[dict[str, Any]]:
    for path in files:
        yield from ({"page": text} for _, text in settings.limited(read_wikitext(path)))


def _questions(files: list[Path], settings: Settings) -> Iterator[dict[str, Any]]:
    for path in files:
        lines = settings.limited(path.read_text(encoding="utf-8").splitlines())
        yield from ({name: row[name] for name in ("question", "answer")} for row in map(json.loads, lines))


# Our task, that of the harness, its split, and the records that it reads from the Hub made of our files.
HARNESS_TASKS: dict[str, tuple[str, str, Callable[[list[Path], Settings], Iterator[dict[str, Any]]]]] = {
    "lambada": ("lambada_openai", "test", _lambada),
    "wikitext2": ("wikitext", "test", _wikitext),
    "natural_questions": ("nq_open", "validation", _questions),
}


def evaluate_as_harness(scorer: Scorer, tasks: dict[str, list[Path]], settings: Settings, scratch: Path) -> list[TaskResult]:
    """Run the harness's version of our tasks, given by name with their files; what it has no version of is left out.

    `scratch` receives the files as the records that it reads. Raises WebtextError where the harness is not installed.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # NB: read when its libraries are imported; nothing is to be asked of the Hub
    try:
        import lm_eval
        from lm_eval.api.model import LM
        from lm_eval.tasks import TaskManager
    except ImportError as error:
        raise WebtextError(f"evaluate: {error}; install the harness with `pip install 'webtext[lm-eval]'`, or leave out --as") from None

    class Harness(LM):  # type: ignore[misc]  # the package has no types
        """Our scorer behind the harness's interface."""

        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            pairs = [_split(scorer, *request.args) for request in requests]
            return [(score.total, score.all_greedy) for score in scorer.continuations(pairs)]

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            return [float(scorer.rolling(scorer.encode(request.args[0])).sum()) for request in requests]

        def generate_until(self, requests: list[Any]) -> list[str]:
            return [_answer(scorer, *request.args) for request in requests]

    results, known = [], TaskManager().task_index
    for ours in HARNESS_TASKS.keys() & tasks.keys():
        name, split, read = HARNESS_TASKS[ours]
        records = scratch / f"{name}.jsonl"
        records.write_text("".join(json.dumps(record) + "\n" for record in read(tasks[ours], settings)), encoding="utf-8")
        task = {
            "include": str(known[name].yaml_path),
            "dataset_path": "json",
            "dataset_name": None,
            "dataset_kwargs": {"data_files": {split: str(records)}, "cache_dir": str(scratch / "datasets")},
            "training_split": None,
            "validation_split": "validation" if split == "validation" else None,
        }
        (scratch / f"{name}.yaml").write_text(json.dumps(task), encoding="utf-8")  # JSON is YAML too
        found = lm_eval.simple_evaluate(Harness(), tasks=[str(scratch / f"{name}.yaml")], bootstrap_iters=0, verbosity="ERROR")
        results.append(_result(ours, name, found))
    return sorted(results, key=lambda result: list(HARNESS_TASKS).index(result.task))


def _split(scorer: Scorer, context: str, continuation: str) -> tuple[Sequence[int], Sequence[int]]:
    """The tokens of context and continuation as the harness parts them: blanks at the end of a context belong to what follows."""
    stripped = context.rstrip()
    if not context:
        return [], scorer.encode(continuation)
    whole, begin = scorer.encode(context + continuation), scorer.encode(stripped)
    return whole[: len(begin)], whole[len(begin) :]


def _answer(scorer: Scorer, context: str, options: dict[str, Any]) -> str:
    """What greedy decoding writes, up to the first of the strings that end it."""
    most = int(options.get("max_gen_toks", LONGEST_ANSWER))
    most = min(most, scorer.context - 1)
    prompt = (scorer.encode(context) or [scorer.tokenizer.eot])[-(scorer.context - most) :]
    ends = [end for end in options.get("until", []) if end]
    written: list[int] = []
    text = ""
    for (token,) in generate(scorer.model, prompt, max_tokens=most, temperature=0.0, stop=scorer.tokenizer.eot):
        if token is None:
            break
        written.append(token)
        text = scorer.tokenizer.decode_bytes(written).decode("utf-8", "replace")
        if any(end in text for end in ends):
            break
    return min((text.split(end)[0] for end in ends), key=len, default=text)


def _result(ours: str, name: str, found: dict[str, Any]) -> TaskResult:
    version = found["versions"].get(name)
    count = found["n-samples"][name]["effective"]
    measures = []
    for key, value in found["results"][name].items():
        metric, _, kind = key.partition(",")
        if kind and not metric.endswith("_stderr") and isinstance(value, float) and not math.isnan(value):
            protocol = {"as": "lm-eval", "harness": found.get("lm_eval_version", ""), "task": f"{name} {version}", "filter": kind}
            measures.append(Measure(metric, value, count, "examples", protocol))
    return TaskResult(ours, measures)
