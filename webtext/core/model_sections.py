"""The sections of the configuration that concern the model: its training and its evaluation."""

from __future__ import annotations

from typing import Any, Literal

from webtext.core.section import Section, key


class TrainSection(Section):
    enabled: bool = key(False, "train a model at the end of `webtext build`; `webtext train` does it alone", affects_output=False)
    tokens: str = key(
        "",
        "directory of token shards (also llm.c's, nanoGPT's) to train on alone; empty: tokens/ of the build",
        affects_output=False,
        file=True,
    )
    vocabulary: int | None = key(None, "size of the vocabulary; empty: the tokenizer's, or 50,257 without one beside `tokens`", ge=2)
    init_from: str = key(
        "",
        "model whose weights training begins with: a build, a checkpoint, a directory in Hugging Face's or OpenAI's layout; "
        "empty: fresh ones. Its shape and its tokenizer count, and size does not",
        affects_output=False,
        file=True,
    )
    size: str = key("124M", "a preset: 124M 355M 774M 1558M, the paper's 117M 345M 762M 1542M, gpt1, lstm, or nano, tiny, mini")
    layers: int | None = key(None, "blocks, instead of the preset's", ge=1)
    heads: int | None = key(None, "attention heads, instead of the preset's", ge=1)
    width: int | None = key(None, "width of the residual stream, instead of the preset's", ge=8)
    context: int | None = key(None, "tokens of a window, instead of the preset's", ge=8, le=65536)
    steps: int = key(19_073, "optimiser steps (the default makes 10 billion tokens)", ge=1)
    batch_tokens: int = key(524_288, "tokens of a step (the paper: 512 windows of 1,024)", ge=1)
    micro_batch: int | None = key(None, "windows that a device takes at once; empty: up to 8,192 tokens", ge=1)
    lr: float | None = key(None, "highest learning rate; empty: by the width of the model", gt=0)
    tune_lr: bool = key(False, "search the best highest learning rate on the held-out split first, from lr on by factors of two")
    tune_steps: int | None = key(None, "steps of each training of that search; empty: as many as steps", ge=1)
    schedule: Literal["cosine", "linear", "constant"] = key("cosine", "course of the learning rate after the warm-up")
    warmup: int | None = key(None, "steps of linear warm-up; empty: a twentieth of all, at most 2,000", ge=0)
    cooldown: int | None = key(None, "steps in which a constant learning rate falls at the end; empty: a fifth of all", ge=0)
    final_lr: float = key(0.1, "learning rate at the end, as a share of lr", ge=0, le=1)
    weight_decay: float = key(0.1, "AdamW's, of matrices and embeddings", ge=0)
    beta1: float = key(0.9, "AdamW's", ge=0, lt=1)
    beta2: float = key(0.95, "AdamW's", ge=0, lt=1)
    clip: float = key(1.0, "largest norm of the gradient; 0: no limit", ge=0)
    dropout: float = key(0.0, "share of the activations dropped", ge=0, lt=1)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = key("auto", "of the matrix products")
    seed: int = key(0, "of weights, order and dropout", ge=0)
    eot: int | None = key(None, "the token between documents; -1: there is none; empty: the tokenizer's", ge=-1)
    cross_documents: bool = key(True, "let attention reach over <|endoftext|>")
    eval_every: int = key(250, "steps between validations", ge=1)
    eval_tokens: int = key(1_048_576, "validation tokens, evenly spread; 0: all", ge=0)
    checkpoint_every: int = key(250, "steps between checkpoints", ge=1)
    log_every: int = key(1, "steps between reports", ge=1)
    loader_workers: int = key(1, "threads that read windows ahead; 0: none", ge=0)
    keep_every: int | None = key(None, "steps between checkpoints that are kept for good; empty: none is", ge=1)
    device: str = key("auto", "cuda, mps, cpu, or auto")
    threads: int | None = key(None, "processor threads; empty: torch's choice; 1 is faster for a small model on a shared machine", ge=1)
    compile: bool = key(False, "use torch.compile")
    activation_checkpointing: bool = key(False, "recompute activations in the backward pass: less memory, a third more time")
    peak_tflops: float | None = key(
        None, "of the device, for model FLOP utilisation; empty: by a table of devices", gt=0, affects_output=False
    )

    def settings(self) -> dict[str, Any]:
        """The keys that model.config.TrainConfig takes as they are."""
        return self.model_dump(exclude={"enabled", "tokens", "vocabulary", "eot", "tune_lr", "tune_steps"})


class EvaluateSection(Section):
    enabled: bool = key(False, "evaluate the model at the end of `webtext build`; `webtext evaluate` does it alone", affects_output=False)
    model: str = key(
        "",
        "model to evaluate alone: a build, a directory in Hugging Face's or OpenAI's layout; empty: model/ of the build",
        affects_output=False,
        file=True,
    )
    tokenizer: str = key(
        "", "the model's tokenizer: a directory, a file, or gpt2; empty: that beside the model", affects_output=False, file=True
    )
    data: str = key("", "directory with the files of the tasks, at any depth", affects_output=False, file=True)
    tasks: list[str] = key([], "tasks to run, by name; empty: all whose files are in `data`")
    limit: int = key(0, "examples of each task, the first ones; 0: all", ge=0)
    stride: int | None = key(None, "tokens by which windows over running text move; empty: the model's context", ge=1)
    pairs: int = key(0, "examples before a question or sentence to translate; 0: the task's own number", ge=0)
    seed: int = key(0, "of sampling, and of the choice of examples", ge=0)
    ladder: list[str] = key(
        [], "sizes to train on the tokens of the build by [train], for the losses of figure 4: presets, as nano, tiny, mini"
    )
    ladder_steps: int | None = key(None, "optimiser steps of each of these; empty: train.steps", ge=1)
    harness: Literal["", "lm-eval"] = key("", "run lm-evaluation-harness's version of the tasks too, where it has one")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = key("fp32", "of the matrix products")
    log_every: int = key(1, "steps between reports", ge=1)
    loader_workers: int = key(1, "threads that read windows ahead; 0: none", ge=0)
    device: str = key("auto", "cuda, mps, cpu, or auto")
    batch_tokens: int = key(8192, "tokens that the device reads at once; no figure depends on it", ge=64, affects_output=False)
