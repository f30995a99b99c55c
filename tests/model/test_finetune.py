"""Fine-tuning: each input against one written out, the losses by hand, the shared dropout, resuming, export and errors."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from model import hf
from model.checkpoint import Checkpoint
from model.device import machine
from model.finetune.classifier import Classifier, marks_of, with_marks
from model.finetune.measures import MEASURES
from model.finetune.objective import Encoded, Finetuning
from model.finetune.run import Recipe, finetune
from model.finetune.tasks import TASKS, Example, TaskData, files_of, own_task, read_task
from model.finetune.transformations import Marks, choice, classification, entailment, fit, similarity
from model.finetune.zero_shot import read_dprd
from model.gpt2 import GPT2, GPT2Config, preset
from model.log import read_log
from model.lstm import LanguageModel, build_model
from model.train import TrainConfig, train
from model.weights import load_language_model
from tests.model.byte_tokenizer import Bytes
from tests.model.runs import ROOT, signal_at
from tokenizer import train as train_tokenizer
from webtext.cli.commands import app
from webtext.core.errors import UsageError, WebtextError
from webtext.tokens.shards import write_shard

MARKS = Marks(257, 258, 259)
RECIPE = Recipe(lr=3e-3, batch=8, epochs=2, device="cpu", precision="fp32", threads=1)


def small(architecture: str = "gpt2", vocab_size: int = 257) -> LanguageModel:
    return build_model(GPT2Config(2, 2, 16, 32, vocab_size, architecture=architecture), seed=3)


def moods(examples: int) -> TaskData:
    rows = [Example((f"{'good' if number % 2 else 'bad'} {number % 7}",), (), float(number % 2)) for number in range(examples)]
    return TaskData(TASKS["sst2"], rows, rows[:12])


def test_each_transformation_is_the_one_written_out() -> None:
    s, d, e = MARKS
    assert classification([1, 2, 3], MARKS, 99) == [[s, 1, 2, 3, e]]
    assert entailment([1, 2], [3], MARKS, 99) == [[s, 1, 2, d, 3, e]]
    assert similarity([1, 2], [3], MARKS, 99) == [[s, 1, 2, d, 3, e], [s, 3, d, 1, 2, e]]
    assert choice([1, 2], [3], [[4], [5, 6]], MARKS, 99) == [[s, 1, 2, 3, d, 4, e], [s, 1, 2, 3, d, 5, 6, e]]
    assert choice([1, 2, 3, 4], [5], [[6], [7, 8]], MARKS, 8) == [[s, 1, 2, 3, 5, d, 6, e], [s, 1, 2, 5, d, 7, 8, e]]
    assert entailment([1, 2, 3, 4, 5], [6, 7], MARKS, 8) == [[s, 1, 2, 3, d, 6, 7, e]]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), max_size=8), min_size=1, max_size=3), st.integers(0, 20))
def test_what_is_too_long_loses_the_end_of_its_longest_part(parts: list[list[int]], room: int) -> None:
    slow = [list(part) for part in parts]
    while sum(map(len, slow)) > room:
        longest = max(map(len, slow))
        last = max(index for index, part in enumerate(slow) if len(part) == longest)
        slow[last].pop()
    assert [list(part) for part in fit(parts, room)] == slow


def test_an_example_longer_than_the_context_is_counted() -> None:
    task = TASKS["rte"]
    examples = [Example(("x" * length, "y" * 4), (), 0.0) for length in (9, 10)]
    encoded = Encoded(examples, task, Bytes(), MARKS, 16)
    assert encoded.truncated == 1
    assert [len(sequences[0]) for sequences in encoded.sequences] == [16, 16]


def batch(model: Classifier, kind: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    task = {"classification": TASKS["sst2"], "similarity": TASKS["mrpc"], "choice": TASKS["storycloze"]}[kind]
    texts = [("abc", "de"), ("fghij", "k")]
    examples = [Example(pair[: len(task.texts)], ("lm", "n") if kind == "choice" else (), float(place)) for place, pair in enumerate(texts)]
    tokens, places, labels = Encoded(examples, task, Bytes(), MARKS, 32).load(np.array([0, 1]))
    return torch.from_numpy(tokens), torch.from_numpy(places), torch.from_numpy(labels)


def classifier(kind: str, *, auxiliary: float = 0.0, dropout: float = 0.0, architecture: str = "gpt2") -> Classifier:
    outputs = 1 if kind == "choice" else 2
    transformer = with_marks(small(architecture), dropout=0.0, seed=5)
    return Classifier(transformer, kind, outputs, dropout=dropout, auxiliary=auxiliary, seed=7)


@pytest.mark.parametrize("kind", ["classification", "similarity", "choice"])
def test_the_loss_is_that_by_hand(kind: str) -> None:
    """L2, the cross-entropy of the head, and half of L1: each sequence read alone and unpadded, the mean over its tokens."""
    model = classifier(kind, auxiliary=0.5)
    tokens, places, labels = batch(model, kind)
    by_hand = torch.zeros(())
    for example in range(2):
        states, language = [], []
        for row, place in zip(tokens[example], places[example]):
            sequence = row[: int(place) + 1]
            hidden = model.transformer.hidden(sequence[None])[0]
            states.append(hidden[-1])
            language.append(F.cross_entropy(model.transformer.logits(hidden)[:-1], sequence[1:]))
        logits = (
            torch.stack([state @ model.head.weight[0] for state in states])
            if kind == "choice"
            else sum(states, torch.zeros(16)) @ model.head.weight.T
        )
        by_hand = by_hand + F.cross_entropy(logits, labels[example].long()) + 0.5 * torch.stack(language).mean()
    loss = model(tokens, places, labels)
    torch.testing.assert_close(loss, by_hand)
    parameters = list(model.parameters())
    for ours, other in zip(torch.autograd.grad(loss, parameters), torch.autograd.grad(by_hand, parameters)):
        torch.testing.assert_close(ours, other, atol=2e-6, rtol=1e-4)


@pytest.mark.parametrize("kind", ["similarity", "choice"])
def test_dropout_is_the_same_for_all_sequences_of_an_example(kind: str) -> None:
    """Gradients against autograd on the unrolled form: one mask an example, multiplied into the state of each sequence by itself."""
    model = classifier(kind, dropout=0.5)
    states = torch.randn(3, 2, 16, generator=torch.Generator().manual_seed(1), requires_grad=True)
    torch.manual_seed(11)
    ours = model.logits(states)
    torch.manual_seed(11)
    masks = F.dropout(torch.ones(3, 1, 16), 0.5)[:, 0]
    assert set(masks.flatten().tolist()) == {0.0, 2.0}
    rows = []
    for example in range(3):
        one, other = (states[example, order] * masks[example] for order in range(2))
        head = model.head.weight
        rows.append(torch.stack([one @ head[0], other @ head[0]]) if kind == "choice" else one @ head.T + other @ head.T)
    unrolled = torch.stack(rows)
    torch.testing.assert_close(ours, unrolled)
    targets = torch.tensor([0, 1, 1])
    gradients = [torch.autograd.grad(F.cross_entropy(each, targets), [states, model.head.weight]) for each in (ours, unrolled)]
    for mine, other in zip(*gradients):
        torch.testing.assert_close(mine, other)
    assert not torch.equal(model.eval().logits(states), ours)


def test_the_measures_are_those_by_hand() -> None:
    predicted, right = np.array([1.0, 1, 0, 0, 1]), np.array([1.0, 0, 0, 1, 1])
    assert MEASURES["accuracy"](predicted, right) == 0.6
    assert MEASURES["f1"](predicted, right) == pytest.approx(2 / 3)
    assert MEASURES["matthews"](predicted, right) == pytest.approx((2 * 1 - 1 * 1) / 6)
    assert MEASURES["matthews"](np.ones(5), right) == 0.0
    scores, truth = np.array([0.1, 0.4, 0.4, 0.9]), np.array([1.0, 2.0, 4.0, 3.0])
    assert MEASURES["pearson"](scores, truth) == pytest.approx(np.corrcoef(scores, truth)[0, 1])
    assert MEASURES["spearman"](scores, truth) == pytest.approx(np.corrcoef([1, 2.5, 2.5, 4], [1, 2, 4, 3])[0, 1])


def test_layers_are_taken_from_the_first_on() -> None:
    start = small()
    assert marks_of(257) == MARKS
    model = with_marks(start, dropout=0.1, seed=5, layers=1)
    fresh = with_marks(start, dropout=0.1, seed=5, pretrained=False)
    there, drawn, taken = (each.state_dict() for each in (start, fresh, model))
    assert torch.equal(taken["wte.weight"][:257], there["wte.weight"][:257])
    assert torch.equal(taken["wte.weight"][257:260], drawn["wte.weight"][257:260])
    assert 0.01 < float(taken["wte.weight"][257:260].std()) < 0.03
    assert torch.equal(taken["h.0.mlp.c_fc.weight"], there["h.0.mlp.c_fc.weight"])
    assert torch.equal(taken["h.1.mlp.c_fc.weight"], drawn["h.1.mlp.c_fc.weight"])
    assert not torch.equal(drawn["h.1.mlp.c_fc.weight"], there["h.1.mlp.c_fc.weight"])


def test_it_learns_and_is_the_same_twice(tmp_path: Path) -> None:
    summary = finetune(small(), Bytes(), moods(64), tmp_path / "one", RECIPE, seeds=[0, 1])
    assert summary["median"]["accuracy"] > 0.9
    assert summary == json.loads((tmp_path / "one/results.json").read_text())
    finetune(small(), Bytes(), moods(64), tmp_path / "other", RECIPE)
    one, other = (Checkpoint(tmp_path / name / "seed-0/last.safetensors").tensors for name in ("one", "other"))
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
    assert not torch.equal(one["model.head.weight"], Checkpoint(tmp_path / "one/seed-1/last.safetensors").tensors["model.head.weight"])


PROGRAM = """
import sys
from pathlib import Path
from tests.model.test_finetune import Bytes, RECIPE, finetune, moods, small
from dataclasses import replace
finetune(small(), Bytes(), moods(64), Path(sys.argv[1]), replace(RECIPE, epochs=12))
"""


def test_killed_and_resumed_it_ends_in_the_same_bits(tmp_path: Path) -> None:
    finetune(small(), Bytes(), moods(64), tmp_path / "whole", replace(RECIPE, epochs=12))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "killed")], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    signal_at([process], tmp_path / "killed/seed-0/log.jsonl", 20, signal.SIGKILL)
    assert 0 < Checkpoint(tmp_path / "killed/seed-0/last.safetensors").state.step < 96
    finetune(small(), Bytes(), moods(64), tmp_path / "killed", replace(RECIPE, epochs=12))
    for name in ("last.safetensors", "best.safetensors"):
        one, other = (Checkpoint(tmp_path / run / "seed-0" / name).tensors for run in ("whole", "killed"))
        assert all(torch.equal(tensor, other[key]) for key, tensor in one.items())
    assert (tmp_path / "whole/results.json").read_bytes() == (tmp_path / "killed/results.json").read_bytes()


@pytest.mark.parametrize("kind", ["classification", "similarity", "choice"])
@pytest.mark.parametrize("architecture", ["gpt2", "gpt1"])
def test_transformers_gives_the_same_logits(architecture: str, kind: str, tmp_path: Path) -> None:
    """Of a pair the logits of both orders are added, of a choice each answer has its own."""
    import transformers

    task = {"classification": TASKS["sst2"], "similarity": TASKS["mrpc"], "choice": TASKS["storycloze"]}[kind]
    texts = [("abc", "de"), ("fghij", "k")]
    rows = [Example(pair[: len(task.texts)], ("lm", "n") if kind == "choice" else (), float(place)) for place, pair in enumerate(texts)]
    start = small(architecture)
    objective = Finetuning(RECIPE.settings(start, 2, 0), start, Bytes(), TaskData(task, rows, rows))
    with machine("cpu", "fp32") as here, torch.no_grad():
        objective.export(tmp_path / "hf", None, here)
        theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "hf").eval()
        expected = objective.outputs(here).float()
        for example, sequences in enumerate(objective.val.sequences):
            longest = max(map(len, sequences))
            padded = torch.tensor([row + [theirs.config.pad_token_id] * (longest - len(row)) for row in sequences])
            logits = theirs(padded).logits
            found = logits[:, 0] if kind == "choice" else logits.sum(0)
            torch.testing.assert_close(found, expected[example], atol=1e-5, rtol=1e-4)
    assert json.loads((tmp_path / "measures.json").read_text())["measures"].keys() == set(task.measures)
    assert load_language_model(tmp_path / "hf").config.vocab_size == 260


def test_gpt1_is_that_of_transformers(tmp_path: Path) -> None:
    import transformers

    assert preset("gpt1").parameters == 116_534_784
    model = small("gpt1").eval()
    assert isinstance(model, GPT2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())))
        hf.export(model, tmp_path)
        tokens = torch.randint(257, (2, 20), generator=torch.Generator().manual_seed(0))
        theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
        assert type(theirs).__name__ == "OpenAIGPTLMHeadModel"
        torch.testing.assert_close(theirs(tokens).logits, model(tokens), rtol=0, atol=1e-4)
        torch.testing.assert_close(hf.load(tmp_path).eval()(tokens), model(tokens), rtol=0, atol=0)


@pytest.fixture
def few_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """An LSTM of 2,048 units has 17 million weights, whatever the width."""
    for module in ("gpt2", "lstm"):
        monkeypatch.setattr(f"model.{module}.LSTM_UNITS", 24)


def test_an_lstm_learns_too(tmp_path: Path, few_units: None) -> None:
    summary = finetune(small("lstm"), Bytes(), moods(16), tmp_path, replace(RECIPE, epochs=1))
    assert 0 <= summary["median"]["accuracy"] <= 1
    assert not (tmp_path / "seed-0/hf").exists()


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_published_tables_are_read_as_they_are(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", 'gj04\t1\t\tHe said "so.\ngj04\t0\t*\tSo said he.\n')
    write(tmp_path / "dev.tsv", "gj04\t1\t\tYes.\n")
    data = read_task(TASKS["cola"], *files_of(TASKS["cola"], tmp_path))
    assert data.train == [Example(('He said "so.',), (), 1.0), Example(("So said he.",), (), 0.0)]
    passage = {"article": "a b", "questions": ["q"], "options": [["w", "x\ny", "z", "v"]], "answers": ["B"]}
    for split, answer in (("train/high", "B"), ("train/middle", "A"), ("dev/high", "D")):
        (tmp_path / "race" / split).mkdir(parents=True)
        write(tmp_path / "race" / split / "1.txt", json.dumps({**passage, "answers": [answer]}))
    data = read_task(TASKS["race"], *files_of(TASKS["race"], tmp_path))
    assert data.train[0] == Example(("a b", "q"), ("w", "x\ny", "z", "v"), 1.0)
    assert [example.label for example in data.train + data.val] == [1.0, 0.0, 3.0]


@pytest.mark.parametrize(
    ("rows", "kind", "reason"),
    [
        ("a,yes\nb,\n", UsageError, "row 2: column 'label' has no label"),
        ("a,yes\nb,yes\n", UsageError, "all 2 examples have the label 'yes'; a task has two classes or more"),
        ("a,yes\nb,no\n", UsageError, "row 1: no field 'body'; its fields are: text, label"),
    ],
)
def test_own_data_that_cannot_be_learned_is_refused(tmp_path: Path, rows: str, kind: type[WebtextError], reason: str) -> None:
    path = write(tmp_path / "own.csv", f"text,label\n{rows}")
    column = "body" if "body" in reason else "text"
    with pytest.raises(WebtextError, match=reason.replace("(", r"\(")):
        read_task(own_task([column], "label", [], "", False), [path], [])


def test_own_data_hold_out_every_tenth(tmp_path: Path) -> None:
    path = write(tmp_path / "own.csv", "text,label\n" + "".join(f"t{number},{'ab'[number % 2]}\n" for number in range(1, 31)))
    data = read_task(own_task(["text"], "label", [], "", False), [path], [], limit=9)
    assert [example.texts[0] for example in data.val] == ["t10", "t20", "t30"]
    assert [example.texts[0] for example in data.train] == ["t1", "t4", "t7", "t11", "t14", "t17", "t21", "t24", "t27"]
    assert data.task.classes == ("a", "b")
    with pytest.raises(WebtextError, match=r"row 1: the label 'c' is not one of a, b"):
        read_task(own_task(["text"], "label", [], "", False), [path], [write(tmp_path / "val.csv", "text,label\nt,c\n")])
    with pytest.raises(UsageError, match="two texts are a pair"):
        own_task(["one", "other"], "label", [], "", False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a pre-trained model of 2 layers, its kept checkpoints, its tokenizer, and the files of tasks."""
    directory = tmp_path_factory.mktemp("home")
    bpe = train_tokenizer(["a good day and a bad day, very positive and negative. "] * 3, 270)
    bpe.save(directory / "tokenizer")
    (directory / "tokens").mkdir()
    ids = np.array([bpe.eot, *bpe.encode("a good day and a bad day, very positive. " * 40)])
    for split in ("train", "val"):
        write_shard(directory / "tokens" / f"{split}-00000.bin", [ids], vocab_size=bpe.vocab_size)
    plan = TrainConfig(**SHAPE, vocab_size=bpe.vocab_size, steps=4, batch_tokens=128, keep_every=2, device="cpu", threads=1)
    train(plan, directory / "tokens", directory / "model")
    (directory / "data").mkdir()
    for split, examples in (("train", 24), ("dev", 8)):
        rows = "".join(f"a {'good' if number % 2 else 'bad'} day {number}\t{number % 2}\n" for number in range(examples))
        write(directory / "data" / f"{split}.tsv", f"sentence\tlabel\n{rows}")
    write(
        directory / "data" / "test.c.txt",
        PRONOUN,
    )
    return directory


