"""The overlap stage on a corpus with planted passages, and its page in a browser."""

from __future__ import annotations

import csv
import html
import json
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.webtext.ngrams.corpora import run_ngrams, run_overlap, write_corpus
from webtext.core.config import Benchmark, NgramsSection, OverlapSection
from webtext.core.errors import WebtextError
from webtext.core.tables import read_table
from webtext.core.task import StageContext, run_task
from webtext.overlap.phases import measure_benchmark
from webtext.overlap.samples import KINDS, NO_EXAMPLE, means

SHARDS = 3


def prose(words: int, seed: int) -> str:
    """Words that no other seed has."""
    draw = random.Random(seed)
    return " ".join(f"s{seed}w{draw.randrange(10_000)}" for _ in range(words))


PASSAGES = {words: prose(words, words) for words in (7, 8, 12, 40, 300)}
CORPUS = {
    "https://a.example/one": f"{prose(50, 1)}. {PASSAGES[40]}! {prose(20, 2)} {PASSAGES[8]}",
    "https://b.example/two": f"{PASSAGES[12].upper()} -- {prose(30, 3)} {PASSAGES[7]} {prose(9, 30)}",
    "https://c.example/three": f"{prose(30, 4)} {PASSAGES[300]}",
    "https://d.example/four": f"{PASSAGES[40]} {prose(10, 5)}",
    "https://e.example/held-out": prose(60, 6),
    "javascript:alert(1)": f"{PASSAGES[12]} and more",
}
EXAMPLES = {
    "all": PASSAGES[40].replace(" ", ", "),
    "some": f"{prose(92, 100)} <b>{PASSAGES[8]}</b> & {prose(3, 101)}",
    "long": f"{prose(60, 102)} {PASSAGES[300]} {prose(60, 103)}",
    "two": f"{prose(20, 104)} {PASSAGES[12]} {prose(20, 105)} {PASSAGES[8]}",
    "too few words": f"{prose(30, 106)} {PASSAGES[7]} {prose(30, 107)}",
    "held out": prose(60, 6),
    "short": "only seven words are in this one",
    "none": prose(40, 108),
}


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("build")
    write_corpus(path, CORPUS, SHARDS, held_out=["https://e.example/held-out"])
    run_ngrams(path, SHARDS, NgramsSection())
    (path / "test.jsonl").write_text("".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in EXAMPLES.items()))
    (path / "train.jsonl").write_text(json.dumps({"text": f"{EXAMPLES['none']} {PASSAGES[8]}"}) + "\n")
    planted = Benchmark(name="Planted set", path=str(path / "test.jsonl"), train=str(path / "train.jsonl"))
    foreign = Benchmark(name="wikitext-2", path=str(path / "train.jsonl"), field="text")
    run_overlap(path, SHARDS, OverlapSection(benchmarks=[planted, foreign], probes=10_000))
    return path


def report(build: Path, name: str = "Planted-set") -> dict[str, Any]:
    value: dict[str, Any] = json.loads((build / "overlap" / f"{name}.json").read_text())
    return value


def test_planted_passages_are_found_to_the_word(build: Path) -> None:
    matches = {match["example"]: match for match in report(build)["matches"]}
    assert [(name, match["words"]) for name, match in matches.items()] == [("long", 300), ("all", 40), ("two", 12), ("some", 8)]
    assert matches["long"]["text"] == PASSAGES[300]
    assert matches["all"]["text"] == EXAMPLES["all"]
    assert matches["two"]["text"] == PASSAGES[12]
    assert [piece["text"] for piece in matches["two"]["pieces"] if piece["marked"]] == [PASSAGES[12], PASSAGES[8]]
    assert [piece["text"] for piece in matches["some"]["pieces"] if piece["marked"]] == [PASSAGES[8]]


def test_the_documents_of_a_match_are_named(build: Path) -> None:
    documents = {match["example"]: [(each["url"], each["ngrams"]) for each in match["documents"]] for match in report(build)["matches"]}
    assert documents == {
        "long": [("https://c.example/three", 293)],
        "all": [("https://a.example/one", 33), ("https://d.example/four", 33)],
        "two": [("https://b.example/two", 5), ("javascript:alert(1)", 5)],
        "some": [("https://a.example/one", 1)],
    }


