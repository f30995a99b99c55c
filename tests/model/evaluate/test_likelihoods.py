"""Tasks that score likelihoods: figures known in closed form, models that know the answers, examples scored by hand, published counts."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import torch

from model.device import Machine
from model.evaluate.results import Measure, TaskResult
from model.evaluate.scorer import Scorer
from model.evaluate.task import Settings
from model.evaluate.tasks import LIKELIHOODS, TASKS
from model.evaluate.tasks.cbt import choices, read_questions
from model.evaluate.tasks.lambada import preprocessed
from model.evaluate.tasks.winograd import read_schemas
from model.gpt2 import GPT2, GPT2Config
from tests.model.byte_tokenizer import Bytes
from tests.model.evaluate.stand_ins import Constant, Knowing, Ranking, uniform, unigram
from tokenizer import ByteBPE
from webtext.core.config import Benchmark
from webtext.core.errors import WebtextError
from webtext.demo.resources import EVALUATION as DATA
from webtext.overlap.readers import read_examples

HERE = [task for task in LIKELIHOODS if task.files(DATA)]


def run(name: str, scorer: Scorer, settings: Settings | None = None, data: Path = DATA) -> TaskResult:
    return TASKS[name].run(scorer, TASKS[name].files(data), settings or Settings())


def measure(result: TaskResult, name: str, group: str = "", **protocol: object) -> Measure:
    """The only measure of a name and a protocol."""
    (found,) = [
        one for one in result.measures if one.name == name and one.group == group and protocol.items() <= dict(one.protocol).items()
    ]
    return found


# Words and lines of the files of this directory, counted by hand.
TEXTS = {"wikitext_2": (31, 9), "ptb": (22, 3), "1bw": (22, 3)}


@pytest.mark.parametrize("joining", ["one stream", "by"])
@pytest.mark.parametrize("text", ["as it is", "de-tokenized"])
@pytest.mark.parametrize("name", TEXTS)
def test_a_uniform_model_has_the_perplexity_of_its_vocabulary(name: str, text: str, joining: str) -> None:
    """257 a token; a unit of the original costs 257 to the power of how many tokens there are for it."""
    result = run(name, uniform())
    unit = {"wikitext_2": "article", "ptb": "sentence", "1bw": "sentence"}[name]
    protocol = {"text": text, "joining": f"{unit} by {unit}" if joining == "by" else joining}
    tokens = measure(result, "perplexity per token", **protocol)
    assert tokens.value == pytest.approx(257, rel=1e-5)
    (path,) = TASKS[name].files(DATA)
    size = path.stat().st_size
    assert (tokens.count == size) == (text == "as it is")
    words, lines = TEXTS[name]
    for name_, normaliser, count in (("word", "words", words), ("word", "words and ends of lines", words + lines), ("byte", "bytes", size)):
        found = measure(result, f"perplexity per {name_}", normaliser=normaliser, **protocol)
        assert found.count == count
        assert math.log(found.value) == pytest.approx(math.log(257) * tokens.count / count, rel=1e-5)


def test_a_unigram_model_has_the_entropy_of_the_text() -> None:
    """Nats are those of a sum over the bytes, in any windows."""
    text = (DATA / "ptb/ptb.test.txt").read_bytes()
    counts = np.bincount(list(text), minlength=257) + 0.1
    probabilities = counts / counts.sum()
    nats = -sum(math.log(probabilities[byte]) for byte in text)
    for stride in (None, 5, 64):
        result = run("ptb", unigram(probabilities), Settings(stride=stride))
        found = measure(result, "perplexity per word", text="as it is", joining="one stream", normaliser="words and ends of lines")
        assert found.value == pytest.approx(math.exp(nats / 25), rel=1e-4)
        assert found.protocol["stride"] == (stride or 64)


@pytest.mark.parametrize("name", TEXTS)
def test_the_gain_by_de_tokenizing_is_the_difference_of_two_rows(name: str) -> None:
    result = run(name, uniform())
    row = {"joining": "one stream", "normaliser": "words and ends of lines"}
    before, after = (measure(result, "perplexity per word", text=text, **row).value for text in ("as it is", "de-tokenized"))
    assert measure(result, "gain of perplexity per word by de-tokenizing", **row).value == pytest.approx(before - after)
    assert before > after


@pytest.mark.parametrize("name", [*TEXTS, "enwik8", "text8"])
def test_a_figure_is_the_weighted_mean_of_its_outcomes(name: str) -> None:
    """So that it can be had for a part of the examples."""
    probabilities = np.arange(1, 258) / sum(range(1, 258))
    result = run(name, unigram(probabilities))
    mean = sum(one.value for one in result.outcomes) / sum(one.weight for one in result.outcomes)
    if name in TEXTS:
        joining = "article by article" if name == "wikitext_2" else "sentence by sentence"
        row = {"text": "de-tokenized", "joining": joining, "normaliser": "words and ends of lines"}
        assert math.exp(mean) == pytest.approx(measure(result, "perplexity per word", **row).value)
    else:
        assert mean == pytest.approx(measure(result, result.outcomes[0].measure).value)


def test_bits_of_enwik8_and_text8() -> None:
    """A uniform model needs log2 257 bits a byte; a character of two bytes costs twice that."""
    found = run("enwik8", uniform())
    size, characters = (DATA / "enwik8").stat().st_size, len((DATA / "enwik8").read_text())
    assert (size, characters) == (105, 104)
    assert measure(found, "bits per byte").value == pytest.approx(math.log2(257), rel=1e-5)
    assert measure(found, "bits per character").value == pytest.approx(math.log2(257) * size / characters, rel=1e-5)
    assert measure(run("text8", uniform()), "bits per character").count == 12_001


@pytest.mark.parametrize("task", HERE, ids=lambda task: task.name)
def test_ids_are_those_of_the_overlap_reports(task: object) -> None:
    name = getattr(task, "name")  # noqa: B009
    files = [path for path in TASKS[name].files(DATA) if path.suffix != ".json"]
    wanted = [one.id for path in files for one in read_examples(Benchmark(name=name, path=str(path)))]
    outcomes = run(name, uniform(1024)).outcomes
    found = list(dict.fromkeys(one.id for one in outcomes if not one.id.startswith("WSC_")))
    assert [id_ for id_ in found if id_ in wanted] == wanted
    assert set(found) - set(wanted) <= {"0"}  # what stands before the first page of enwik8, white space here


LAMBADA_RANKS = {
    "from the": [" the", ",", " cat"],
    "from the the": [" end"],  # so that the first choice is the word "the"
    "was only": [" Tom", " the"],
    "loved the": [" the", " do"],
    "loved the the": ["sis"],  # so that the first choice becomes "thesis"
    "loved the do": ["g"],
}


def test_lambada_by_hand() -> None:
    """The cat is second to stop words, Tom is first, and the dog, of two tokens, is second to a thesis."""
    scorer = Ranking(lambda text: next((ranks for end, ranks in LAMBADA_RANKS.items() if text.endswith(end)), []))
    result = run("lambada", scorer)
    hand = {
        "last token": [0.0, 1.0, 1.0],
        "whole word": [0.0, 1.0, 0.0],
        "whole word without stop words": [1.0, 1.0, 0.0],
    }
    for decoding, right in hand.items():
        assert [one.value for one in result.outcomes if one.measure == f"accuracy, {decoding}"] == right
        assert measure(result, "accuracy", decoding=decoding).value == pytest.approx(sum(right) / 3)
    assert measure(result, "perplexity per word").value == pytest.approx(math.exp((2 + 0 + 1) / 3))


@pytest.mark.parametrize(("first", "right"), [(" the", 1.0), (" The", 1.0), (",", 1.0), ("cat", 1.0), (" man", 0.0), (" th", 0.0)])
def test_the_filter_passes_over_stop_words_and_what_begins_no_word(tmp_path: Path, first: str, right: float) -> None:
    """But neither over another word nor over the beginning of one that may be none of them."""
    (tmp_path / "lambada_test.jsonl").write_text('{"text": "It took it from a cat"}\n')
    scorer = Ranking(lambda text: [first, " cat"] if text.endswith("from a") else ["umb"] if text.endswith(" th") else ["."])
    assert measure(run("lambada", scorer, data=tmp_path), "accuracy", decoding="whole word without stop words").value == right


def test_an_answer_that_is_a_stop_word_is_never_allowed(tmp_path: Path) -> None:
    (tmp_path / "lambada_test.jsonl").write_text('{"text": "Where did you get it from"}\n')
    result = run("lambada", Ranking(lambda text: [" from"]), data=tmp_path)
    assert measure(result, "accuracy", decoding="whole word").value == 1
    assert measure(result, "accuracy", decoding="whole word without stop words").value == 0


def test_preparation_of_lambada() -> None:
    assert preprocessed(" “Who?” ``I'' said Tom ") == '\n"Who?" "I" said Tom'
    assert measure(run("lambada_preprocessed", uniform(512)), "perplexity per word").paper["1542M"] == 8.63


def test_lambada_agrees_with_the_harness(data_dir: Path) -> None:
    """Its protocol written down again, a passage alone: all but the last word by spaces, then a space and this word; 20 passages."""
    bpe = ByteBPE.load(data_dir / "gpt2")
    model = GPT2(GPT2Config(layers=2, heads=2, width=32, context=256), seed=3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    scorer = Scorer(model, bpe, Machine(torch.device("cpu"), "fp32"))
    result = TASKS["lambada"].run(scorer, [data_dir / "benchmarks/lambada_test.jsonl"], Settings(limit=20))
    found = [one.value for one in result.outcomes if one.measure == "perplexity per word"]
    passages = list(read_examples(Benchmark(name="lambada", path=str(data_dir / "benchmarks/lambada_test.jsonl"))))[:20]
    for (_, text, _), value in zip(passages, found):
        words = text.split(" ")
        before, word = bpe.encode(" ".join(words[:-1])), bpe.encode(f" {words[-1]}")
        with torch.no_grad():
            logprobs = torch.log_softmax(model(torch.tensor([[*before, *word]]))[0].double(), -1)
        expected = sum(float(logprobs[len(before) - 1 + place, token]) for place, token in enumerate(word))
        assert value == pytest.approx(-expected, abs=1e-4)


CBT_RIGHT = ["Then the dog came back", "It is the cat,", "hat is what he wanted"]
CBT_RIGHT_TOKENS = ["Then the dog came back", "It is the cat ,", "hat is what he wanted"]
WINOGRAD_RIGHT = ["because the men feared violence.", "The worm was tasty.", "now Ann's dog barks.", "help Joan had", "help Susan had"]


@pytest.mark.parametrize("opposite", [False, True])
def test_a_model_that_knows_the_answers_and_one_that_knows_the_opposite(opposite: bool) -> None:
    wanted = 0.0 if opposite else 1.0
    cbt = run("cbt_cn", Knowing([*CBT_RIGHT, *CBT_RIGHT_TOKENS], opposite=opposite))
    for text in ("as it is", "de-tokenized"):
        assert measure(cbt, "accuracy", "validation", text=text).value == wanted
    # Of the labelled pairs, what is right in one sentence is wrong in the switched one, so they are left to the next test.
    schemas = [DATA / "WSCollection.xml"]
    for one in TASKS["winograd"].run(Knowing(WINOGRAD_RIGHT, opposite=opposite), schemas, Settings()).measures:
        if one.protocol["scoring"] == "full: the whole sentence":
            assert one.value == wanted


def test_winograd_by_hand() -> None:
    """A model of single bytes finds the sentence with fewer and commoner letters likelier; the rest of it is equal, and the first option
    is taken."""
    probabilities = np.arange(1, 258) / sum(range(1, 258))
    result = TASKS["winograd"].run(unigram(probabilities, 256), [DATA / "WSCollection.xml"], Settings())
    options = [("the men", "the women"), ("The fish", "The worm"), ("Mark's", "Ann's")]
    cost = [[sum(math.log(probabilities[byte]) for byte in option.encode()) for option in pair] for pair in options]
    chosen = [int(second > first) for first, second in cost]
    right = [0, 1, 1]
    full = [float(choice == answer) for choice, answer in zip(chosen, right)]
    assert [one.value for one in result.outcomes if one.measure == "accuracy, full"] == full
    assert [one.value for one in result.outcomes if one.measure == "accuracy, partial"] == [1.0, 0.0, 0.0]


def test_subsets_of_winograd() -> None:
    """By the labels; in a switched sentence the other candidate is right."""
    schemas = list(read_schemas(DATA / "WSC_switched_label.json"))
    assert [(one.group, one.options[one.right]) for one in schemas] == [("switchable, as it is", "Joan"), ("switchable, switched", "Susan")]
    result = run("winograd", Knowing(["Susan for the help Joan", "Joan for the help Joan", "The worm was"]))
    scores = {one.group: one.value for one in result.measures if str(one.protocol["scoring"]).startswith("full")}
    assert scores == {
        "": scores[""], "associative": 1.0, "not associative": 1.0, "switchable, as it is": 1.0, "switchable, switched": 0.0,
    }  # fmt: skip
    assert not result.notes


def test_options_are_written_into_the_sentence() -> None:
    schemas = list(read_schemas(DATA / "WSCollection.xml"))
    written = [[one.before + one.written(option) + one.behind for option in one.options] for one in schemas]
    assert written == [
        [f"The men refused the women a permit because the {who} feared violence." for who in ("men", "women")],
        [f"The fish ate the worm. The {what} was tasty." for what in ("fish", "worm")],
        [f"Mark heard Ann; now {whose}'s dog barks." for whose in ("Mark", "Ann")],
    ]


def test_the_hub_has_the_same_questions(tmp_path: Path) -> None:
    questions = list(read_questions(DATA / "cbtest_CN_valid_2000ex.txt"))
    rows = [{"sentences": one.story, "question": one.sentence, "answer": one.answer, "options": one.options} for one in questions]
    (tmp_path / "CN").mkdir()
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "CN/validation-00000-of-00001.parquet")
    (path,) = TASKS["cbt_cn"].files(tmp_path)
    assert list(read_questions(path)) == questions
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "CN/test.parquet")
    with pytest.raises(WebtextError, match=r"test.parquet, row 1: not the Children's Book Test, which has sentences"):
        list(read_questions(tmp_path / "CN/test.parquet"))


def test_questions_of_cbt_by_hand() -> None:
    """What is scored for each of three questions, with and without the artefacts."""
    questions = list(read_questions(DATA / "cbtest_CN_valid_2000ex.txt"))
    assert [one.answer for one in questions] == ["dog", "cat", "hat"]
    ends = {
        "de-tokenized": [" cat came back.", " dog,' he said.", " cat is what he wanted."],
        "as it is": [" cat came back .", " dog , ' he said ."],
    }
    for text, wanted in ends.items():
        for question, end in zip(questions, wanted):
            context, rest = choices(uniform(), question, text)[question.options.index("dog" if "dog" in end else "cat")]
            assert bytes(rest).decode() == end
            before = bytes(context).decode()
            assert before.startswith(
                "The dog ran. 'Stop!' It didn't. " if text == "de-tokenized" else "The dog ran . ` Stop ! ' It did n't ."
            )


def test_cbt_takes_the_likeliest_option() -> None:
    """Of a model of single bytes: the sum over the option's letters, since the rest of the sentence is the same."""
    probabilities = np.arange(1, 258) / sum(range(1, 258))
    result = run("cbt_cn", unigram(probabilities, 1024))
    best = max(
        ["dog", "cat", "man", "hat", "tree", "path", "pin", "needle", "side", "step"],
        key=lambda word: np.log(probabilities[list(word.encode())]).sum(),
    )
    assert {one.text for one in result.outcomes} == {best}


