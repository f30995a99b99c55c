"""Train a GPT-2 from token shards.

    python -m model.train TOKENS OUT --size 124M --steps 19073
    torchrun --nproc-per-node 8 -m model.train TOKENS OUT --size 1558M --micro-batch 4

`OUT` receives last.safetensors and best.safetensors (checkpoints), log.jsonl, tensorboard/ and, at the end, hf/ (the final weights in
Hugging Face's layout). Started again with the same settings, a run goes on from last.safetensors: on a CPU, with the same number of ranks
and threads, to the same bits as if it had never stopped, for every random number is drawn from a generator seeded by (seed, step,
micro-batch) and the order of windows follows from (seed, step).
"""

from __future__ import annotations

import argparse
import hashlib
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from model import checkpoint
from model.checkpoint import BEST, LAST, Checkpoint, State
from model.config import TrainConfig
from model.data import Arrays, Ints, prefetched, windows_of_step
from model.device import Machine, machine, platform_of
from model.log import Pace, RunLog, StepReport, tensorboard_is_there
from model.objective import Objective, Pretraining, starting_from
from model.optim import adamw, learning_rate
from model.weights import load_language_model
from webtext.core.errors import UsageError, WebtextError

__all__ = ["DivergedError", "StepReport", "TrainConfig", "TrainResult", "learn", "parser", "run", "say", "train"]


class DivergedError(WebtextError):
    """The loss is no longer a number."""


@dataclass(frozen=True)
class TrainResult:
    """How a run ended."""

    finished: bool  # False: stopped by SIGTERM; resumes when started again
    steps: int  # done
    tokens: int  # trained on
    parameters: int
    val_loss: float | None  # nats a token, last and best
    best_val_loss: float | None
    best_step: int | None
    checkpoint: Path
    best_checkpoint: Path | None
    hf: Path | None  # the exported model, when finished
    log: Path


def train(
    config: TrainConfig,
    tokens: Path,
    out: Path,
    *,
    progress: Callable[[StepReport], None] | None = None,
    announce: Callable[[str], None] | None = None,
) -> TrainResult:
    """Train on `tokens/train-*.bin`, validate on `tokens/val-*.bin`, write to `out`; resumes from a checkpoint there.

    `progress` gets every report and `announce` one line at the start that states model, device and plan, both on rank 0 alone.
    Raises UsageError for an impossible configuration, and WebtextError for missing or broken shards, a checkpoint that is
    damaged or of another configuration or other data, and (DivergedError) for a loss that is no longer finite.
    """
    start = load_language_model(Path(config.init_from)) if config.init_from else None
    if start is not None:
        config = starting_from(config, start)
    return learn(config, Pretraining(config, tokens, start), out, progress=progress, announce=announce)


def learn(
    config: TrainConfig,
    objective: Objective,
    out: Path,
    *,
    progress: Callable[[StepReport], None] | None = None,
    announce: Callable[[str], None] | None = None,
) -> TrainResult:
    """The loop of every training: as `train`, with any objective."""
    with machine(config.device, config.precision, config.threads) as here, _sigterm() as told_to_stop:
        run = _Run(config, objective, out, here)
        if announce is not None and here.rank == 0:
            announce(run.describe())
            if run.note:
                announce(run.note)
            if not tensorboard_is_there():
                announce("no event files for TensorBoard, which is not installed (`pip install tensorboard`); log.jsonl has all of it")
        return run.go(progress if here.rank == 0 else None, told_to_stop)


