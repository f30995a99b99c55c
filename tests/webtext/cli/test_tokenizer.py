"""`webtext tokenizer` and `webtext source` as a person sees them."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.webtext.tokens.corpus import SHARDS, documents, learn, tokenize, write_corpus
from webtext.cli.main import main
from webtext.core.directories import manifest_path
from webtext.core.manifest import build_manifest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("build")
    rows = documents()
    rows[0]["language"] = "de"
    write_corpus(build, rows)
    learn(build, 330)
    tokenize(build, 10**9)
    for stage in ("dedup", "tokenize"):
        facts = {"fingerprint": "", "configuration": {"build": {"shards": SHARDS}}, "inputs": {}, "sources": []}
        build_manifest(stage, "documents", [], **facts).write(build / manifest_path(stage))
    (build / "build.json").write_text("{}")
    return build


def run(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 0) -> str:
    """What a command prints; its exit status must be `status`."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    assert (ended.value.code or 0) == status, printed
    return printed.err if status else printed.out


def test_compression_by_language_of_the_build(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = run(capsys, "tokenizer", "inspect", build / "tokenizer", "--longest", 2)
    assert told.startswith("330 tokens: 256 bytes, 73 merges and <|endoftext|>")
    figures = {line.split()[0]: line.split()[1:] for line in told.splitlines() if re.match(r" *(en|de|all) ", line)}
    assert list(figures) == ["en", "de", "all"]
    assert [row[0] for row in figures.values()] == ["59", "1", "60"]
    size = sum(len(row["text"].encode()) for row in documents())
    assert figures["all"][1] == f"{size:,}"
    assert float(figures["all"][3]) == pytest.approx(size / int(figures["all"][2].replace(",", "")), abs=0.01)
    assert len(re.findall(r"^ *\d+ +\d+ bytes  ", told, re.MULTILINE)) == 2
    limited = run(capsys, "tokenizer", "inspect", build / "tokenizer", "--limit", 7)
    assert re.search(r"^ *all +7 ", limited, re.MULTILINE)


def test_compression_of_given_files(build: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "fr.txt").write_text("le renard brun")
    (tmp_path / "fi.txt").write_text("kettu")
    told = run(capsys, "tokenizer", "inspect", build / "tokenizer", tmp_path / "fr.txt", tmp_path / "fi.txt", "--longest", 0)
    assert [line.split()[:3] for line in told.splitlines() if re.match(r" *(fr|fi|all) ", line)] == [
        ["fr", "1", "14"],
        ["fi", "1", "5"],
        ["all", "2", "19"],
    ]
    assert "longest" not in told
    assert "nothing: cannot be read" in run(capsys, "tokenizer", "inspect", build / "nothing", status=1)


def test_a_vocabulary_is_learnt_from_texts_and_not_from_how_they_are_stored(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    texts = ["low lower lowest " * 5, "newer wider " * 5]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.txt").write_text(text)
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"body": text, "n": 1}) + "\n" for text in texts))
    for name, files in {"of-texts": [tmp_path / "0.txt", tmp_path / "1.txt"], "of-records": [tmp_path / "a.jsonl"]}.items():
        run(capsys, "tokenizer", "train", *files, "--vocabulary", 270, "--out", tmp_path / name)
    assert (tmp_path / "of-records" / "merges.txt").read_text() == (tmp_path / "of-texts" / "merges.txt").read_text()
    wrong = run(capsys, "tokenizer", "train", tmp_path / "a.jsonl", "--text-field", "n", "--out", tmp_path / "no", status=1)
    assert "a.jsonl, row 1: field 'n' is a number, not text" in wrong


def test_how_a_text_is_cut_without_colours(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = run(capsys, "tokenizer", "inspect", build / "tokenizer", "--text", "the dog\n é[red]").splitlines()
    assert told[1] == "the| dog|\\n| |\\xc3|\\xa9|[|r|e|d|]"
    assert len(told[2].split()) == 11
    assert told[3].startswith("11 tokens, 16 bytes, 1.45 bytes a token")
    assert run(capsys, "tokenizer", "inspect", build / "tokenizer", "--text", "").splitlines()[-1] == "0 tokens, 0 bytes"


@pytest.mark.parametrize("no_color", [False, True])
def test_colours_on_a_terminal_alone(build: Path, no_color: bool) -> None:
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm-256color"}
    line = [sys.executable, "-m", "webtext.cli.main", "tokenizer", "inspect", str(build / "tokenizer"), "--text", "the dog"]
    process = subprocess.Popen(line, cwd=ROOT, stdout=theirs, env=environment | ({"NO_COLOR": "1"} if no_color else {}))
    assert process.wait(timeout=900) == 0
    os.close(theirs)
    told = os.read(ours, 10_000).decode()
    os.close(ours)
    assert ("\x1b[" in told) is not no_color
    assert ("the| dog" in told) is no_color
    assert "2 tokens, 7 bytes" in re.sub(r"\x1b\[[0-9;]*m", "", told)


def test_source_by_url_position_and_text(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = "http://host3.example/17"
    told = run(capsys, "source", build, "--url", url, "--show", 6).splitlines()
    assert told[:2] == [url, "  Page 17"]
    place = re.fullmatch(r"  (\S+), tokens ([\d,]+) to ([\d,]+) \(train\), text by trafilatura", told[2])
    assert place is not None
    shard, first, last = place[1], *(int(place[i].replace(",", "")) for i in (2, 3))
    assert told[3].startswith("    The quick brown")
    told = run(capsys, "source", build, "--shard", shard, "--position", last).splitlines()
    assert told[0] == url
    assert told[3] == f"  asked for: token {last:,} of {shard}"
    told = run(capsys, "source", build, "--find", "Number 17,").splitlines()
    assert told[0] == url
    asked = re.fullmatch(r"  asked for: tokens ([\d,]+) to ([\d,]+) of " + shard, told[3])
    assert asked is not None
    assert first < int(asked[1].replace(",", "")) < int(asked[2].replace(",", "")) < last


def test_source_tells_so_many_documents(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = run(capsys, "source", build, "--find", "lazy dog", "--limit", 3)
    assert told.count("Page ") == 3
    assert told.endswith("and more documents: --limit N shows N, --limit 0 all\n")
    assert run(capsys, "source", build, "--find", "lazy dog", "--limit", 0).count("Page ") == 60
    assert run(capsys, "source", build, "--find", "lazy dog", "--limit", 60).count("more documents") == 0


def test_source_tells_what_is_wrong(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "`webtext why http://nobody.example/ --out" in run(capsys, "source", build, "--url", "http://nobody.example/", status=1)
    assert "is in no document" in run(capsys, "source", build, "--find", "no such text", status=1)
    for wrong in ([], ["--find", ""], ["--find", "a", "--url", "http://host3.example/17"]):
        assert "give one of" in run(capsys, "source", build, *wrong, status=2)
