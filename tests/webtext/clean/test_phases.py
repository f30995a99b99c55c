"""The clean stage: every document ends as a cleaned one or with its reason, in the same order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.webtext.extract.pages import SENTENCES, paragraphs
from webtext.clean.phases import clean_shard
from webtext.core.config import CleanSection
from webtext.core.errors import UsageError, WebtextError
from webtext.core.hashing import url_id
from webtext.core.records import DOCUMENT
from webtext.core.tables import Record, read_table, writing_table
from webtext.core.task import Report, StageContext, run_task

GERMAN = (
    "Der Leuchtturmwärter schrieb jeden Morgen vor dem Frühstück das Wetter auf, und niemand im Dorf wusste, warum er das tat. "
    "Im Winter lagen die Schiffe im Hafen fest, und die Fischer erzählten sich abends Geschichten von der anderen Seite des Meeres."
)
GOOD = "\n".join(paragraphs(1))
TEXTS = {
    "good": ("A story", GOOD),
    "short": ("Short", "Only these few words."),
    "german": ("Der Leuchtturm", "\n".join([GERMAN, *(f"{GERMAN} Das war {index}." for index in range(4))])),
    "gone": ("404 - Page not found", "The page you requested could not be found. " * 6),
    "again": ("Again", "\n".join(paragraphs(9, 1) * 5)),
    "buttons": ("A story", f"Share this on Facebook\n{GOOD}\nTweet"),
}


def write(build: Path, texts: dict[str, tuple[str, str]]) -> None:
    with writing_table(build / "documents" / "shard-00000.parquet", DOCUMENT) as table:
        for name, (title, text) in texts.items():
            url = f"http://example.org/{name}"
            record = {"id": url_id(url), "url": url, "title": title, "text": text, "extractor": "blocks", "score": 3, "subreddits": ["a"]}
            table.write({**record, "created_utc": 100, "meta": None})


def run(build: Path, section: CleanSection) -> Report:
    return run_task(StageContext(build, "cleaned", "fingerprint"), "clean-00000", clean_shard, 0, section)


def cleaned(build: Path) -> list[Record]:
    return list(read_table(build / "cleaned" / "shard-00000.parquet"))


def rejected(build: Path) -> dict[str, tuple[str, str]]:
    [path] = build.rglob("rejected/clean-00000.parquet")
    return {row["url"].rsplit("/", 1)[1]: (row["reason"], row["detail"]) for row in read_table(path)}


def test_every_document_ends_where_it_should(tmp_path: Path) -> None:
    write(tmp_path, TEXTS)
    report = run(tmp_path, CleanSection())
    assert rejected(tmp_path) == {
        "short": ("too-short", "21 characters"),
        "german": ("language", "de 0.99"),
        "gone": ("error-page", "404 - Page not found"),
        "again": ("duplicate-lines", "0.80"),
    }
    good, buttons = cleaned(tmp_path)
    assert good["text"] == buttons["text"] == GOOD
    assert (good["url"], good["title"], good["language"], good["score"]) == ("http://example.org/good", "A story", "en", 3)
    assert (report.records_in, report.records_out, report.rejected) == (6, 2, 4)
    assert report.counters["bytes-en"] == 2 * len(GOOD.encode())
    assert report.counters["changed-boilerplate-lines"] == 1


def test_other_languages_stay_where_they_are_wanted(tmp_path: Path) -> None:
    write(tmp_path, {name: TEXTS[name] for name in ("good", "german")})
    report = run(tmp_path, CleanSection(languages=[]))
    assert sorted(document["language"] for document in cleaned(tmp_path)) == ["de", "en"]
    assert report.counters["bytes-de"] > 500


def test_every_rule_is_counted_by_its_name(tmp_path: Path) -> None:
    texts = {
        "short": "\n".join(SENTENCES[:2]),
        "code": "\n".join([*SENTENCES, "It is { all } in brackets."]),
        "notice": "\n".join([*SENTENCES, "Our terms of use are long and dull."]),
    }
    write(tmp_path, {name: ("", text) for name, text in texts.items()})
    report = run(tmp_path, CleanSection(preset="fineweb"))
    assert {name: reason for name, (reason, _) in rejected(tmp_path).items()} == {"short": "word-count", "code": "curly-bracket"}
    assert report.counters["rejected-word-count"] == report.counters["rejected-curly-bracket"] == 1
    assert report.counters["changed-policy-notices"] == 1


RULES = """
from webtext.clean.own_rules import Edited

def no_keepers(text):
    return f"{text.count('keeper')} keepers" if "keeper" in text else None

def shout(text):
    return Edited(text.upper())

def broken(text):
    return 1 / 0 if "keeper" in text else None

def wrong(text):
    return 7
"""


def own(tmp_path: Path, *names: str, **keys: Any) -> CleanSection:
    (tmp_path / "my_rules.py").write_text(RULES)
    return CleanSection(rules=[f"{tmp_path / 'my_rules.py'}:{name}" for name in names], preset="none", languages=[], **keys)


def test_rules_of_ones_own_reject_and_edit(tmp_path: Path) -> None:
    write(tmp_path, {"a": ("", "The keeper sleeps."), "b": ("", "The bees sleep.")})
    report = run(tmp_path, own(tmp_path, "no_keepers", "shout"))
    assert rejected(tmp_path) == {"a": ("no-keepers", "1 keepers")}
    assert [row["text"] for row in cleaned(tmp_path)] == ["THE BEES SLEEP."]
    assert report.counters["rejected-no-keepers"] == report.counters["changed-shout"] == 1


def test_a_rule_that_fails_costs_one_record(tmp_path: Path) -> None:
    write(tmp_path, {"a": ("", "The keeper sleeps."), "b": ("", "The bees sleep.")})
    run(tmp_path, own(tmp_path, "broken"))
    assert rejected(tmp_path) == {"a": ("rule-failed", f"{tmp_path / 'my_rules.py'}:broken: ZeroDivisionError: division by zero")}


def test_a_rule_that_fails_too_often_ends_the_stage_with_its_name_and_a_document(tmp_path: Path) -> None:
    write(tmp_path, {name: ("", f"The keeper of {name}.") for name in "abc"})
    with pytest.raises(WebtextError, match=r"my_rules.py:broken: ZeroDivisionError.* on http://example.org/a; .* 3 of 3 documents"):
        run(tmp_path, own(tmp_path, "broken", max_failed=0.5))


def test_mistakes_in_rules_are_named(tmp_path: Path) -> None:
    write(tmp_path, {"a": ("", "A text.")})
    with pytest.raises(WebtextError, match=r"returned int; a rule returns None, a reason as text, or webtext.Edited"):
        run(tmp_path, own(tmp_path, "wrong"))
    with pytest.raises(UsageError, match=r"clean.rules: .*my_rules.py has no function absent"):
        run(tmp_path, own(tmp_path, "absent"))
    with pytest.raises(UsageError, match=r"clean.rules: there is no file none.py"):
        run(tmp_path, CleanSection(rules=["none.py:rule"]))
