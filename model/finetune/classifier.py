"""A language model with a head for a task: L3 = L2 + lambda L1 (Radford et al. 2018, equations 3 to 5)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.finetune.transformations import Marks
from model.loss import IGNORED, linear_cross_entropy
from model.lstm import LanguageModel, build_model


def marks_of(vocab_size: int) -> Marks:
    """The new tokens of a model that had `vocab_size` before."""
    return Marks(vocab_size, vocab_size + 1, vocab_size + 2)


def with_marks(start: LanguageModel, *, dropout: float, seed: int, layers: int | None = None, pretrained: bool = True) -> LanguageModel:
    """A copy of a pre-trained model with three more tokens, whose embeddings are drawn from N(0, 0.02).

    Of `layers` blocks the weights are those of `start`, of the others fresh ones (None: all are of `start`); without `pretrained` all are
    fresh. The embeddings are of `start` with 0 layers too, its last layer norm with all of them only.
    """
    config = replace(start.config, vocab_size=start.config.vocab_size + len(Marks._fields), dropout=dropout)
    model = build_model(config, seed=seed)
    taken = start.config.layers if layers is None else layers
    state = model.state_dict()
    with torch.no_grad():
        for name, value in start.state_dict().items() if pretrained else ():
            block = int(name.split(".")[1]) if name.startswith("h.") else start.config.layers - 1 if name.startswith("ln_f") else -1
            if name == "wte.weight":
                state[name][: start.config.vocab_size] = value[: start.config.vocab_size]
            elif block < taken:
                state[name].copy_(value)
    return model


class Classifier(nn.Module):
    """The head reads the state of the extract token of an example's sequences.

    Letters in shapes: B examples, S sequences of each, T tokens, C width, K classes.
    """

    def __init__(self, transformer: LanguageModel, kind: str, outputs: int, *, dropout: float, auxiliary: float, seed: int) -> None:
        super().__init__()
        self.transformer, self.kind, self.dropout, self.auxiliary = transformer, kind, dropout, auxiliary
        # Without a bias, as the paper's W_y; so the two orders of a pair may be added before or behind it.
        self.head = nn.Linear(transformer.config.width, outputs, bias=False)
        with torch.no_grad():
            self.head.weight.normal_(0.0, 0.02, generator=torch.Generator().manual_seed(seed))

    def forward(self, tokens: Tensor, places: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits [B, K] of tokens [B, S, T] whose extract tokens are at `places` [B, S]; with labels [B], the sum of their losses.

        For a choice K is the number of answers; where the head has one output otherwise, a label is the number it should give.
        """
        b, s = places.shape
        hidden = self.transformer.hidden(tokens.flatten(0, 1))
        states = hidden[torch.arange(b * s, device=tokens.device), places.flatten()].view(b, s, -1)
        logits = self.logits(states)
        if labels is None:
            return logits
        if self.kind != "choice" and self.head.out_features == 1:
            loss = F.mse_loss(logits[:, 0].float(), labels.float(), reduction="sum")
        else:
            loss = F.cross_entropy(logits.float(), labels.long(), reduction="sum")
        return loss + self.auxiliary * self._language_loss(hidden, tokens.flatten(0, 1), places.flatten()) / s if self.auxiliary else loss

    def logits(self, states: Tensor) -> Tensor:
        """Logits [B, K] of states [B, S, C] of the extract tokens."""
        if self.training and self.dropout:
            # One mask for all sequences of an example: what is dropped of one order or answer is dropped of the others.
            states = states * F.dropout(torch.ones_like(states[:, :1]), self.dropout)
        if self.kind == "choice":
            return self.head(states)[:, :, 0]  # type: ignore[no-any-return]
        return self.head(states.sum(1))  # type: ignore[no-any-return]

    def _language_loss(self, hidden: Tensor, tokens: Tensor, places: Tensor) -> Tensor:
        """L1: the mean loss of each sequence's tokens behind the first, added up. hidden [N, T, C], tokens [N, T], places [N]."""
        index = torch.arange(tokens.size(1) - 1, device=tokens.device)
        targets = torch.where(index < places[:, None], tokens[:, 1:], IGNORED)
        scales = (1 / places.float())[:, None].expand_as(targets)
        embedding, vocab_size = self.transformer.wte.weight, self.transformer.config.vocab_size
        return linear_cross_entropy(hidden[:, :-1].flatten(0, 1), embedding, targets.flatten(), vocab_size, scales.flatten())