def test_figures(build: Path) -> None:
    found = {"all": 33, "some": 1, "long": 293, "two": 6, "too few words": 0, "held out": 0, "none": 0}
    ngrams = {"all": 33, "some": 98, "long": 413, "two": 53, "too few words": 60, "held out": 53, "none": 33}
    measured = report(build)
    assert measured["heavy_above"] == 0.15
    assert (measured["examples"], measured["too_short"], measured["any"], measured["heavy"]) == (8, 1, 4, 2)
    assert measured["corpus"]["occurrences"] == sum(ngrams.values())
    assert measured["corpus"]["occurrences_found"] == sum(found.values())
    assert measured["corpus"]["distinct_found"] == sum(found.values()) - 1  # the passage of 8 words is there twice
    assert measured["own_train"]["occurrences_found"] == 33 + 2
    assert measured["longest_words"] == 300
    assert measured["not_in_corpus"] == 0
    assert measured["mean_share"] == pytest.approx(sum(found[name] / ngrams[name] for name in found) / 7)
    assert [measured["examples_above_percent"][limit] for limit in (0, 1, 2, 11, 12, 70, 71, 99)] == [4, 4, 3, 3, 2, 2, 1, 1]


def test_each_example_has_its_line(build: Path) -> None:
    with open(build / "overlap" / "examples" / "Planted-set.csv", newline="") as file:
        rows = {row["example"]: row for row in csv.DictReader(file)}
    assert {name: row["overlap"] for name, row in rows.items()} == {
        "all": "heavy", "some": "some", "long": "heavy", "two": "some",
        "too few words": "none", "held out": "none", "short": "short", "none": "none",
    }  # fmt: skip
    assert rows["long"] | {"share": ""} == {
        "index": "2", "example": "long", "words": "420", "ngrams": "413", "found": "293", "share": "",
        "longest_match_words": "300", "overlap": "heavy",
    }  # fmt: skip
    assert float(rows["long"]["share"]) == pytest.approx(293 / 413, abs=1e-6)


def test_lists_of_examples_to_evaluate_with_and_without(build: Path) -> None:
    lists = {kind: json.loads((build / "overlap" / "samples" / f"{kind}.json").read_text()) for kind in KINDS}
    assert lists == {
        "clean": {"Planted set": [4, 5, 6, 7], "wikitext-2": [NO_EXAMPLE]},
        "dirty": {"Planted set": [0, 1, 2, 3], "wikitext-2": [0]},
        "light": {"Planted set": [1, 3, 4, 5, 6, 7], "wikitext-2": [0]},
        "heavy": {"Planted set": [0, 2], "wikitext-2": [NO_EXAMPLE]},
    }
    tasks = {kind: (build / "overlap" / "samples" / f"{kind}.tasks").read_text() for kind in KINDS}
    both, one = "Planted set,wikitext-2\n", "Planted set\n"
    assert tasks == {"clean": one, "dirty": both, "light": both, "heavy": one}
    scores = [1, 1, 1, 0, 1, 0, 0, 0]
    assert means(build / "overlap", "Planted set", scores) == {
        "all": (8, 0.5), "clean": (4, 0.25), "dirty": (4, 0.75), "light": (6, 1 / 3), "heavy": (2, 1.0),
    }  # fmt: skip
    assert "clean" not in means(build / "overlap", "wikitext-2", [0.5])
    with pytest.raises(WebtextError, match="7 scores for 8 examples"):
        means(build / "overlap", "Planted set", scores[1:])
    with pytest.raises(WebtextError, match="no test set 'other'; it has: Planted set, wikitext-2"):
        means(build / "overlap", "other", scores)


def test_documents_that_quote(build: Path) -> None:
    """Of the five training documents three hold 13 words in a row and two 12, which are no quotation."""
    measured = report(build)
    assert (measured["documents_with_any"], measured["documents_that_quote"], measured["longest_in_a_document"]) == (5, 3, 300)
    foreign = report(build, "wikitext-2")
    assert (foreign["documents_with_any"], foreign["documents_that_quote"], foreign["longest_in_a_document"]) == (1, 0, 8)


