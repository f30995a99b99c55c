"""lm-evaluation-harness itself, offline on a tiny random model, evaluates the examples of samples/ and no others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from webtext.overlap.samples import KINDS, samples, tasks

OVERLAPS = {"planted": ["none", "heavy", "some", "short", "none"], "untouched": ["none"] * 3}
TASK = """\
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {path}}}}}
test_split: test
output_type: loglikelihood
doc_to_text: "{{{{question}}}}"
doc_to_target: " {{{{answer}}}}"
metric_list: [{{metric: acc}}]
"""


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Evaluates the test sets in the file of a kind: for each task the indices of the examples that were evaluated."""
    lm_eval = pytest.importorskip("lm_eval", reason="lm_eval is not installed (pip install lm_eval)")
    from lm_eval.api.model import LM
    from lm_eval.tasks import TaskManager

    class Random(LM):  # type: ignore[misc]
        """A model that guesses."""

        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            return [(-1.0, len(request.args[0]) % 2 == 0) for request in requests]

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            raise NotImplementedError

        def generate_until(self, requests: list[Any]) -> list[str]:
            raise NotImplementedError

    directory = tmp_path_factory.mktemp("tasks")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    for name, kinds in OVERLAPS.items():
        path = directory / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"question": f"What is {index}?", "answer": "a number"}) + "\n" for index in range(len(kinds))))
        (directory / f"{name}.yaml").write_text(TASK.format(name=name, path=path))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(directory / "cache"))
    manager = TaskManager(include_path=str(directory), include_defaults=False)

    def run(kind: str, names: list[str]) -> dict[str, list[int]]:
        listed = json.loads(samples(OVERLAPS, kind))
        done = lm_eval.simple_evaluate(Random(), tasks=names, samples=listed, task_manager=manager, bootstrap_iters=0)
        return {name: [int(each["doc"]["question"].split()[-1][:-1]) for each in done["samples"][name]] for name in names}

    yield run
    monkeypatch.undo()


@pytest.mark.parametrize("kind", KINDS)
def test_the_listed_examples_are_evaluated_and_no_others(evaluate: Any, kind: str) -> None:
    names = tasks(OVERLAPS, kind).decode().strip().split(",")
    expected = {name: [index for index, each in enumerate(OVERLAPS[name]) if each in KINDS[kind]] for name in names}
    assert evaluate(kind, names) == expected


@pytest.mark.parametrize("kind", ["dirty", "heavy"])
def test_a_task_without_an_example_is_refused(evaluate: Any, kind: str) -> None:
    """And not evaluated as a whole, as with an empty list."""
    with pytest.raises(AssertionError, match="Elements of --samples should be in the interval"):
        evaluate(kind, ["untouched"])
