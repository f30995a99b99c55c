"""What a training run is: one frozen record, from which with the token shards every weight follows."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from model.gpt2 import GPT2Config, preset
from model.optim import SCHEDULES
from webtext.core.errors import UsageError

# Peak learning rates: GPT-3's for its models of these widths (Brown et al. 2020, table 2.1); for smaller ones a value that beat
# nanoGPT's recipe on novels.
LEARNING_RATES = {768: 6e-4, 1024: 3e-4, 1280: 2.5e-4, 1600: 2e-4}
SMALL_LEARNING_RATE = 3e-3
GPT1_LEARNING_RATE = 2.5e-4  # Radford et al. 2018, section 4.1
NO_EOT = -1  # for tokens of a vocabulary that is not known

_SHAPE = ("layers", "heads", "width", "context", "architecture")

T = TypeVar("T")

# Settings that change when and where things are computed and kept, not what is learned: a run may be resumed with others.
# NB: exactly only with the same; another device, micro-batch or number of ranks or threads rounds differently.
OPERATIONAL = (
    *("device", "compile", "activation_checkpointing", "micro_batch", "loader_workers"),
    *("eval_every", "checkpoint_every", "keep_every", "log_every", "peak_tflops", "threads"),
)


def _option(default: T, text: str) -> T:
    """A field with its help text, which the command lines show."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run; the defaults are the paper's batch and GPT-3's optimiser. Raises UsageError for impossible ones."""

    size: str = _option("124M", "a preset: 124M 355M 774M 1558M, the paper's 117M 345M 762M 1542M, gpt1, lstm, or nano, tiny, mini")
    layers: int | None = _option(None, "blocks; replaces the preset's")
    heads: int | None = _option(None, "attention heads; replaces the preset's")
    width: int | None = _option(None, "width of the residual stream; replaces the preset's")
    context: int | None = _option(None, "tokens of a window; replaces the preset's")
    architecture: str | None = _option(None, "gpt2, gpt1 or lstm; replaces the preset's")
    init_from: str = _option("", "model whose weights training begins with, in the place of fresh ones; its shape replaces that given here")
    vocab_size: int = _option(50_257, "tokens of the tokenizer's vocabulary")
    dropout: float = _option(0.0, "part of the activations dropped in training")

    steps: int = _option(19_073, "optimiser steps; the default makes 10 billion tokens with the default batch")
    batch_tokens: int = _option(524_288, "tokens a step; the default is the paper's 512 windows of 1,024")
    micro_batch: int | None = _option(None, "windows a device takes at once; None: the most that are at most 8,192 tokens")
    lr: float | None = _option(None, "peak learning rate; None: by the width of the model")
    schedule: str = _option("cosine", "cosine, linear or constant (with a linear cooldown)")
    warmup: int | None = _option(None, "steps; None: a twentieth of all, at most 2,000")
    cooldown: int | None = _option(None, "steps, for the constant schedule; None: a fifth of all")
    final_lr: float = _option(0.1, "at the end, as a part of lr")
    weight_decay: float = _option(0.1, "AdamW's, on matrices and embeddings")
    beta1: float = _option(0.9, "AdamW's")
    beta2: float = _option(0.95, "AdamW's")
    clip: float = _option(1.0, "largest norm of the gradient; 0: no limit")
    precision: str = _option("auto", "fp32, bf16, fp16; auto: bf16 where CUDA has it, else fp16 on CUDA, else fp32")
    seed: int = _option(0, "of weights, order and dropout")
    cross_documents: bool = _option(True, "False: attention and positions begin anew at each end-of-text token")
    eot: int | None = _option(None, "end-of-text token; None: the last of the vocabulary, as GPT-2's; -1: there is none")

    eval_every: int = _option(250, "steps between validations; there is always one at the end")
    eval_tokens: int = _option(1_048_576, "validation tokens, evenly spread; 0: all")
    checkpoint_every: int = _option(250, "steps between checkpoints")
    keep_every: int | None = _option(None, "steps between checkpoints that are kept, as step-N.safetensors; None: none is")
    log_every: int = _option(1, "steps between reports")
    device: str = _option("auto", "auto: cuda, else mps, else cpu")
    threads: int | None = _option(
        None, "processor threads, on which rounding depends; None: torch's choice. One is faster for a small model on a shared machine"
    )
    compile: bool = _option(False, "use torch.compile")
    activation_checkpointing: bool = _option(False, "recompute activations in the backward pass: less memory, a third more time")
    loader_workers: int = _option(1, "threads that read windows ahead; 0: none")
    peak_tflops: float | None = _option(None, "of the device, for model FLOP utilisation; None: by a table of devices")

    def __post_init__(self) -> None:
        context = self.model.context
        if self.batch_tokens < 1 or self.batch_tokens % context:
            raise UsageError(f"batch_tokens {self.batch_tokens} must be a multiple of the context {context}")
        positive = {
            name: getattr(self, name)
            for name in ("steps", "micro_batch", "eval_every", "checkpoint_every", "keep_every", "log_every", "threads")
        }
        for name, value in positive.items():
            if value is not None and value < 1:
                raise UsageError(f"{name} {value} must be 1 or more")
        if self.micro_batch is not None and self.windows % self.micro_batch:
            raise UsageError(f"micro_batch {self.micro_batch} does not divide the {self.windows} windows of a step")
        for name in ("weight_decay", "clip", "final_lr", "eval_tokens", "loader_workers"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} {getattr(self, name)} must not be negative")
        if not (0 < self.peak_lr < math.inf):
            raise UsageError(f"lr {self.lr} must be a positive number")
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            raise UsageError(f"beta1 {self.beta1} and beta2 {self.beta2} must lie in [0, 1)")
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("precision", self.precision, ("auto", "fp32", "bf16", "fp16"))
        if not 0 <= self.warmup_steps <= self.steps or not 0 <= self.cooldown_steps <= self.steps:
            raise UsageError(f"warmup {self.warmup} and cooldown {self.cooldown} must lie in 0 to steps {self.steps}")
        if self.eot_token is None and not self.cross_documents:
            raise UsageError("cross_documents can only be turned off where the end-of-text token is known")
        if self.eot_token is not None and not 0 <= self.eot_token < self.vocab_size:
            raise UsageError(f"eot {self.eot} is outside the vocabulary of {self.vocab_size}")

    @property
    def model(self) -> GPT2Config:
        """The shape of the model: the preset with what is given in its place."""
        given = {name: getattr(self, name) for name in _SHAPE}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return replace(preset(self.size), vocab_size=self.vocab_size, dropout=self.dropout, **changes)

    def shaped_as(self, shape: GPT2Config, **changes: Any) -> TrainConfig:
        """These settings for a model of another shape, but with the dropout given here."""
        return replace(self, vocab_size=shape.vocab_size, **{name: getattr(shape, name) for name in _SHAPE}, **changes)

    @property
    def fresh_loss(self) -> float:
        """ln(V), plus half the variance 0.02^2 C that the logits of a fresh model have."""
        return math.log(self.vocab_size) + 0.5 * 0.02**2 * self.model.width

    @property
    def windows(self) -> int:
        """Windows a step."""
        return self.batch_tokens // self.model.context

    @property
    def peak_lr(self) -> float:
        if self.lr is not None:
            return self.lr
        return GPT1_LEARNING_RATE if self.model.architecture == "gpt1" else LEARNING_RATES.get(self.model.width, SMALL_LEARNING_RATE)

    @property
    def warmup_steps(self) -> int:
        return min(2000, self.steps // 20) if self.warmup is None else self.warmup

    @property
    def cooldown_steps(self) -> int:
        return self.steps // 5 if self.cooldown is None else self.cooldown

    @property
    def eot_token(self) -> int | None:
        return {None: self.vocab_size - 1, NO_EOT: None}.get(self.eot, self.eot)

    def windows_at_once(self, ranks: int) -> int:
        """Windows a device takes at once. Raises UsageError where `ranks` devices cannot share a step evenly."""
        if self.windows % ranks or (self.micro_batch is not None and self.windows // ranks % self.micro_batch):
            raise UsageError(f"{self.windows} windows a step cannot be shared by {ranks} devices with micro_batch {self.micro_batch}")
        if self.micro_batch is not None:
            return self.micro_batch
        share = self.windows // ranks
        most = max(1, 8192 // self.model.context)
        return max(n for n in range(1, min(share, most) + 1) if share % n == 0)

    def resume_key(self) -> dict[str, Any]:
        """The settings that affect the weights, with defaults resolved: a checkpoint is resumed only if they are the same."""
        resolved = {
            "lr": self.peak_lr,
            "warmup": self.warmup_steps,
            "cooldown": self.cooldown_steps,
            "eot": self.eot_token,
            **asdict(self.model),
        }
        unsaid = {*OPERATIONAL, "size", "init_from", *(["architecture"] if self.model.architecture == "gpt2" else [])}
        return {name: value for name, value in {**asdict(self), **resolved}.items() if name not in unsaid}


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{name} {value!r} is not one of {', '.join(known)}")
