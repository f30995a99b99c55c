"""The page on made-up results: the paper's own figures for a model of the paper's size, and a browser that looks at it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from model.evaluate.page import number, render
from model.evaluate.paper import TABLE_3
from model.evaluate.results import SIZES, Choice, Measure, to_record

MODEL = {"parameters": 124_439_808, "context": 1024, "vocabulary": 50257, "precision": "fp32"}
TASKS = {  # columns of Table 3 by task
    "LAMBADA": ["perplexity per word", "accuracy"], "CBT-CN": ["accuracy"], "CBT-NE": ["accuracy"], "WikiText-2": ["perplexity per word"],
    "PTB": ["perplexity per word"], "enwik8": ["bits per byte"], "text8": ["bits per character"], "WikiText-103": ["perplexity per word"],
    "1BW": ["perplexity per word"],
}  # fmt: skip


def task(title: str, measures: list[Measure], **more: Any) -> dict[str, Any]:
    records = [to_record(title.lower(), measure) for measure in measures]
    about = {"task": title.lower(), "title": title, "kind": "likelihood", "files": [f"{title}.txt"], "settings": {"limit": 0}}
    return {**about, "measures": records, "notes": [], "tables": {}, "overlap": [], **more}


def likelihood() -> list[dict[str, Any]]:
    """Each task of Table 3, with the figures of the smallest model as ours; accuracies are shares and not per cent."""
    found = []
    for title, names in TASKS.items():
        measures = []
        for column, name in zip([column for column in TABLE_3 if column.name == title], names):
            factor = 0.01 if name == "accuracy" else 1.0
            paper = {size: factor * value for size, value in column.figures.items()}
            measures.append(Measure(name, 2 * paper["117M"], 10, "examples", {"stride": 1024, "target": "<s>"}))
            measures.append(Measure(name, paper["117M"] * 1.1, 10, "examples", {"stride": 512}, paper, "validation"))
        found.append(task(title, measures))
    return found


def generating() -> list[dict[str, Any]]:
    systems = {
        "Lede-3": (40.38, 17.66, 36.62, 31.55),
        "GPT-2 TL;DR:": (29.34, 8.27, 26.58, 21.40),
        "GPT-2 no hint": (21.58, 4.03, 19.47, 15.03),
    }
    kinds = ("ROUGE-1", "ROUGE-2", "ROUGE-L", "mean of ROUGE")
    rouge = [
        Measure(f"{kind}, GPT-2 TL;DR:", value - 1, 7, "articles", {"top-k": 2}, {"1542M": value})
        for kind, value in zip(kinds, systems["GPT-2 TL;DR:"])
    ]
    rouge += [Measure(f"{kind}, GPT-2 no hint", 0.0, 7, "articles", {"top-k": 2}) for kind in kinds]
    table_4 = [{"summary": name, **dict(zip(kinds, row))} for name, row in systems.items()]
    overlap = []
    for part, value, count in (("all", 0.5, 100), ("clean", 0.47, 85), ("heavy", 0.61, 15)):
        protocol: dict[str, Choice] = {"overlap": part, "overlap report": "CoQA", "heavy above": 0.15}
        overlap.append(to_record("coqa", Measure("F1", value, count, "examples", protocol, group="news")))
    bins = [{"answers": 10 - place, "mean probability": place / 10, "exact match": place / 20} for place in range(10)]
    surest = [{"question": "who wrote <em>on the origin of species", "answer": "Charles Darwin", "right": True, "probability": 0.834}]
    curve = [{"percent": percent, "held-out": 1 - 0.6 / (1 + percent), "samples": 1 - 0.3 / (1 + percent)} for percent in range(0, 101, 5)]
    losses = [
        {"size": size, "parameters": count, "train perplexity": 300.0 - place, "held-out perplexity": 303.0 - place}
        for place, (size, count) in enumerate({"nano": 170_000, "tiny": 930_000}.items())
    ]
    answers = [Measure("exact match", 0.01, 3610, "questions", {"pairs": 5}, {"1542M": 0.041})]
    f1 = Measure("F1", 0.5, 100, "questions", {"decoding": "greedy"}, {"1542M": 0.55})
    return [
        task("CNN", rouge, tables={"Table 4 of the paper": table_4}),
        task("CoQA", [f1], overlap=overlap, notes=["A note & more"]),
        task("NQ", answers, tables={"calibration": bins, "the 30 most confident answers": surest}),
        task("Memorisation", [], tables={"Figure 5": curve}, kind="generation"),
        task("Ladder", [], tables={"Figure 4": losses}),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def page() -> str:
    return render(MODEL, [*likelihood(), *generating()])


def cells(page: str, row: str) -> list[str]:
    """The cells of the first table row with a heading."""
    found = re.search(rf'<th scope="row">{re.escape(row)}</th>(.*?)</tr>', page, re.DOTALL)
    assert found
    return re.findall(r"<td>(.*?)</td>", found[1])


def test_table_3_has_the_published_figures_and_ours(page: str) -> None:
    assert cells(page, "GPT-2 1542M") == ["8.63", "63.24", "93.30", "89.05", "18.34", "35.76", "0.93", "0.98", "17.48", "42.16"]
    assert cells(page, "this model") == ["38.64", "50.59", "96.42", "91.74", "32.35", "72.44", "1.276", "1.287", "41.25", "82.72"]
    assert cells(render(MODEL, generating()), "this model") == ["–"] * 10


def test_table_4_has_ours_below_the_published_rows(page: str) -> None:
    assert cells(page, "Lede-3, paper") == ["40.38", "17.66", "36.62", "31.55"]
    assert cells(page, "GPT-2 TL;DR:, here") == ["28.34", "7.27", "25.58", "20.40"]
    assert cells(page, "GPT-2 no hint, here") == ["0.00"] * 4
    assert "Lede-3, here" not in page


def test_figures_are_drawn_where_there_are_points(page: str) -> None:
    captions = re.findall("<figcaption>(.*?)</figcaption>", page)
    assert len(captions) == len(set(captions)) == 10 + 1 + 1 + 1  # Table 3, of ROUGE the mean, CoQA, and Natural Questions
    assert page.count('<svg class="plot"') == len(captions) + 3
    assert page.count("<title>this model: 38.64</title>") == 1
    for title in ("Figure 1", "Figure 4", "Figure 5", "How far the model is to be trusted"):
        assert title in page
    bare = render(MODEL, [task("CoQA", [Measure("F1", 0.5, 100, "questions", {})])])
    assert "<svg" not in bare
    assert "Figure 5" not in bare
    assert "Overlap and performance" not in bare


def test_measures_stand_with_their_protocols(page: str) -> None:
    assert "<dt>A</dt><dd>stride: 1024; target: &lt;s&gt;</dd><dt>B</dt><dd>stride: 512</dd>" in page
    assert "A note &amp; more" in page
    assert "who wrote &lt;em&gt;on the origin of species" in page
    overlap = re.search(r"CoQA, F1, news.*?</tr>", page, re.DOTALL)
    assert overlap
    assert re.findall(r"<td>([0-9.–]+)", overlap[0]) == ["0.5", "0.47", "–", "0.61"]
    assert "more than 15 % of theirs" in page


def test_the_page_is_one_file(page: str) -> None:
    for outside in ("<script", "<link", "<img", "@import", "url(", "<iframe", "http"):
        assert outside not in page
    targets = re.findall(r'href="#([^"]+)"', page)
    assert len(targets) == 15
    assert all(f'id="{target}"' in page for target in targets)


def test_published_figures_decide_the_column() -> None:
    perplexity, accuracy = TABLE_3[0], TABLE_3[1]
    assert perplexity.scale(perplexity.figures) == 1
    assert accuracy.scale({size: value / 100 for size, value in accuracy.figures.items()}) == 100
    assert accuracy.scale(perplexity.figures) is None
    assert accuracy.scale({SIZES[3]: 63.24}) is None


def test_numbers_for_the_eye() -> None:
    assert [number(value) for value in (0.63241, 12.0, 1e13, 0, 1234567, False)] == [
        "0.6324",
        "12",
        "1e+13",
        "0",
        "1\u202f234\u202f567",
        "no",
    ]


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--virtual-time-budget=5000"]
PROBE = """
<!doctype html><iframe id="frame" style="width:375px;height:640px;border:0" srcdoc="{page}"></iframe><pre id="out"></pre><script>
frame.onload = () => {{
  const page = frame.contentDocument;
  out.textContent = JSON.stringify({{
    width: page.documentElement.scrollWidth, plots: [...page.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().height),
    size: parseFloat(frame.contentWindow.getComputedStyle(page.querySelector('td')).fontSize),
  }});
}};
</script>
"""


def test_the_page_on_a_phone(page: str, tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    (tmp_path / "probe.html").write_text(PROBE.format(page=html.escape(page)))
    run = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"file://{tmp_path / 'probe.html'}"],
        capture_output=True, text=True, timeout=900, check=True,
    )  # fmt: skip
    seen = json.loads(html.unescape(re.findall(r'<pre id="out">(.*?)</pre>', run.stdout)[0]))
    assert seen["width"] <= 375  # only tables scroll sideways
    assert min(seen["plots"]) > 80
    assert seen["size"] >= 14
