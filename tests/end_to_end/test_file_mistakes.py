"""What a person gets wrong with files of her own: one sentence that names the thing and what to do, status 1 or 2, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard

from tests.end_to_end.commands import webtext
from webtext.cli.main import main

TEXT = "The quick brown fox jumps over the lazy dog, and that is all that it does today. " * 4
SMALL = ["--set", "run.workers=1", "--set", "build.shards=2"]
RULES = {
    "raises.py": 'def rule(text):\n    raise KeyError("x")\n',
    "answers.py": "def rule(text):\n    return len(text) < 3\n",
    "unfinished.py": "def rule(text:\n",
    "other.py": "def another(text):\n    return None\n",
}

Say = Callable[..., str]


def jsonl(path: Path, *records: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def execute(line: str, status: int = 0) -> None:
    words = line.split()
    keys = SMALL if "--out" in words and words[0] not in ("export", "why", "tokenizer") else []
    with pytest.raises(SystemExit) as ended:
        main([*words, *keys])
    assert ended.value.code == status


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command line in a directory with files; it must fail with a status and say one sentence, which is returned."""
    monkeypatch.chdir(tmp_path)
    documents = [{"id": str(number), "text": f"{number} {TEXT}"} for number in range(10)]
    jsonl(tmp_path / "good.jsonl", *documents)
    for name, code in RULES.items():
        (tmp_path / name).write_text(code)

    def run(line: str, status: int) -> str:
        execute(line, status)
        said = capsys.readouterr().err
        assert said.startswith("webtext: ")
        assert said.count("\n") == 1
        return said.removeprefix("webtext: ").strip()

    return run


def test_the_wrong_field(say: Say) -> None:
    assert "good.jsonl, row 1: no field 'body'; its fields are: id, text; 10 of 10 records are broken: repair them, name the right" in say(
        "clean good.jsonl --text-field body --out o", 1
    )
    assert "good.jsonl: no field 'when' in its first 10 records, whose fields are: id, text" in say(
        "clean good.jsonl --date-field when --out o", 2
    )


