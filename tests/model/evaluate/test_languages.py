"""Languages of a corpus."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.evaluate.task import Settings
from model.evaluate.tasks.languages import LANGUAGES, WEBTEXT_LANGUAGES
from tests.model.evaluate.writing import scorer_with_context

ENGLISH = "The weather was fine all week and the children played outside until it was dark. "
FRENCH = "Le temps était beau toute la semaine et les enfants jouaient dehors jusqu'à la nuit. "


def test_bytes_by_language_and_unknown_words(tmp_path: Path) -> None:
    texts = [ENGLISH * 6, FRENCH * 4, ENGLISH + "Here is <UNK> and <UNK> and <unk>. " + ENGLISH * 2]
    (tmp_path / "webtext.test.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    assert not LANGUAGES.files(tmp_path)  # which is of a build
    result = WEBTEXT_LANGUAGES.run(scorer_with_context(), WEBTEXT_LANGUAGES.files(tmp_path), Settings())
    sizes = {measure.group: measure.value for measure in result.measures if measure.name == "bytes"}
    assert list(sizes) == ["en", "fr"]
    assert sum(sizes.values()) == sum(len(text.encode()) for text in texts)
    assert sizes["fr"] == pytest.approx(len(texts[1].encode()), rel=0.05)
    assert [(measure.name, measure.value, measure.count) for measure in result.measures[-1:]] == [("<UNK>", 2.0, 3)]
    assert "10 MB of French" in result.notes[0]
