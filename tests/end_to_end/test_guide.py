"""The guide and the page of the library: every command and every example works as printed, and the page is that of the docstrings."""

from __future__ import annotations

import doctest
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard

import webtext
from tests.end_to_end.commands import ROOT
from webtext.cli.main import main

GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
# As printed, but for what makes it cheap here
CHEAP = [f"--set={key}" for key in ("run.workers=1", "build.shards=1", "dedup.partitions=1", "ngrams.partitions=1", "overlap.probes=1000")]

SMALL = '"run.workers": 1, "build.shards": 1, "dedup.partitions": 1'


@pytest.fixture(scope="module")
def place(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what the guide says is there: real articles, of which two are copies, two quote a question and one is a recipe."""
    directory = tmp_path_factory.mktemp("guide")
    articles = [line.split(" ", 1)[1].strip() for line in (data_dir / "neardup" / "articles_100.train").read_text().splitlines()[:30]]
    questions = (data_dir / "benchmarks" / "gsm8k" / "test.jsonl").read_text().splitlines()[:20]
    for number in (4, 9):
        articles[number] += f" {json.loads(questions[number])['question']}"
    articles[7] = f"{articles[7]} One tablespoon of salt, two tablespoons of sugar and three tablespoons of oil." * 2
    rows = [{"title": f"Article {number}", "body": text} for number, text in enumerate([*articles, articles[2], articles[3]])]
    (directory / "articles.jsonl.zst").write_bytes(zstandard.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    (directory / "gsm8k.jsonl").write_text("".join(f"{line}\n" for line in questions))
    for _, block in BLOCKS:
        if named := re.match(r"# (\w+\.\w+)\n", block):
            (directory / named[1]).write_text(block)
    return directory


def test_every_command_and_example_of_the_guide(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(place)
    commands = [line for kind, block in BLOCKS if not kind for line in block.splitlines()]
    assert len(commands) >= 12
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "webtext"
        cheap = CHEAP if words[1] not in ("why", "export") and words[1:3] != ["tokenizer", "train"] else []
        with pytest.raises(SystemExit) as ended:
            main([*words[1:], *cheap])
        said = capsys.readouterr()
        assert ended.value.code == 0, f"{command}\n{said.out}\n{said.err}"
    assert "no-recipes (6 tablespoons)" in json.dumps([event.text for event in webtext.Build("cleaned").why("articles.jsonl.zst#8")])
    corpus = set(pq.read_table(place / "corpus" / "corpus")["text"].to_pylist())
    left = set(pq.read_table(place / "decontaminated" / "corpus")["text"].to_pylist())
    assert len(corpus - left) == 2  # the two that quote a question
    assert len(corpus) < pq.read_table(place / "cleaned" / "cleaned").num_rows == 31
    assert (place / "articles" / "README.md").exists()
    assert (place / "overlap" / "overlap" / "overlap.html").exists()
    assert (place / "model" / "model" / "hf" / "vocab.json").exists()

    [example] = [block for kind, block in BLOCKS if kind == "python" and not block.startswith("# ")]
    exec(compile(example, "docs/guide.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert int(printed[-2].split()[1]) > 0  # n-grams of the benchmark found
    assert "no-recipes (6 tablespoons)" in printed[-1]


def test_the_page_of_the_library_is_that_of_the_docstrings() -> None:
    made = subprocess.run([sys.executable, "docs/make_api.py"], cwd=ROOT, env=None, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs" / "api.md").read_text(encoding="utf-8") == made, "run: python docs/make_api.py > docs/api.md"
    for name in webtext.__all__:
        assert f"\n## webtext.{name}\n" in made


def test_the_examples_of_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "The keeper of the lighthouse wrote down the weather every morning before breakfast, and nobody in the village knew why. " * 3
    (tmp_path / "texts.jsonl").write_text(json.dumps({"body": text}) + "\n")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.jsonl.zst").write_bytes(zstandard.compress((tmp_path / "texts.jsonl").read_bytes()))
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    examples = [
        example for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) for example in doctest.DocTestParser().get_examples(block)
    ]
    assert len(examples) >= 8
    import tokenizer

    names = {"webtext": webtext, **{name: getattr(tokenizer, name) for name in tokenizer.__all__}}
    for example in examples:
        if example.want:
            assert eval(example.source, names) == eval(example.want, {}), example.source
        else:
            exec(example.source.replace("settings={", f"settings={{{SMALL}, "), names)
