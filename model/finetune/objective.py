"""Fine-tuning as an objective of the training loop."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from model import hf
from model.checkpoint import Checkpoint
from model.config import TrainConfig
from model.data import Arrays, Ints
from model.device import Machine
from model.finetune.classifier import Classifier, marks_of, with_marks
from model.finetune.measures import MEASURES
from model.finetune.tasks import Example, Task, TaskData
from model.finetune.transformations import TRANSFORMATIONS, Marks, Sequences
from model.gpt2 import GPT2
from model.lstm import LanguageModel
from model.objective import fingerprint
from webtext.core.files import to_json, write_bytes

NO_LIMIT = 10**9
MEASURED = "measures.json"


class Encoder(Protocol):
    """What fine-tuning asks of a tokenizer."""

    def encode(self, text: str) -> list[int]: ...


class Encoded:
    """Examples as sequences of tokens. `truncated` counts the examples that were longer than the context."""

    def __init__(self, examples: list[Example], task: Task, tokenizer: Encoder, marks: Marks, context: int) -> None:
        self.sequences: list[Sequences] = []
        self.labels = np.array([example.label for example in examples], np.float64)
        self.truncated = 0
        for example in examples:
            parts: list[Any] = [tokenizer.encode(text) for text in example.texts]
            if task.kind == "choice":
                parts = [parts[0], parts[1] if len(parts) > 1 else [], [tokenizer.encode(answer) for answer in example.answers]]
            cut, whole = (TRANSFORMATIONS[task.kind](*parts, marks, limit) for limit in (context, NO_LIMIT))
            self.sequences.append(cut)
            self.truncated += cut != whole

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def tokens(self) -> int:
        return sum(len(sequence) for sequences in self.sequences for sequence in sequences)

    def fingerprint(self) -> str:
        """SHA-256 over all tokens and labels."""
        return hashlib.sha256(json.dumps([self.sequences, self.labels.tolist()]).encode()).hexdigest()

    def load(self, samples: Ints) -> Arrays:
        """(tokens [B, S, T], places of the extract tokens [B, S], labels [B]); behind a shorter sequence its last token is repeated."""
        chosen = [self.sequences[sample] for sample in samples]
        longest = max(len(sequence) for sequences in chosen for sequence in sequences)
        tokens = np.array([[row + [row[-1]] * (longest - len(row)) for row in sequences] for sequences in chosen], np.int64)
        places = np.array([[len(row) - 1 for row in sequences] for sequences in chosen], np.int64)
        return tokens, places, self.labels[samples].astype(np.float32)


class Finetuning:
    """Learn a task from a pre-trained model; validated by one minus the task's first measure."""

    def __init__(
        self,
        config: TrainConfig,
        start: LanguageModel,
        tokenizer: Encoder,
        data: TaskData,
        *,
        auxiliary: float = 0.5,
        layers: int | None = None,
        pretrained: bool = True,
    ) -> None:
        self.config, self.task, self.marks = config, data.task, marks_of(start.config.vocab_size)
        self.train, self.val = (Encoded(part, data.task, tokenizer, self.marks, config.model.context) for part in (data.train, data.val))
        outputs = 1 if data.task.regression or data.task.kind == "choice" else len(data.task.classes or ())
        transformer = with_marks(start, dropout=config.dropout, seed=config.seed, layers=layers, pretrained=pretrained)
        self.model: Classifier = Classifier(
            transformer, data.task.kind, outputs, dropout=config.dropout, auxiliary=auxiliary, seed=config.seed
        )
        self.keywords: dict[str, Any] = {}
        self.fresh_loss: float | None = None
        self.samples = len(self.train)
        self.data = {"train": self.train.fingerprint(), "val": self.val.fingerprint(), "weights": fingerprint(start)}
        self.settings = {
            "kind": data.task.kind,
            "outputs": outputs,
            "auxiliary": auxiliary,
            "transferred": layers,
            "pretrained": pretrained,
        }
        self.tokens_a_step = self.train.tokens / self.samples * config.windows

    def load(self, samples: Ints) -> Arrays:
        return self.train.load(samples)

    def weight(self, samples: Ints) -> float:
        """Losses are means over the examples of a step."""
        return len(samples)

    def describe(self) -> str:
        cut = self.train.truncated + self.val.truncated
        longer = f"; {cut:,} are longer than the context and were cut" if cut else ""
        return f"{self.task.name}: {self.samples:,} examples to train on, {len(self.val):,} to validate{longer}"

    @torch.no_grad()
    def outputs(self, here: Machine) -> Tensor:
        """What the head gives for the validation examples [N, K], fp64 on the CPU."""
        at_once = self.config.windows_at_once(here.ranks)
        self.model.eval()
        width = len(self.val.sequences[0]) if self.task.kind == "choice" else self.model.head.out_features
        every = torch.zeros(len(self.val), width, device=here.device)
        mine = np.arange(len(self.val))[here.rank :: here.ranks]
        for begin in range(0, len(mine), at_once):
            found = mine[begin : begin + at_once]
            tokens, places, _ = (torch.from_numpy(array).to(here.device) for array in self.val.load(found))
            with here.autocast():
                every[torch.from_numpy(found).to(here.device)] = self.model(tokens, places).float()
        self.model.train()
        return here.sum(every).cpu().double()

    def measure(self, here: Machine) -> dict[str, float]:
        """The measures of the task over the validation examples."""
        outputs = self.outputs(here)
        predicted = (outputs[:, 0] if self.task.regression else outputs.argmax(1)).double().numpy()
        return {name: MEASURES[name](predicted, self.val.labels) for name in self.task.measures}

    def validate(self, here: Machine) -> float:
        return 1 - self.measure(here)[self.task.measures[0]]

    def export(self, directory: Path, best: Path | None, here: Machine) -> None:
        """The best weights in Hugging Face's layout, with the head that a class for sequence classification there has.

        `measures.json` beside it has what they reach.
        """
        if best is not None:
            Checkpoint(best).restore(self.model)
        found = {"measures": self.measure(here), "truncated": {"train": self.train.truncated, "val": self.val.truncated}}
        if here.rank:
            return
        write_bytes(directory.parent / MEASURED, to_json(found))
        if isinstance(self.model.transformer, GPT2):
            task, marks = self.task, self.marks
            labels = list(task.classes or ()) if task.kind != "choice" and not task.regression else ["score"]
            more = {
                "id2label": {str(place): label for place, label in enumerate(labels)},
                "label2id": {label: place for place, label in enumerate(labels)},
                # transformers reads the last token that is no padding; the start token is never one.
                "pad_token_id": marks.start,
                "finetuned": {"task": task.name, "kind": task.kind, **marks._asdict()},
                **({"problem_type": "regression"} if task.regression else {}),
            }
            hf.export(self.model.transformer, directory, score=self.model.head.weight, more=more)
