"""The harness's own tasks over our scorer, beside the harness's protocol written out with transformers' GPT-2."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from model import hf
from model.device import Machine
from model.evaluate.lm_eval import evaluate_as_harness, harness
from model.evaluate.lm_eval_tasks import write_harness_task
from model.evaluate.results import Measure
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings
from model.evaluate.tasks import TASKS
from model.gpt2 import GPT2, GPT2Config
from tokenizer import ByteBPE, train

PASSAGES = ("The cat sat on the mat and looked at the dog", 'She said: "Not now, my dear', "Rain fell on the town all day and all night")

pytest.importorskip("lm_eval")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scorer, Path]:
    """A small model with a tokenizer, and its directory."""
    directory = tmp_path_factory.mktemp("model")
    bpe: ByteBPE = train(PASSAGES * 3, 300)
    gpt2 = GPT2(GPT2Config(layers=2, heads=2, width=32, context=64, vocab_size=bpe.vocab_size), seed=3)
    with torch.no_grad():
        for parameter in gpt2.parameters():
            parameter.mul_(3)
    hf.export(gpt2, directory, eot=bpe.eot)
    bpe.save(directory, context=64)
    return Scorer(gpt2, bpe, Machine(torch.device("cpu"), "fp32")), directory


def by_name(measures: list[Measure]) -> dict[str, float]:
    return {measure.name: measure.value for measure in measures}


def test_lambada_is_that_of_the_harness(model: tuple[Scorer, Path], tmp_path: Path) -> None:
    """Target and context as its task has them, log-probabilities by transformers."""
    import transformers

    scorer, directory = model
    file = tmp_path / "lambada_test.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in PASSAGES))
    found = by_name(evaluate_as_harness(scorer, "lambada", [file], Settings(), tmp_path / "scratch").measures)
    theirs = transformers.GPT2LMHeadModel.from_pretrained(directory).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    totals, right = [], []
    for text in PASSAGES:
        context, _, word = text.rpartition(" ")
        begin, whole = tokenizer(context)["input_ids"], tokenizer(f"{context} {word}")["input_ids"]
        with torch.no_grad():
            logprobs = torch.log_softmax(theirs(torch.tensor([whole[:-1]])).logits[0], -1)[len(begin) - 1 :]
        target = torch.tensor(whole[len(begin) :])
        totals.append(float(logprobs.gather(1, target[:, None]).sum()))
        right.append(bool((logprobs.argmax(1) == target).all()))
    assert math.log(found["perplexity"]) == pytest.approx(-sum(totals) / len(totals), abs=1e-4)
    assert found["acc"] == sum(right) / len(right)


def test_wikitext_and_questions_run(model: tuple[Scorer, Path], tmp_path: Path) -> None:
    """Rolling windows count the words of the original; a greedy answer is compared without case and punctuation."""
    scorer, _ = model
    page, questions = tmp_path / "wiki.test.raw", tmp_path / "NQ-open.dev.jsonl"
    page.write_text(" \n = Cat = \n \n The cat sat on the mat , and slept . \n")
    result = evaluate_as_harness(scorer, "wikitext_2", [page], Settings(), tmp_path / "scratch")
    found = by_name(result.measures)
    assert result.measures[0].protocol["task"] == "wikitext 2.0"
    assert found["bits_per_byte"] == pytest.approx(math.log2(found["byte_perplexity"]))
    questions.write_text(json.dumps({"question": "where did the cat sit", "answer": ["mat"]}) + "\n")
    result = evaluate_as_harness(scorer, "natural_questions", [questions], Settings(), tmp_path / "scratch")
    assert by_name(result.measures) == {"exact_match": 0.0}


@pytest.mark.parametrize("name", ["cbt_cn", "ptb"])
def test_tasks_that_the_harness_lacks_give_our_figures(model: tuple[Scorer, Path], tmp_path: Path, name: str) -> None:
    """Its own run of the task that we write for it, beside our task."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    scorer, _ = model
    task = TASKS[name]
    files = task.files(Path(__file__).parent / "data")
    definition = write_harness_task(name, files, Settings(), tmp_path)[1]
    cells = json.loads(definition.read_text())
    cells["dataset_kwargs"] = {"data_files": {"test": str(tmp_path / f"{name}.jsonl")}, "cache_dir": str(tmp_path / "cache")}
    definition.write_text(json.dumps(cells))
    manager = TaskManager(include_defaults=False)
    found = lm_eval.simple_evaluate(harness(scorer), tasks=[str(definition)], task_manager=manager, bootstrap_iters=0)["results"]
    ours = {measure.name: measure.value for measure in task.run(scorer, files, Settings()).measures if fits(measure.protocol)}
    theirs = found[f"webtext_{name}"]
    if name == "cbt_cn":
        assert theirs["acc,none"] == ours["accuracy"]
    else:
        assert theirs["byte_perplexity,none"] == pytest.approx(ours["perplexity per byte"], rel=1e-4)


def fits(protocol: Mapping[str, object]) -> bool:
    return protocol.get("text") == "as it is" and protocol.get("joining", "sentence by sentence") == "sentence by sentence"