# Published numbers of examples and units of each set, of the files that people have.
COUNTS = {
    "wikitext_2": ("perplexity per word", {"normaliser": "words and ends of lines"}, 245_569),
    "lambada": ("perplexity per word", {}, 5_153),
    "winograd": ("accuracy", {"scoring": "full: the whole sentence"}, 273),
}


@pytest.mark.parametrize("name", COUNTS)
def test_published_counts(name: str, data_dir: Path) -> None:
    named, protocol, count = COUNTS[name]
    result = run(name, Constant(), data=data_dir / "benchmarks")
    found = [one for one in result.measures if one.name == named and protocol.items() <= dict(one.protocol).items()]
    assert {one.count for one in found} == {count}
    if name == "wikitext_2":
        assert measure(result, "perplexity per byte", text="as it is", joining="one stream").count == 1_290_590
        assert result.notes[0] == "De-tokenized by the rules of WikiText; of 4,358 lines, 10 cannot be and are kept as they are."
        assert len(result.tables["lines kept as they are"]) == 10
        assert len(result.outcomes) == 60


def test_the_papers_figures_stand_once_in_each_column() -> None:
    """Table 3's row of the largest model, each at one protocol."""
    row = {task.name: [one.paper["1542M"] for one in run(task.name, uniform(512)).measures if "1542M" in one.paper] for task in HERE}
    assert row == {
        "lambada": [], "lambada_preprocessed": [8.63, 0.5266, 0.6324], "cbt_cn": [0.933], "cbt_ne": [0.8905], "cbt_v": [], "cbt_p": [],
        "wikitext_2": [18.34], "wikitext_103": [17.48], "ptb": [35.76], "enwik8": [0.93], "text8": [0.98], "1bw": [42.16],
        "winograd": [0.707],
    }  # fmt: skip


