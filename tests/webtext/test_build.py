"""The library: what `import webtext` costs and gives, and a build run and read by a program."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import webtext
from webtext.core.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
PAGE = "<html><head><title>The keeper</title></head><body><nav><a href=/>Home</a></nav><article>{}</article></body></html>"
SENTENCES = (
    "The keeper of the lighthouse wrote down the weather every morning before breakfast, and nobody in the village knew why he did so. "
    "In winter the boats stayed in the harbour, and in the evening the fishermen told each other stories about the other side of the sea."
)
TEXTS = [f"{SENTENCES} This is story number {name}, and it is not like {name * 3} at all." for name in ("one", "two", "three")]
SMALL: dict[str, Any] = {"run.workers": 1, "build.shards": 1, "dedup.partitions": 1, "dedup.val_share": 0.0, "dedup.test_share": 0.0}


def test_the_import_is_light() -> None:
    """What takes long is imported by what needs it. Measured as modules, because seconds depend on the machine."""
    code = "import sys; before = set(sys.modules); import webtext; print('\\n'.join(sorted(set(sys.modules) - before)))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert {name.split(".")[0] for name in loaded} <= {*sys.stdlib_module_names, "webtext"}
    assert [name for name in loaded if name.startswith("webtext")] == ["webtext"]


def test_every_public_name_is_there_and_the_stub_has_the_same() -> None:
    stub = (ROOT / "webtext" / "__init__.pyi").read_text()
    for name in webtext.__all__:
        assert callable(getattr(webtext, name)), name
        assert f" as {name}\n" in stub
        assert (getattr(webtext, name).__doc__ or "").strip(), name
    assert f"__all__ = {json.dumps(webtext.__all__)}" in stub
    with pytest.raises(AttributeError, match="module 'webtext' has no attribute 'bulid'"):
        webtext.bulid  # type: ignore[attr-defined]  # noqa: B018


def test_a_page() -> None:
    page = webtext.extract(PAGE.format(f"<p>{SENTENCES}</p><p>{SENTENCES[::-1]}</p>"), "http://example.org/")
    assert (page.title, page.language) == ("The keeper", "en")
    assert page.text.split("\n")[0] == SENTENCES
    assert 0 < page.confidence <= 1
    assert (
        webtext.extract(PAGE.format(f"<p>Größe. {SENTENCES}</p>").encode("latin-1"), content_type="text/html; charset=latin-1").text[:6]
        == "Größe."
    )
    assert webtext.extract("").text == ""


def test_a_verdict(tmp_path: Path) -> None:
    kept = webtext.clean(f"{SENTENCES}\nShare this on Facebook", languages=["en"])
    assert (kept.kept, kept.text, kept.language, kept.changed) == (True, SENTENCES, "en", ("boilerplate-lines",))
    gone = webtext.clean(SENTENCES, preset="none", languages=["de"])
    assert (gone.kept, gone.text, gone.reason) == (False, None, "language")
    rules = tmp_path / "r.py"
    rules.write_text("import webtext\ndef no_sea(text):\n    return webtext.Edited(text.replace('sea', 'lake'))\n")
    edited = webtext.clean(SENTENCES, "none", rules=[f"{rules}:no_sea"]).text
    assert edited == SENTENCES.replace("sea", "lake")
    with pytest.raises(UsageError, match=r"clean\.preset: input should be 'gpt2', 'c4'"):
        webtext.clean("x", "finweb")
    with pytest.raises(UsageError, match=r"clean\.min_charcters: unknown key; did you mean min_characters\?"):
        webtext.clean("x", min_charcters=3)


def test_documents(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"body": text, "stars": 3}) + "\n" for text in TEXTS))
    documents = list(webtext.read_documents(tmp_path))
    assert [(document.text, document.row, document.meta) for document in documents] == [
        (text, number, {"stars": 3}) for number, text in enumerate(TEXTS, 1)
    ]
    with pytest.raises(UsageError, match=r"documents\.format: not one of auto, jsonl"):
        list(webtext.read_documents(tmp_path, format="josnl"))  # type: ignore[arg-type]


def test_packages_stay_callable_when_their_modules_are_imported() -> None:
    code = (
        "import webtext.extract.html, webtext.clean.presets, webtext\n"
        "assert webtext.extract('<title>Hello</title>').title == 'Hello'\n"
        "assert webtext.clean('x').reason == 'too-short'\n"
        "from webtext import clean, extract\n"
        "assert extract is webtext.extract and clean is webtext.clean\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    assert importlib.import_module("webtext.extract") is webtext.extract


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> webtext.Build:
    """Three texts of which one is there twice, and a test set that has another one."""
    directory = tmp_path_factory.mktemp("library")
    rows = [{"text": text, "url": f"http://example.org/{number}"} for number, text in enumerate([*TEXTS, TEXTS[0]])]
    (directory / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (directory / "set.jsonl").write_text(json.dumps({"text": TEXTS[1]}) + "\n")
    keys = {"documents.files": [str(directory / "a.jsonl")], "clean.min_characters": 10, "overlap.probes": 100, "ngrams.partitions": 1}
    made = webtext.Build(
        directory / "build", settings={**SMALL, **keys, "dedup.threshold": 0.98, "overlap.benchmarks": [str(directory / "set.jsonl")]}
    )
    made.run("overlap")
    return made


def test_a_corpus(build: webtext.Build) -> None:
    corpus = build.corpus()
    assert len(corpus) == 3
    assert sorted(document["text"] for document in corpus) == sorted(TEXTS)
    assert {document["split"] for document in corpus} == {"train"}
    table = corpus.to_arrow()
    assert sorted(table["text"].to_pylist()) == sorted(TEXTS)
    assert not (build.directory / "tokens").exists()  # `run` went as far as asked
    read = webtext.Build(build.directory)  # without its configuration
    assert len(read.corpus()) == 3


def test_a_corpus_as_a_dataset(build: webtext.Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    pytest.importorskip("datasets")
    assert sorted(build.corpus().to_dataset()["text"]) == sorted(TEXTS)


def test_why(build: webtext.Build) -> None:
    story = build.why("http://example.org/1")
    assert [(event.stage, event.kept) for event in story] == [("documents", True), ("clean", True), ("dedup", True)]
    both = [build.why(f"http://example.org/{number}")[-1] for number in (0, 3)]
    assert sorted(event.kept for event in both) == [False, True]
    assert build.why("http://example.org/9") == []


def test_overlap(build: webtext.Build) -> None:
    report = build.overlap()["set"]
    grams = len(TEXTS[1].split()) - 7
    assert (report["corpus"]["occurrences"], report["corpus"]["occurrences_found"]) == (grams, grams)


def test_a_build_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"corpus: holds no documents; run the build first"):
        webtext.Build(tmp_path).corpus()
    with pytest.raises(UsageError, match="has no overlap report; set"):
        webtext.Build(tmp_path).overlap()
    with pytest.raises(UsageError, match="nothing to build from: set documents"):
        webtext.Build(tmp_path).run()
    with pytest.raises(UsageError, match=r"absent\.toml: cannot be read"):
        webtext.Build(tmp_path, tmp_path / "absent.toml")


PROGRAM = """
import webtext