def test_an_empty_file(say: Say, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    for command in ("dedup empty.jsonl --out o", "tokenizer train empty.jsonl --out t"):
        assert "empty.jsonl: the file is empty; leave it out" in say(command, 2)


def test_mixed_types(say: Say, tmp_path: Path) -> None:
    jsonl(tmp_path / "mixed.jsonl", *({"text": number if number % 2 else TEXT} for number in range(10)))
    assert "mixed.jsonl, row 2: field 'text' is a number, not text; 5 of 10 records are broken" in say("dedup mixed.jsonl --out o", 1)


def test_a_directory_without_documents(say: Say, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "README.md").write_text("Nothing here.")
    assert "folder holds no file of documents; give a directory with JSONL, JSON, Parquet" in say("dedup folder --out o", 2)
    assert "folder: holds no documents; give a finished build" in say("export folder --out e", 2)


def test_a_path_that_leads_to_nothing(say: Say) -> None:
    assert "documents.files: there is no file " in say("clean absent/*.jsonl --out o", 2)
    # The directory that the mistake was made with is still free.
    execute("documents good.jsonl --out o")


def test_one_id_in_two_files_costs_no_document(say: Say, tmp_path: Path) -> None:
    for name in ("one", "two"):
        jsonl(tmp_path / "both" / f"{name}.jsonl", *({"id": str(number), "text": f"{name} {number} {TEXT}"} for number in range(5)))
    execute("documents both --out o")
    rows = pq.read_table(tmp_path / "o" / "documents").to_pylist()
    assert len({row["id"] for row in rows}) == len(rows) == 10


def test_a_cut_file(say: Say, tmp_path: Path) -> None:
    whole = zstandard.compress((tmp_path / "good.jsonl").read_bytes())
    (tmp_path / "cut.jsonl.zst").write_bytes(whole[: len(whole) // 2])
    assert "cut.jsonl.zst: the file is cut: it ends before its content does; fetch it again" in say("clean cut.jsonl.zst --out o", 1)


def test_a_chat_is_no_text(say: Say, tmp_path: Path) -> None:
    jsonl(tmp_path / "chat.jsonl", {"messages": [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Good day."}]})
    said = say("clean chat.jsonl --out o", 2)
    assert "chat.jsonl: 'messages' is a chat, a list of turns with roles; give messages.content as the text field" in said


def test_a_table_without_a_header(say: Say, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("".join(f'"{number} {TEXT}"\n' for number in range(5)))
    said = say("clean rows.csv --out o", 2)
    assert "rows.csv: which field is the text?" in said
    assert "give the table a header" in said
    assert len(said) < 400


def test_a_file_that_is_not_what_its_ending_says(say: Say, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("hello")
    assert "a.parquet: not a whole Parquet file (" in say("clean a.parquet --out o", 1)
    (tmp_path / "lines.txt").write_bytes((tmp_path / "good.jsonl").read_bytes())
    assert "lines.txt: its lines are JSON objects; set the format to jsonl" in say("tokenizer train lines.txt --out t", 2)
    execute("tokenizer train lines.txt --out t --format jsonl")
    assert "documents.format: not one of auto, jsonl" in say("tokenizer train lines.txt --out u --format josnl", 2)


def test_text_that_is_not_utf_8(say: Say, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("Größe und Gewicht\n".encode("latin-1") * 5)
    said = say("clean latin.txt --out o", 2)
    assert "latin.txt: neither text in UTF-8 nor records of a known format" in said
    assert "convert it with iconv" in said


def test_an_out_that_is_not_free(say: Say, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("dear to me")
    assert "thesis: not empty and not a build (it holds thesis.tex); choose another --out" in say("clean good.jsonl --out thesis", 2)
    execute("documents good.jsonl --out o")
    assert "thesis: not empty; choose another --out" in say("export o --out thesis", 2)
    assert (tmp_path / "thesis" / "thesis.tex").read_text() == "dear to me"
    before = {path: path.read_bytes() for path in (tmp_path / "o").rglob("*.parquet")}
    jsonl(tmp_path / "other.jsonl", {"text": TEXT})
    assert "o: belongs to a build of another configuration (documents.files was [" in say("clean other.jsonl --out o", 2)
    assert {path: path.read_bytes() for path in (tmp_path / "o").rglob("*.parquet")} == before
    assert "good.jsonl: " in say("clean good.jsonl --out good.jsonl", 1)
    assert len((tmp_path / "good.jsonl").read_text().splitlines()) == 10


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("clean good.jsonl", "give --out DIR, the directory of the build"),
        ("clean good.jsonl --preset finweb --out o", "clean.preset: input should be 'gpt2', 'c4', 'gopher', 'fineweb', 'c4-datatrove', "),
        ("clean good.jsonl --unit sentence --out o", "documents.unit: input should be 'document', 'line' or 'paragraph'"),
        ("dedup good.jsonl --threshold 2 --out o", "dedup.threshold: input should be less than 1 (it is 2.0)"),
        ("export good.jsonl --to csv --out e", "--to csv: not a form of export; choose among jsonl.zst, parquet, datasets, txt"),
        ("export absent --out e", "absent: holds no documents; give a finished build"),
        ("clean good.jsonl c.toml --out o", "c.toml: a configuration among files of texts; give it alone"),
        ("links good.jsonl --out o", "good.jsonl: `webtext links` takes a configuration"),
        ("train good.jsonl --out o", "good.jsonl: not a directory; give one with token shards"),
        ("overlap good.jsonl --out o", "overlap: no test set is given; add --benchmark FILE"),
        ("decontaminate good.jsonl --out o", "decontaminate: no test set is given; add --benchmark FILE"),
        ("overlap good.jsonl --benchmark absent.jsonl --out o", "the path of a test set: there is no file "),
        ("tokenize good.jsonl --tokenizer absent --out o", "tokenizer.path: there is no "),
        ("extract good.jsonl", "good.jsonl: has no markup, so it is no page; `webtext documents` reads texts and records"),
        ("extract absent.html", "absent.html: cannot be read (No such file or directory); give HTML files"),
        ("clean good.jsonl --rules absent.py:rule --out o", "absent.py; give a Python file and a function in it"),
        ("clean good.jsonl --rules other.py:rule --out o", "other.py has no function rule"),
        ("clean good.jsonl --rules other.py --out o", "other.py names no function; write FILE.py:FUNCTION"),
        ("clean good.jsonl --rules unfinished.py:rule --out o", "unfinished.py cannot be loaded (SyntaxError"),
    ],
    ids=lambda value: value.replace(" ", "-")[:40],
)
def test_what_is_refused_before_any_work(say: Say, tmp_path: Path, line: str, sentence: str) -> None:
    """Status 2, and the directory is not taken."""
    assert sentence in say(line, 2)
    assert not (tmp_path / "o" / "documents").exists()


def test_a_rule_that_fails(say: Say, tmp_path: Path) -> None:
    said = say("clean good.jsonl --preset none --rules raises.py:rule --out o", 1)
    assert "raises.py:rule: KeyError: 'x', on good.jsonl#1; rules failed on 10 of 10 documents" in said
    said = say("clean good.jsonl --preset none --rules answers.py:rule --out p", 1)
    assert "answers.py:rule: returned bool; a rule returns None, a reason as text, or webtext.Edited(text)" in said


def test_a_stray_file_among_benchmarks(say: Say, tmp_path: Path) -> None:
    jsonl(tmp_path / "bench" / "test.jsonl", {"text": TEXT})
    (tmp_path / "bench" / "info.json").write_text('{"license": "MIT"}')
    assert "info.json, row 1: no field 'text'; its fields are: license" in say("decontaminate good.jsonl --benchmark bench --out o", 1)


def test_stages_that_a_configuration_does_not_have(say: Say, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[documents]\nfiles = ["good.jsonl"]\n[clean]\nenabled = false\n')
    assert say("clean c.toml --out o", 2) == "clean: not a stage of this configuration; set clean.enabled = true"
    (tmp_path / "d.toml").write_text('[documents]\nfiles = ["good.jsonl"]\n[links]\ndumps = ["good.jsonl"]\n')
    assert "documents.files: a build begins with documents or with links and archives; leave out one of them" in say(
        "build d.toml --out o", 2
    )


def test_a_document_is_found_by_its_file_and_row(say: Say, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    execute("documents good.jsonl --out o")
    capsys.readouterr()
    execute("why good.jsonl#3 --out o")
    assert capsys.readouterr().out.split() == ["documents", "kept", str(len(f"2 {TEXT}")), "characters", "from", "good.jsonl#3"]
    assert "good.jsonl#11: no stage of o has seen it" in say("why good.jsonl#11 --out o", 1)


def test_the_process_ends_alike(tmp_path: Path) -> None:
    jsonl(tmp_path / "good.jsonl", {"text": TEXT})
    ended = webtext("clean", tmp_path / "good.jsonl", "--text-field", "body", "--out", tmp_path / "o", *SMALL, status=1)
    assert ended.stderr.startswith(f"webtext: {tmp_path / 'good.jsonl'}, row 1: no field 'body'")
    assert "Traceback" not in ended.stderr