def test_a_limit_is_of_lines_or_examples() -> None:
    row = {"text": "as it is", "joining": "one stream"}
    assert measure(run("wikitext_2", uniform(), Settings(limit=4)), "perplexity per byte", **row).count == 71
    assert measure(run("ptb", uniform(), Settings(limit=2)), "perplexity per word", normaliser="words", **row).count == 17
    assert measure(run("cbt_cn", uniform(), Settings(limit=2)), "accuracy", "validation", text="as it is").count == 2


def test_what_is_longer_than_the_context_is_said() -> None:
    assert run("lambada", uniform(64)).notes == ["1 of 3 passages are longer than the model's context and lost their beginning."]
    assert any(note.startswith("3 of 3 passages are longer") for note in run("cbt_cn", uniform(64)).notes)


WRONG = {
    "lambada-one-word": ("lambada", "lambada_test.jsonl", '{"text": "word"}\n', "passage 0: 'word' has no last word behind others"),
    "lambada-field": ("lambada", "lambada_test.jsonl", '{"body": "a word"}\n', "no field 'text'; its fields are: body"),
    "wikitext-plain": ("wikitext_2", "wiki.test.raw", "An article.\n", "no heading ` = Title = ` in it"),
    "ptb-upper": ("ptb", "ptb.test.txt", " The traders \n", "'The' is not in lower case"),
    "ptb-empty": ("ptb", "ptb.test.txt", "\n", "no text in it"),
    "1bw-plain": ("1bw", "news.en.heldout-00000-of-00050", "He said no.\n", "no full stop stands alone in it"),
    "enwik8-plain": ("enwik8", "enwik8", "text\n", "no <page> in it"),
    "text8-upper": ("text8", "text8", "some Text", "'T' in it"),
    "cbt-number": ("cbt_cn", "cbtest_CN_valid_2000ex.txt", "A line\n", "line 1: not the Children's Book Test"),
    "cbt-tabs": ("cbt_cn", "cbtest_CN_valid_2000ex.txt", "21 The XXXXX ran .\n", "line 1: not the Children's Book Test"),
    "cbt-answer": ("cbt_cn", "cbtest_CN_valid_2000ex.txt", "21 The XXXXX ran .\tcow\t\tcat|dog\n", "line 1: no question"),
    "winograd-xml": ("winograd", "WSCollection.xml", "<a>", "not XML"),
    "winograd-none": ("winograd", "WSCollection.xml", "<collection/>", "no <schema> in it"),
    "winograd-half": ("winograd", "WSCollection.xml", "<a><schema/></a>", "schema 1: it has no pronoun, two answers and a correct one"),
    "winograd-json": ("winograd", "WSC_switched_label.json", '[{"a": 1}]', "row 1: no Winograd schema with a label (KeyError: 'answer0')"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_refused_in_one_sentence(case: str, tmp_path: Path) -> None:
    name, file, text, message = WRONG[case]
    (tmp_path / file).write_text(text)
    with pytest.raises(WebtextError) as error:
        run(name, uniform(), data=tmp_path)
    assert str(tmp_path / file) in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_pair_is_cut_as_the_harness_cuts_it() -> None:
    """White space at the end of the context goes to what follows."""
    scorer = uniform()
    for context, continuation in (("a b", " c"), ("a b ", "c"), ("", "c"), ("a\n\n", " c")):
        begin, rest = scorer.pair(context, continuation)
        assert bytes(begin).decode() == context.rstrip()
        assert bytes([*begin, *rest]).decode() == context + continuation


def test_the_likeliest_first_tokens(small_model: GPT2) -> None:
    """Of the first place of each continuation, alone and behind a shared context."""
    scorer = Scorer(small_model, Bytes(), Machine(torch.device("cpu"), "fp32"))
    requests = [([1, 2, 3], [4, 5]), ([1, 2, 3], [6]), ([7], [8, 9]), ([], [1])]
    for (context, _), score in zip(requests, scorer.continuations(requests, top=5)):
        with torch.no_grad():
            logits = small_model(torch.tensor([context or [256]]))[0, -1]
        assert score.first.tolist() == logits.topk(5).indices.tolist()
    assert [score.first.tolist() for score in scorer.continuations(requests)] == [[]] * 4