page = webtext.extract("<p>Hello", url=None)
title: str = page.title
verdict = webtext.clean("A text", "fineweb", languages=["en"])
left: str | None = verdict.text
for document in webtext.read_documents(["a.jsonl"], text_field="body"):
    text: str = document.text
build = webtext.Build("out", settings={"documents.files": ["a.jsonl"]})
build.run("dedup")
for row in build.corpus():
    print(row["text"], len(build.corpus()), [event.text for event in build.why("a")])


def rule(text: str) -> str | None:
    return webtext.Edited(text.strip())
"""


def test_type_checkers_know_the_library(tmp_path: Path) -> None:
    """One run of mypy: a program that is right, and one with four mistakes."""
    api = pytest.importorskip("mypy.api")
    (tmp_path / "good.py").write_text(PROGRAM)
    (tmp_path / "bad.py").write_text(
        "import webtext\nwebtext.extract(3)\nwebtext.clean('x').txet\nfor d in webtext.read_documents('a', unit='word'):\n    d.body\n"
    )
    line = ["--strict", "--follow-imports=silent", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
    found, _, _ = api.run([*line, str(tmp_path / "good.py"), str(tmp_path / "bad.py")])
    errors = [message for message in found.splitlines() if ": error: " in message]
    assert all("bad.py:" in message for message in errors), found
    assert [message.rsplit("[", 1)[1] for message in errors] == ["arg-type]", "attr-defined]", "arg-type]", "attr-defined]"]
