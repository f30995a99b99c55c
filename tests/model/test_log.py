"""What a run leaves behind to look at: TensorBoard's event files tell what log.jsonl tells, also after a kill."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from model.log import SCALARS, read_log
from model.train import train
from tests.model.runs import config, finish, signal_at, start


def scalars(directory: Path) -> dict[str, dict[int, float]]:
    """name -> step -> value, as TensorBoard itself shows a directory of event files."""
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator").EventAccumulator(
        str(directory), size_guidance={"scalars": 0}
    )
    events.Reload()
    found = {name: events.Scalars(name) for name in events.Tags()["scalars"]}
    assert all(len({event.step for event in series}) == len(series) for series in found.values()), "a step is there twice"
    return {name: {event.step: event.value for event in series} for name, series in found.items()}


def logged(path: Path) -> dict[str, dict[int, float]]:
    """The same of a log.jsonl."""
    made: dict[str, dict[int, float]] = {}
    for report in read_log(path):
        for name in SCALARS:
            if (value := getattr(report, name)) is not None:
                made.setdefault(name, {})[report.step] = value
    return made


def same(shown: dict[str, dict[int, float]], written: dict[str, dict[int, float]]) -> bool:
    """To the precision of TensorBoard's 32 bits."""
    return shown.keys() == written.keys() and all(shown[name] == pytest.approx(written[name], rel=1e-6) for name in shown)


def test_tensorboard_shows_what_the_log_says(tokens: Path, tmp_path: Path) -> None:
    train(config(steps=12, eval_every=5, peak_tflops=1.0), tokens, tmp_path)
    written = logged(tmp_path / "log.jsonl")
    assert list(written["loss"]) == list(range(1, 13))
    assert list(written["val_loss"]) == [5, 10, 12]
    assert set(written) == set(SCALARS)
    assert same(scalars(tmp_path / "tensorboard"), written)


def test_without_a_peak_there_is_no_utilisation(tokens: Path, tmp_path: Path) -> None:
    train(config(steps=2), tokens, tmp_path)
    assert set(scalars(tmp_path / "tensorboard")) == set(SCALARS) - {"mfu"}


def test_after_a_kill_tensorboard_has_each_step_once(tokens: Path, tmp_path: Path) -> None:
    """Steps that were not yet in a checkpoint are trained and told again; those before it must have reached the disk."""
    settings = config(steps=60, eval_every=1000, checkpoint_every=10)
    signal_at(start(settings, tokens, tmp_path), tmp_path / "log.jsonl", 25, signal.SIGKILL)
    finish(start(settings, tokens, tmp_path))
    written = logged(tmp_path / "log.jsonl")
    assert list(written["loss"]) == list(range(1, 61))
    assert same(scalars(tmp_path / "tensorboard"), written)


def test_without_tensorboard_a_sentence_says_so(tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    said: list[str] = []
    assert train(config(steps=2), tokens, tmp_path, announce=said.append).finished
    assert said[1:] == ["no event files for TensorBoard, which is not installed (`pip install tensorboard`); log.jsonl has all of it"]
    assert not (tmp_path / "tensorboard").exists()
    assert len(read_log(tmp_path / "log.jsonl")) == 2
