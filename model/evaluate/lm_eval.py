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

from model.evaluate.generation import Decoding, fitting, generate_texts
from model.evaluate.results import Measure, TaskResult
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings
from model.evaluate.tasks.natural_questions import read_questions
from webtext.core.errors import WebtextError
from webtext.overlap.record_readers import read_lambada
from webtext.overlap.text_readers import read_wikitext

LONGEST_ANSWER = 256  # tokens that the harness lets a model write where a task does not say how many


def _lambada(files: list[Path], settings: Settings) -> Iterator[dict[str, Any]]:
    for path in files:
        yield from ({"text": text} for _, text, _ in settings.limited(read_lambada(path, "text")))


def _wikitext(files: list[Path], settings: Settings) -> Iterator[dict[str, Any]]:
    for path in files:
        yield from ({"page": text} for _, text in settings.limited(read_wikitext(path)))


def _questions(files: list[Path], settings: Settings) -> Iterator[dict[str, Any]]:
    questions = settings.limited(read_questions(files, len(files)))
    return ({"question": question.text, "answer": question.answers} for question in questions)


# By our task: the file that defines the harness's, its split, and the records that it reads from the Hub made of our files.
HARNESS_TASKS: dict[str, tuple[str, str, Callable[[list[Path], Settings], Iterator[dict[str, Any]]]]] = {
    "lambada": ("lambada/lambada_openai.yaml", "test", _lambada),
    "wikitext_2": ("wikitext/wikitext.yaml", "test", _wikitext),
    "natural_questions": ("nq_open/nq_open.yaml", "validation", _questions),
}


def harness(scorer: Scorer) -> Any:
    """Our scorer as a model of the harness. Raises WebtextError where that is not installed."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # NB: read when its libraries are imported; nothing is to be asked of the Hub
    try:
        from lm_eval.api.model import LM
    except ImportError as error:
        raise WebtextError(f"evaluate: {error}; install the harness with `pip install 'webtext[lm-eval]'`, or leave out --as") from None

    class Harness(LM):  # type: ignore[misc]  # the package has no types
        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            pairs = [scorer.pair(*request.args) for request in requests]
            return [(score.total, score.all_greedy) for score in scorer.continuations(pairs)]

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            return [float(scorer.rolling(scorer.encode(request.args[0])).sum()) for request in requests]

        def generate_until(self, requests: list[Any]) -> list[str]:
            return _answers(scorer, [request.args for request in requests])

    return Harness()


def evaluate_as_harness(scorer: Scorer, ours: str, files: list[Path], settings: Settings, scratch: Path) -> TaskResult:
    """Run the harness's version of one of our tasks, a name of HARNESS_TASKS, on its files.

    The directory `scratch` receives the records that it reads. Raises WebtextError where the harness is not installed.
    """
    model = harness(scorer)
    import lm_eval
    from lm_eval.tasks import TaskManager

    definition, split, read = HARNESS_TASKS[ours]
    name = Path(definition).stem
    scratch.mkdir(parents=True, exist_ok=True)
    records, path = scratch / f"{name}.jsonl", scratch / f"{name}.yaml"
    records.write_text("".join(json.dumps(record) + "\n" for record in read(files, settings)), encoding="utf-8")
    task = {
        "include": str(Path(lm_eval.__file__).parent / "tasks" / definition),
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": {split: str(records)}, "cache_dir": str(scratch / "datasets")},
        "training_split": None,
        "validation_split": "validation" if split == "validation" else None,
    }
    path.write_text(json.dumps(task), encoding="utf-8")  # JSON is YAML too
    manager = TaskManager(include_defaults=False)  # to list its thousands of other tasks takes 20 seconds
    found = lm_eval.simple_evaluate(model, tasks=[str(path)], task_manager=manager, bootstrap_iters=0, verbosity="ERROR")
    return _result(ours, name, found)


def _answers(scorer: Scorer, requests: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """What greedy decoding writes behind each context, up to the first of the strings that end it."""
    found: dict[int, str] = {}
    kinds = [(int(options.get("max_gen_toks", LONGEST_ANSWER)), tuple(options.get("until", ()))) for _, options in requests]
    for most, stops in sorted(set(kinds)):
        chosen = [number for number, kind in enumerate(kinds) if kind == (most, stops)]
        decoding = Decoding(min(most, scorer.context - 1), tuple(filter(None, stops)))
        prompts = [scorer.encode(requests[number][0]) or [scorer.tokenizer.eot] for number in chosen]
        texts = generate_texts(scorer, fitting(scorer, prompts, decoding.max_tokens)[0], decoding)
        found.update(zip(chosen, (text.text for text in texts)))
    return [found[number] for number in range(len(requests))]


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