def test_summary_and_false_positives(build: Path) -> None:
    with open(build / "overlap" / "overlap.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["Planted set", "wikitext-2"]
    assert float(rows[0]["percent"]) == pytest.approx(100 * 333 / 743, abs=1e-4)
    positives = report(build)["false_positives"]
    assert positives["analytic"] <= 1e-8
    assert (positives["probes"], positives["hits"]) == (10_000, 0)
    assert positives["measured_at_most_95_percent"] == pytest.approx(3e-4, rel=0.01)


def test_no_example_vanishes(build: Path, tmp_path: Path) -> None:
    context = StageContext(build, "again", "2" * 64)
    benchmark = Benchmark(name="Planted set", path=str(build / "test.jsonl"))
    done = run_task(context, "measure-00000", measure_benchmark, 0, benchmark, OverlapSection(benchmarks=[benchmark]))
    assert (done.records_in, done.records_out, done.rejected) == (8, 7, 1)
    (row,) = read_table(build / "stages/again/rejected" / "measure-00000.parquet")
    assert row == {"url": "", "id": "Planted set:short", "reason": "too-short", "detail": "7 words"}


def test_the_same_input_gives_the_same_bytes(build: Path, tmp_path: Path) -> None:
    shutil.copytree(build / "corpus", tmp_path / "corpus")
    run_ngrams(tmp_path, SHARDS, NgramsSection(), backwards=True)
    for name in ("test.jsonl", "train.jsonl"):
        shutil.copy(build / name, tmp_path / name)
    planted = Benchmark(name="Planted set", path=str(tmp_path / "test.jsonl"), train=str(tmp_path / "train.jsonl"))
    foreign = Benchmark(name="wikitext-2", path=str(tmp_path / "train.jsonl"), field="text")
    run_overlap(tmp_path, SHARDS, OverlapSection(benchmarks=[planted, foreign], probes=10_000))
    for name in ("overlap.html", "overlap.csv", "Planted-set.json", "wikitext-2.json", "examples/Planted-set.csv", "samples/dirty.json"):
        assert (tmp_path / "overlap" / name).read_bytes() == (build / "overlap" / name).read_bytes(), name


def test_without_test_sets_there_is_a_report_that_says_so(build: Path, tmp_path: Path) -> None:
    shutil.copytree(build / "corpus", tmp_path / "corpus")
    run_ngrams(tmp_path, SHARDS, NgramsSection())
    run_overlap(tmp_path, SHARDS, OverlapSection(probes=1000))
    page = (tmp_path / "overlap" / "overlap.html").read_text()
    assert "No test set is configured" in page
    assert "13.19" in page
    assert (tmp_path / "overlap" / "overlap.csv").read_text().count("\n") == 1


def test_a_release_is_enough_for_a_report(build: Path, tmp_path: Path) -> None:
    shutil.copytree(build / "ngrams", tmp_path / "ngrams")
    run_overlap(tmp_path, 0, OverlapSection(benchmarks=[Benchmark(name="Planted set", path=str(build / "test.jsonl"))], probes=1000))
    alone, whole = report(tmp_path), report(build)
    assert (alone["corpus"], alone["not_in_corpus"], alone["documents_that_quote"]) == (whole["corpus"], None, None)
    assert [match["documents"] for match in alone["matches"]] == [None] * 4
    assert "false positive of the filter" not in (tmp_path / "overlap" / "overlap.html").read_text()


def test_empty_and_tiny_test_sets_are_reported(build: Path, tmp_path: Path) -> None:
    shutil.copytree(build / "ngrams", tmp_path / "ngrams")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "tiny.txt").write_text("one two\n\nthree")
    sets = [Benchmark(name=name, path=str(tmp_path / f"{name}.txt")) for name in ("empty", "tiny")]
    run_overlap(tmp_path, 0, OverlapSection(benchmarks=sets, probes=1000))
    assert [report(tmp_path, name)["too_short"] for name in ("empty", "tiny")] == [0, 2]
    assert (tmp_path / "overlap" / "overlap.html").read_text().count("Nothing of it is in the corpus.") == 2


def test_without_filters_the_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    benchmark = Benchmark(name="a", path=str(tmp_path / "a.txt"))
    with pytest.raises(WebtextError, match=r"filter-00000\.bloom: cannot be read"):
        run_task(StageContext(tmp_path, "overlap", "0"), "measure", measure_benchmark, 0, benchmark, OverlapSection(benchmarks=[benchmark]))


