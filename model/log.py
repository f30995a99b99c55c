"""Reports of a training run: one a step, as a line for people, as JSON lines and, where it is installed, for TensorBoard."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from model.config import TrainConfig
from model.device import Machine
from webtext.core.errors import WebtextError

# What TensorBoard shows of a report.
SCALARS = ("loss", "val_loss", "lr", "grad_norm", "tokens_per_second", "mfu", "memory_bytes")


@dataclass(frozen=True)
class StepReport:
    """One step of a training run, after it."""

    step: int  # steps done
    steps: int  # of so many
    tokens: int  # trained on so far
    loss: float  # of this step's batch, in nats a token
    lr: float
    grad_norm: float  # before clipping
    val_loss: float | None  # where this step was followed by a validation
    tokens_per_second: float  # since the last report, validation and checkpoints left out
    mfu: float | None  # model FLOP utilisation, 0 to 1; None where the peak of the device is not known
    memory_bytes: int  # peak so far
    seconds_left: float  # at the pace so far

    def __str__(self) -> str:
        """One line for a terminal."""
        parts = [f"step {self.step:,}/{self.steps:,}", f"loss {self.loss:.4f}"]
        if self.val_loss is not None:
            parts.append(f"val {self.val_loss:.4f}")
        parts += [f"lr {self.lr:.2e}", f"grad {self.grad_norm:.3f}", f"{self.tokens_per_second:,.0f} tokens/s"]
        if self.mfu is not None:
            parts.append(f"MFU {self.mfu:.1%}")
        minutes, seconds = divmod(round(self.seconds_left), 60)
        return "  ".join([*parts, f"{self.memory_bytes / 2**30:.2f} GiB", f"{minutes // 60}:{minutes % 60:02}:{seconds:02} left"])


class Pace:
    """Measures tokens a second, utilisation and time left from the clock."""

    def __init__(self, config: TrainConfig, here: Machine, step: int, tokens_a_step: float) -> None:
        self._config, self._here, self._first, self._tokens = config, here, step, tokens_a_step
        self._peak = here.peak_flops(config.peak_tflops)
        self._reported = step
        self._began = self._since = time.perf_counter()

    def report(self, step: int, loss: float, lr: float, norm: float) -> StepReport:
        now = time.perf_counter()
        speed = (step - self._reported) * self._tokens / (now - self._since)
        left = (now - self._began) / (step - self._first) * (self._config.steps - step)
        self._reported, self._since = step, now
        return StepReport(
            step=step,
            steps=self._config.steps,
            tokens=round(step * self._tokens),
            loss=loss,
            lr=lr,
            grad_norm=norm,
            val_loss=None,
            tokens_per_second=speed,
            mfu=None if self._peak is None else speed * self._config.model.flops_per_token / self._peak,
            memory_bytes=self._here.memory(),
            seconds_left=left,
        )

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time spent within is not counted as training: validation and checkpoints."""
        began = time.perf_counter()
        yield
        self._since += time.perf_counter() - began


class RunLog:
    """Appends reports to `log.jsonl` and to TensorBoard. On opening, entries after `step` are deleted: the run repeats those steps."""

    def __init__(self, out: Path, step: int) -> None:
        path = out / "log.jsonl"
        kept = [line for line in _lines(path) if json.loads(line)["step"] <= step]
        temporary = path.with_name(".log.jsonl.tmp")
        temporary.write_text("".join(kept), encoding="utf-8")
        temporary.replace(path)
        self._file = path.open("a", encoding="utf-8")
        self._board = _tensorboard(out / "tensorboard", step)

    def write(self, report: StepReport) -> None:
        self._file.write(json.dumps(asdict(report)) + "\n")
        self._file.flush()
        if self._board is not None:
            for name in SCALARS:
                value = getattr(report, name)
                if value is not None:
                    self._board.add_scalar(name, value, report.step)

    def flush(self) -> None:
        """Write what TensorBoard's writer still holds: before a checkpoint, so that a run that goes on from it lacks no step."""
        if self._board is not None:
            self._board.flush()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()


def read_log(path: Path) -> list[StepReport]:
    """The reports of a `log.jsonl`, in order, for plots. Raises WebtextError naming the line that is none."""
    reports = []
    for number, line in enumerate(_lines(path), 1):
        try:
            reports.append(StepReport(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise WebtextError(f"{path}, line {number}: not a step of a training log: {error}") from error
    return reports


def _lines(path: Path) -> list[str]:
    """The whole lines of a log; one that a crash cut short is left out."""
    if not path.exists():
        return []
    return [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]


def tensorboard_is_there() -> bool:
    """Whether event files can be written beside `log.jsonl`."""
    return importlib.util.find_spec("tensorboard") is not None


def _tensorboard(directory: Path, step: int) -> Any:
    if not tensorboard_is_there():
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(directory), purge_step=step + 1)  # readers drop what a run before this one has written from there on