class _Run:
    """One process of a training run: its model, optimiser and position."""

    def __init__(self, config: TrainConfig, objective: Objective, out: Path, here: Machine) -> None:
        self.config, self.objective, self.out, self.here = config, objective, out, here
        self.micro_batch = config.windows_at_once(here.ranks)
        self.passes = config.windows // here.ranks // self.micro_batch
        self.model = model = objective.model.to(here.device)
        self.optimizer = adamw(model, weight_decay=config.weight_decay, betas=(config.beta1, config.beta2))
        self.scaler = torch.amp.GradScaler(here.device.type, enabled=here.precision == "fp16")
        key = {**config.resume_key(), **objective.settings}
        self.state = State(key, objective.data, threads=torch.get_num_threads(), platform=platform_of(here.device))
        self.note = ""  # what a resumed run should know
        self._resume()
        self.net: Any = torch.compile(model) if config.compile else model
        if here.ranks > 1:
            devices = [here.device] if here.device.type == "cuda" else None
            self.net = DistributedDataParallel(self.net, device_ids=devices, gradient_as_bucket_view=True)

    def _resume(self) -> None:
        """Go on from the last checkpoint if there is one, on every rank from the same.

        Ranks on several machines may see different directories; gradients averaged over different steps would ruin the model.
        """
        path = self.out / LAST
        found: Checkpoint | None = None
        error: WebtextError | OSError | None = None
        try:
            found = Checkpoint(path) if path.exists() else None
            if found is not None:
                found.check_fits(self.state.config, self.state.data)
        except (WebtextError, OSError) as raised:  # raised below, after the other ranks, which wait for this one, have been told
            error = raised
        held = None if found is None else (found.state.step, found.digest)
        same = self.here.agree((held, error is not None))
        if error is not None:
            raise error
        if not same:
            here = "is missing" if found is None else f"is of step {found.state.step:,}"
            raise WebtextError(
                f"{path}: on rank {self.here.rank} it {here}, but the ranks do not all have the same checkpoint: "
                "give all machines one shared directory, or copy rank 0's file to each"
            )
        if found is None:
            return
        found.restore(self.model, self.optimizer)
        self.note = _platform_note(found.state.platform, self.state.platform)
        found.state.platform = self.state.platform
        self.state = found.state
        self.state.threads = self.config.threads or self.state.threads
        torch.set_num_threads(self.state.threads)
        if self.state.scaler:
            self.scaler.load_state_dict(self.state.scaler)
        if self.here.rank == 0 and self.state.best_step == self.state.step:
            checkpoint.keep_last_as(self.out, BEST)  # the run may have died between the two

    def describe(self) -> str:
        """One line: model, machine, plan and data."""
        config, start = self.config, f"; goes on at step {self.state.step:,}" if self.state.step else ""
        name = {"gpt2": "GPT-2", "gpt1": "GPT-1", "lstm": "LSTM"}[config.model.architecture]
        return (
            f"{name} of {config.model.parameters:,} parameters on {self.here}; {config.steps:,} steps of {config.windows:,} windows "
            f"of {config.model.context:,} tokens, {self.micro_batch} at once in {self.passes} passes; {self.objective.describe()}{start}"
        )

    def go(self, progress: Callable[[StepReport], None] | None, told_to_stop: threading.Event) -> TrainResult:
        """The loop over steps."""
        config, state = self.config, self.state
        self.out.mkdir(parents=True, exist_ok=True)
        log = RunLog(self.out, state.step) if self.here.rank == 0 else None
        pace = Pace(config, self.here, state.step, self.objective.tokens_a_step)
        stopped = False
        loaded = closing(prefetched(self.objective.load, self._batches(), config.loader_workers))
        with log or nullcontext(), loaded as batches, torch.random.fork_rng([self.here.device] if self.here.device.type == "cuda" else []):
            while state.step < config.steps and not stopped:
                loss, norm = self._step(batches)
                state.step += 1
                last = state.step == config.steps
                val_due = last or state.step % config.eval_every == 0
                save_due = last or state.step % config.checkpoint_every == 0 or self._kept()
                if not (val_due or save_due or state.step % config.log_every == 0):
                    continue
                report = pace.report(state.step, self._finite(loss, norm), self._lr(state.step - 1), float(norm))
                stopped = self._any_rank(told_to_stop)
                with pace.paused():
                    if val_due:
                        report = replace(report, val_loss=self._validate())
                    if log is not None:
                        log.write(report)
                    if progress is not None:
                        progress(report)
                    if save_due or stopped or state.best_step == state.step:
                        if log is not None:
                            log.flush()
                        self._save()
        return self._result()

    def _batches(self) -> Iterator[Ints]:
        """The windows of each pass of this rank, from the step the run is at."""
        share = self.passes * self.micro_batch
        for step in range(self.state.step, self.config.steps):
            mine = self._windows(step)[self.here.rank * share :][:share]
            yield from mine.reshape(self.passes, self.micro_batch)

    def _windows(self, step: int) -> Ints:
        return windows_of_step(self.objective.samples, self.config.windows, self.config.seed, step)

    def _lr(self, step: int) -> float:
        c = self.config
        return learning_rate(
            step,
            schedule=c.schedule,
            peak=c.peak_lr,
            final=c.final_lr * c.peak_lr,
            steps=c.steps,
            warmup=c.warmup_steps,
            cooldown=c.cooldown_steps,
        )

    def _step(self, batches: Iterator[Arrays]) -> tuple[Tensor, Tensor]:
        """One optimiser step: (mean loss of this rank's part times its share of the batch, gradient norm)."""
        config, step = self.config, self.state.step
        weight = self.objective.weight(self._windows(step))
        total = torch.zeros((), device=self.here.device)
        for number in range(self.passes):
            if config.dropout:
                torch.manual_seed(_seed(config.seed, step, self.here.rank * self.passes + number))
            # Gradients are exchanged in the last pass only; DistributedDataParallel looks at the flag in the forward pass.
            quiet = self.net.no_sync() if self.here.ranks > 1 and number < self.passes - 1 else nullcontext()
            with quiet:
                with self.here.autocast():
                    given = (torch.from_numpy(array).to(self.here.device, non_blocking=True) for array in next(batches))
                    loss = self.net(*given, **self.objective.keywords) / weight
                total += loss.detach()
                # Every rank divides by the weight of all samples, and the exchange takes the mean over ranks: hence the factor.
                self.scaler.scale(loss * self.here.ranks).backward()
        for group in self.optimizer.param_groups:
            group["lr"] = self._lr(step)
        self.scaler.unscale_(self.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip or math.inf)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        return total, norm

    def _finite(self, loss: Tensor, norm: Tensor) -> float:
        """The loss of the whole batch. Raises DivergedError where it or its gradient is not finite: such a step is never saved.

        With fp16 a gradient may overflow; its scaler then skips the step.
        """
        value = float(self.here.sum(loss))
        if not math.isfinite(value) or not (self.scaler.is_enabled() or math.isfinite(float(norm))):
            raise DivergedError(
                f"the loss is {value} and the norm of its gradient {float(norm)} at step {self.state.step}: lower lr or use another "
                f"precision; {self.out / LAST} is from before"
            )
        fresh = self.objective.fresh_loss
        if self.state.step == 1 and fresh is not None and abs(value - fresh) > 1:  # noise is far below 1 nat; a broken model or loss is not
            raise WebtextError(f"the loss of the fresh model is {value:.2f} nats a token, it should be about {fresh:.2f} = ln(vocabulary)")
        return value

    def _validate(self) -> float:
        mean = self.objective.validate(self.here)
        self.state.val_loss = mean
        if self.state.best_val_loss is None or mean < self.state.best_val_loss:
            self.state.best_val_loss, self.state.best_step = mean, self.state.step
        return mean

    def _save(self) -> None:
        if self.here.rank == 0:
            self.state.scaler = self.scaler.state_dict()
            checkpoint.save(self.out / LAST, self.state, self.model, self.optimizer)
            if self.state.best_step == self.state.step:
                checkpoint.keep_last_as(self.out, BEST)
            if self._kept():
                checkpoint.keep_last_as(self.out, f"step-{self.state.step:08}.safetensors")
        self.here.barrier()

    def _kept(self) -> bool:
        return self.config.keep_every is not None and self.state.step % self.config.keep_every == 0

    def _any_rank(self, event: threading.Event) -> bool:
        return bool(self.here.sum(torch.tensor(float(event.is_set()), device=self.here.device)))

    def _result(self) -> TrainResult:
        state, finished, exported = self.state, self.state.step == self.config.steps, self.out / "hf"
        if finished:
            self.objective.export(exported, self.out / BEST if state.best_step is not None else None, self.here)
        self.here.barrier()
        return TrainResult(
            finished=finished,
            steps=state.step,
            tokens=round(state.step * self.objective.tokens_a_step),
            parameters=self.config.model.parameters,
            val_loss=state.val_loss,
            best_val_loss=state.best_val_loss,
            best_step=state.best_step,
            checkpoint=self.out / LAST,
            best_checkpoint=self.out / BEST if state.best_step is not None else None,
            hf=exported if finished and exported.exists() else None,
            log=self.out / "log.jsonl",
        )