def test_names_of_test_sets_must_differ() -> None:
    with pytest.raises(ValueError, match="two benchmarks are named 'a-b'"):
        OverlapSection(benchmarks=[Benchmark(name="a b", path="x"), Benchmark(name="A-B", path="y")])
    with pytest.raises(ValueError, match="String should match pattern"):
        Benchmark(name="../x", path="x")


def test_the_page_is_one_file_with_all_figures(build: Path) -> None:
    page = (build / "overlap" / "overlap.html").read_text()
    for outside in ("<script", "<link", "<img", "@import", "url(", "<iframe"):
        assert outside not in page
    assert set(re.findall(r'href="([^"#]+)"', page)) == {url for url in CORPUS if url.startswith("https") and "held" not in url}
    for figure in ("13.19", "44.82", "40 words", "javascript:alert(1)"):
        assert figure in page
    assert f"<mark>{PASSAGES[12]}</mark>" in page
    assert "<b>s8w" not in page  # the markup of an example is text
    assert html.escape("<b>") in page


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--virtual-time-budget=5000"]
PROBE = """
<!doctype html><iframe id="frame" style="width:360px;height:640px;border:0" srcdoc="{page}"></iframe><pre id="out"></pre><script>
frame.onload = () => {{
  const page = frame.contentDocument, root = page.documentElement;
  const folded = 'details:not([open]) > :not(summary) a';
  const reached = [...page.querySelectorAll('a[href], summary, [tabindex="0"]')].filter(each => !each.matches(folded));
  reached.forEach(each => {{ each.focus(); each.dataset.reached = page.activeElement === each; }});
  const unreached = reached.filter(each => each.dataset.reached !== 'true').length;
  const closed = page.querySelectorAll('details')[1];
  closed.querySelector('summary').click();
  out.textContent = JSON.stringify({{
    width: root.scrollWidth, stops: reached.length, unreached, opened: closed.open, marks: page.querySelectorAll('mark').length,
    plots: [...page.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().height),
    headings: [...page.querySelectorAll('h1, h2')].map(each => each.textContent),
  }});
}};
</script>
"""


def test_the_page_in_a_browser(build: Path, tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    page = html.escape((build / "overlap" / "overlap.html").read_text())
    (tmp_path / "probe.html").write_text(PROBE.format(page=page))
    run = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"file://{tmp_path / 'probe.html'}"],
        capture_output=True, text=True, timeout=900, check=True,
    )  # fmt: skip
    seen = json.loads(html.unescape(re.findall(r'<pre id="out">(.*?)</pre>', run.stdout)[0]))
    assert seen["width"] <= 360  # a phone need not scroll sideways
    assert seen["stops"] > 10
    assert seen["unreached"] == 0  # all but what is folded can be reached with the keyboard
    assert seen["opened"]
    assert seen["marks"] == 7  # the match of 300 words has two: its beginning and its end
    assert seen["plots"][0] > 80
    assert seen["headings"][:3] == ["How much of the test sets is in the corpus", "As in the paper’s Table 6", "All test sets"]


@pytest.mark.parametrize("shards", [1, 2, 8])
def test_all_documents_of_a_match_are_counted_and_the_fullest_named(tmp_path: Path, shards: int) -> None:
    """Forty documents repeat the first words of an example; the last by URL holds all of it."""
    example = prose(40, 500)
    part = " ".join(example.split()[:20])
    corpus = {f"https://h{number:02d}.example/": f"{part} {prose(20, 600 + number)}" for number in range(40)}
    corpus["https://z.example/whole"] = example
    write_corpus(tmp_path, corpus, shards)
    run_ngrams(tmp_path, shards, NgramsSection())
    (tmp_path / "a.txt").write_text(example)
    run_overlap(tmp_path, shards, OverlapSection(benchmarks=[Benchmark(name="a", path=str(tmp_path / "a.txt"))], probes=1000))
    (match,) = report(tmp_path, "a")["matches"]
    assert match["documents_found"] == 41
    named = [(document["url"], document["ngrams"]) for document in match["documents"]]
    assert named == [("https://z.example/whole", 33), ("https://h00.example/", 13), ("https://h01.example/", 13)]
