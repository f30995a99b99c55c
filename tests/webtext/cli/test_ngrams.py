"""`webtext ngrams query`, `about` and `merge` at a command line."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.webtext.ngrams.corpora import run_ngrams, write_corpus
from tests.webtext.overlap.test_phases import prose
from webtext.cli.main import main
from webtext.core.config import NgramsSection

KNOWN, MORE = prose(40, 1), prose(300, 2)


class Ended(NamedTuple):
    """What a command said."""

    stdout: str
    stderr: str


def webtext(*arguments: object, status: int = 0, stdin: str = "") -> Ended:
    """Run a command in this process: a process of its own takes seconds to load."""
    out, error = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with contextlib.ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(error))
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
    done = Ended(*(stream.buffer.getvalue().decode() for stream in (out, error)))
    assert (ended.value.code or 0) == status, done
    return done


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("build")
    write_corpus(build, {"http://a.example/": f"{KNOWN} {prose(9, 3)}", "http://b.example/": MORE}, 1)
    run_ngrams(build, 1, NgramsSection(keep_hashes=True))
    return build / "ngrams"


def test_matches_are_printed_longest_first(release: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{' '.join(KNOWN.split()[:10])}\n\nforeign, {KNOWN} [bold]foreign[/]")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(f"foreign {MORE}".encode()))
    lines = webtext("ngrams", "query", release, tmp_path / "a.txt", tmp_path / "b.txt.gz").stdout.splitlines()
    assert lines[0] == f"{tmp_path}/a.txt: 36 of 46 8-grams found, 78.26 %"
    assert lines[1] == f"     40 words from word 12: {KNOWN[:160]} […] {KNOWN[-60:]}"
    assert lines[2] == f"     10 words from word 1: {' '.join(KNOWN.split()[:10])}"
    assert lines[3] == f"{tmp_path}/b.txt.gz: 293 of 294 8-grams found, 99.66 %"
    assert lines[4] == f"    300 words from word 2: {MORE[:160]} […] {MORE[-60:]}"
    few = webtext("ngrams", "query", release, tmp_path / "a.txt", "--matches", 1).stdout.splitlines()
    assert few == [*lines[:2], "        and 1 shorter ones; --matches 0 prints all"]


def test_json_has_every_match_in_full(release: Path) -> None:
    text = f"é foreign {KNOWN.upper()} foreign {' '.join(MORE.split()[5:20])}"
    for arguments in (["--text", text], ["-"], []):
        stdin = "" if "--text" in arguments else text
        value = json.loads(webtext("ngrams", "query", release, *arguments, "--json", "--exact", stdin=stdin).stdout)
        (answer,) = value["texts"]
        assert [match["words"] for match in answer["matches"]] == [40, 15]
        longest = answer["matches"][0]
        assert (longest["first_word"], longest["text"]) == (2, KNOWN.upper())
        assert text.encode()[longest["start"] : longest["end"]].decode() == KNOWN.upper()
        assert (answer["ngrams"], answer["found"], answer["share"]) == (51, 41, round(41 / 51, 6))
        assert value["release"]["words"] == 8
        assert value["release"]["false_positive_rate"] == 0


def test_what_a_release_says_of_itself(release: Path) -> None:
    facts = json.loads(webtext("ngrams", "about", release, "--probes", 50_000, "--json").stdout)
    assert facts["distinct_ngrams"] == 42 + 293
    assert (facts["probes"], facts["hits"]) == (50_000, 0)
    assert facts["false_positive_rate"] <= 1e-8 < facts["measured_at_most_95_percent"]
    assert "distinct ngrams              335" in webtext("ngrams", "about", release, "--probes", 0).stdout


def test_releases_are_merged(release: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "other", {"http://c.example/": f"{KNOWN} {prose(30, 9)}"}, 1)
    run_ngrams(tmp_path / "other", 1, NgramsSection(keep_hashes=True, partitions=2))
    out = tmp_path / "both"
    done = webtext("ngrams", "merge", release, tmp_path / "other" / "ngrams", "--out", out)
    assert done.stdout == f"{335 + 30:,} different 8-grams of 2 releases in {out}\n"
    assert len(list(out.glob("filter-*.bloom"))) == len(list(out.glob("hashes-*.u64"))) == 4
    assert "33 of 33" in webtext("ngrams", "query", out, "--text", KNOWN).stdout
    assert "23 of 23" in webtext("ngrams", "query", out, "--text", prose(30, 9), "--exact").stdout
    again = webtext("ngrams", "merge", out, release, "--out", tmp_path / "again", "--partitions", 1, "--no-keep-hashes")
    assert "365 different" in again.stdout
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["filter-00000.bloom"]


def test_a_report_needs_no_build(release: Path, tmp_path: Path) -> None:
    (tmp_path / "some set.jsonl").write_text(json.dumps({"text": f"{prose(10, 5)} {KNOWN}"}) + "\n")
    (tmp_path / "c.toml").write_text(f'[overlap]\nprobes = 1000\n[[overlap.benchmarks]]\nname = "x"\npath = "{tmp_path}/some set.jsonl"\n')
    out = tmp_path / "reports"
    said = webtext("ngrams", "report", release, tmp_path / "some set.jsonl", "--out", out).stdout
    assert said == f"some set\nlook at {out}/overlap.html\n"
    figures = json.loads((out / "some-set.json").read_text())
    assert (figures["corpus"]["occurrences_found"], figures["longest_words"], figures["documents_that_quote"]) == (33, 40, None)
    webtext("ngrams", "report", release, "--config", tmp_path / "c.toml", "--out", out)
    assert {path.name for path in out.iterdir()} == {
        "some-set.json", "x.json", "overlap.csv", "overlap.html", "examples", "samples",
    }  # fmt: skip
    assert json.loads((out / "samples" / "dirty.json").read_text()) == {"x": [0]}


def test_mistakes_are_told_in_a_sentence(release: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"good\n\xe9\n")
    for arguments, status, sentence in (
        (["query", tmp_path, "--text", "x"], 1, "filter-00000.bloom: cannot be read"),
        (["query", release, tmp_path / "absent.txt"], 1, "absent.txt: there is no such file"),
        (["query", release, tmp_path], 1, "cannot be read"),
        (["query", release, tmp_path / "latin.txt"], 1, "latin.txt, line 2: not UTF-8"),
        (["query", release, tmp_path / "latin.txt", "--text", "x"], 2, "give either files or --text"),
        (["report", release, "--out", tmp_path / "r"], 2, "give test sets"),
        (["report", release, tmp_path / "absent", "--out", tmp_path / "r"], 2, f"there is no file {tmp_path}/absent;"),
        (["report", tmp_path, tmp_path / "latin.txt", "--out", tmp_path / "r"], 1, "filter-00000.bloom: cannot be read"),
        (["merge", release, "--out", tmp_path / "x"], 2, "give two releases at least"),
        (["merge", release, release, "--out", release], 2, "holds a release already"),
        (["merge", release, tmp_path, "--out", tmp_path / "x"], 1, "filter-00000.bloom: cannot be read"),
        (["merge", release, release, "--out", tmp_path / "x", "--error-rate", "0"], 2, "give a rate above 0"),
    ):
        error = webtext("ngrams", *arguments, status=status).stderr
        assert sentence in error
        assert error.count("\n") == 1
    assert "too short to ask" in webtext("ngrams", "query", release, "--text", "only four words here").stdout