PRONOUN = "The good day beat the bad day because it was good.\nit\nThe good day,the bad day\nThe good day\n\n"
SHAPE: dict[str, Any] = {"layers": 2, "heads": 2, "width": 16, "context": 64}


def test_pre_training_goes_on_from_given_weights(home: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in (home / "model").glob("step-*")) == ["step-00000002.safetensors", "step-00000004.safetensors"]
    assert Checkpoint(home / "model/step-00000002.safetensors").state.step == 2
    plan = TrainConfig(size="nano", vocab_size=270, steps=1, batch_tokens=128, device="cpu", lr=1e-30, weight_decay=0.0, warmup=0)
    began = train(replace(plan, init_from=str(home / "model")), home / "tokens", tmp_path / "on")
    for name, parameter in load_language_model(began.checkpoint).named_parameters():
        assert torch.equal(parameter, dict(load_language_model(home / "model/hf").named_parameters())[name])
    with pytest.raises(WebtextError, match="made from other weights than those given"):
        train(replace(plan, init_from=str(home / "model/step-00000002.safetensors")), home / "tokens", tmp_path / "on")
    with pytest.raises(UsageError, match="init_from: the model knows 270 tokens, the shards 271"):
        train(replace(plan, init_from=str(home / "model"), vocab_size=271), home / "tokens", tmp_path / "other")


