"""What a training run learns: its batches, their loss and its validation. Pre-training is one objective, fine-tuning another."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Protocol

import torch

from model import hf
from model.config import TrainConfig
from model.data import Arrays, Ints, TokenSplit, Windows, evaluation_windows
from model.device import Machine
from model.gpt2 import GPT2
from model.lstm import build_model
from model.validation import mean_loss
from webtext.core.errors import UsageError


class Objective(Protocol):
    """What the training loop asks of what is trained. A step reads `config.windows` of `samples` samples, in the loop's order."""

    @property
    def model(self) -> torch.nn.Module:
        """Called with the tensors of `load` and with `keywords` it gives the sum of the loss over the samples."""

    keywords: dict[str, Any]
    samples: int
    data: dict[str, str]  # fingerprints of all that the weights follow from, by name
    settings: dict[str, Any]  # what they follow from beside TrainConfig
    tokens_a_step: float
    fresh_loss: float | None  # of weights that were just drawn, in nats; None where it is not known

    def load(self, samples: Ints) -> Arrays:
        """The arrays of some samples."""

    def weight(self, samples: Ints) -> float:
        """What the loss of a step is divided by, for all samples of the step."""

    def describe(self) -> str:
        """What is learned from what, for the line at the start."""

    def validate(self, here: Machine) -> float:
        """The figure to lower, over the validation samples, which the ranks share."""

    def export(self, directory: Path, best: Path | None, here: Machine) -> None:
        """Write the model of a finished run, whose best checkpoint is `best`; all ranks call it, and rank 0 writes."""


class Pretraining:
    """Predict the next token of a corpus: `tokens/train-*.bin`, validated on `tokens/val-*.bin`, from fresh weights or given ones."""

    def __init__(self, config: TrainConfig, tokens: Path, start: torch.nn.Module | None = None) -> None:
        self.config = config
        self.train_windows, self.val_windows = (
            Windows(TokenSplit(tokens, split), config.model.context, config.vocab_size) for split in ("train", "val")
        )
        self.samples = len(self.train_windows)
        self.model = build_model(config.model, seed=config.seed, activation_checkpointing=config.activation_checkpointing)
        self.data = {"train": self.train_windows.tokens.fingerprint(), "val": self.val_windows.tokens.fingerprint()}
        # The last layer norm gives states of unit variance, and so the loss of fresh weights; an LSTM has none.
        self.fresh_loss = None if start is not None or config.model.architecture == "lstm" else config.fresh_loss
        if start is not None:
            self.model.load_state_dict(start.state_dict())
            self.data["weights"] = fingerprint(start)
        self.keywords = {"eot": None if config.cross_documents else config.eot_token}
        self.settings: dict[str, Any] = {}
        self.tokens_a_step = float(config.batch_tokens)

    def load(self, samples: Ints) -> Arrays:
        """Inputs and targets [n, context]."""
        return self.train_windows.load(samples)

    def weight(self, samples: Ints) -> float:
        """Losses are means over the targets of a step."""
        return self.train_windows.targets(samples)

    def describe(self) -> str:
        windows = evaluation_windows(self.val_windows, self.config.eval_tokens)
        sample = "" if len(windows) == len(self.val_windows) else f", of which {self.val_windows.targets(windows):,} are read each time"
        return f"{len(self.train_windows.tokens):,} tokens to train on, {len(self.val_windows.tokens):,} to validate{sample}"

    def validate(self, here: Machine) -> float:
        """Mean loss in nats a token over the fixed validation windows."""
        return mean_loss(self.model, self.val_windows, self.config, here)

    def export(self, directory: Path, best: Path | None, here: Machine) -> None:
        """The last weights in Hugging Face's layout, which has none for an LSTM."""
        if isinstance(self.model, GPT2) and here.rank == 0:
            hf.export(self.model, directory, eot=self.config.eot_token)


def starting_from(config: TrainConfig, start: torch.nn.Module) -> TrainConfig:
    """The configuration with the shape of a model that a run begins with. Raises UsageError for one of another vocabulary."""
    shape: Any = start.config
    if shape.vocab_size != config.vocab_size:
        raise UsageError(
            f"init_from: the model knows {shape.vocab_size:,} tokens, the shards {config.vocab_size:,}; write them with its tokenizer"
        )
    return config.shaped_as(shape)


def fingerprint(model: torch.nn.Module) -> str:
    """SHA-256 of the weights."""
    digest = hashlib.sha256()
    for name, parameter in model.named_parameters():
        digest.update(name.encode())
        digest.update(parameter.detach().cpu().contiguous().numpy().data.cast("B"))
    return digest.hexdigest()