def _platform_note(before: dict[str, str], now: dict[str, str]) -> str:
    """One line where what rounding depends on differs from the checkpoint's (old checkpoints record nothing), else nothing."""
    names = [name for name in sorted(before | now) if before and before.get(name) != now.get(name)]
    changes = "; ".join(f"{name} was {before.get(name, 'none')}, is {now.get(name, 'none')}" for name in names)
    return f"resumed on another platform, so the weights will differ by rounding: {changes}" if changes else ""


def _seed(*numbers: int) -> int:
    return int.from_bytes(hashlib.sha256("/".join(map(str, numbers)).encode()).digest()[:8], "little") >> 1


@contextmanager
def _sigterm() -> Iterator[threading.Event]:
    """An event that SIGTERM sets, instead of killing the process; only the main thread of a program may ask for this."""
    event = threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        event.set()

    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.signal(signal.SIGTERM, told)
    try:
        yield event
    finally:
        signal.signal(signal.SIGTERM, before)


def parser() -> argparse.ArgumentParser:
    """An option for each field of TrainConfig."""
    made = argparse.ArgumentParser(prog="python -m model.train", description="Train a GPT-2 from token shards.")
    made.add_argument("tokens", type=Path, help="directory with train-*.bin and val-*.bin")
    made.add_argument("out", type=Path, help="directory for checkpoints, log and the exported model; a run in it is resumed")
    for option in fields(TrainConfig):
        name, default = "--" + option.name.replace("_", "-"), option.default
        text = option.metadata["help"] + ("" if default is None or default is MISSING else f" (default {default})")
        kind = str(option.type).partition(" ")[0]
        if kind == "bool":
            made.add_argument(name, action=argparse.BooleanOptionalAction, default=default, help=option.metadata["help"])
        else:
            made.add_argument(name, type={"int": int, "float": float, "str": str}[kind], default=default, help=text)
    return made


def run(command: Callable[[TrainConfig, Path, Path], bool], arguments: Sequence[str] | None) -> int:
    """Run `command` with configuration, token shards and directory; it says whether it is done.

    Exit status 0 done, 1 failed or stopped early, 2 wrong use.
    """
    given = vars(parser().parse_args(arguments))
    tokens, out = given.pop("tokens"), given.pop("out")
    try:
        return 0 if command(TrainConfig(**given), tokens, out) else 1
    except WebtextError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, UsageError) else 1
    except OSError as error:
        sys.stderr.write(f"{error.filename or out}: {error.strerror}\n")
        return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line, for torchrun above all."""
    return run(lambda config, tokens, out: train(config, tokens, out, progress=say, announce=say).finished, arguments)


def say(what: object) -> None:
    """A line on standard output, at once."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