@pytest.mark.parametrize("architecture", ["gpt1", "lstm"])
def test_other_architectures_are_pre_trained(architecture: str, home: Path, tmp_path: Path, few_units: None) -> None:
    plan = TrainConfig(**SHAPE, architecture=architecture, vocab_size=270, steps=12, batch_tokens=128, device="cpu", lr=2e-2, warmup=0)
    result = train(plan, home / "tokens", tmp_path)
    losses = [report.loss for report in read_log(result.log)]
    assert losses[-1] < losses[0] - 0.1
    assert load_language_model(tmp_path).config.architecture == architecture
    assert (result.hf is None) == (architecture == "lstm")


def test_the_analyses_write_a_table_and_plots(home: Path, tmp_path: Path) -> None:
    options = ["finetune", str(home / "model"), "--out", str(tmp_path), "--data", str(home / "data"), "--threads", "1", "--device", "cpu"]
    recipe = ["--batch", "8", "--epochs", "1", "--lr", "1e-3"]
    wanted = [f"--analyse={name}" for name in ("full", "no-auxiliary", "no-pretraining", "layers")]
    app([*options, *recipe, "--task", "sst2", *wanted], standalone_mode=False)
    app([*options, "--analyse", "zero-shot", "--task", "sst2", "--task", "dprd"], standalone_mode=False)
    found = json.loads((tmp_path / "analyses.json").read_text())
    assert [row["name"].partition(" with")[2] for row in found["table 5"]] == [" auxiliary loss", "out pre-training", "out auxiliary loss"]
    assert sorted(found["layers"]["sst2"]) == ["0", "1", "2"]
    assert [row["step"] for row in found["zero-shot"]] == [2, 4]
    page = (tmp_path / "analyses.html").read_text()
    assert page.count("<svg") == 3
    assert "91.3" in page
    fresh, whole = (Checkpoint(tmp_path / name / "sst2/seed-0/last.safetensors") for name in ("no-pretraining", "full"))
    assert (fresh.state.config["pretrained"], whole.state.config["pretrained"]) == (False, True)


def test_the_command_fine_tunes_and_names_what_is_wrong(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = write(tmp_path / "own.csv", "one,other,score\n" + "".join(f"good {number},bad {number},{number / 10}\n" for number in range(20)))
    options = ["finetune", str(home / "model"), "--out", str(tmp_path / "out"), "--threads", "1", "--epochs", "1", "--device", "cpu"]
    data = ["--train-file", str(own), "--text", "one", "--text", "other", "--label", "score", "--regression"]
    app([*options, *data, "--kind", "similarity"], standalone_mode=False)
    assert "own pearson" in capsys.readouterr().out
    assert (tmp_path / "out/seed-0/hf/tokenizer.json").exists()
    for more, reason in (
        (data, "two texts are a pair: give the kind"),
        (["--task", "sst3", "--data", str(home / "data")], "there is no task 'sst3'; known are sst2"),
        (["--task", "rte", "--data", str(tmp_path)], "has no file train.tsv of the task rte"),
        (["--task", "sst2"], "give --task with --data"),
    ):
        with pytest.raises(UsageError, match=reason):
            app([*options, *more], standalone_mode=False)


def test_a_pronoun_is_taken_where_it_stands_last(home: Path, tmp_path: Path) -> None:
    (example,) = read_dprd(home / "data/test.c.txt")
    assert example == ("The good day beat the bad day because", " was good.", ["The good day", "the bad day"], 0)
    with pytest.raises(WebtextError, match=r"broken\.txt, line 1: not an example"):
        read_dprd(write(tmp_path / "broken.txt", "A cat sat.\nit\na,b\na\n"))
