"""The recurrent model that the GPT-1 paper compares with: one layer of 2,048 units in the place of the blocks (section 5, table 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.gpt2 import GPT2, LSTM_UNITS, GPT2Config
from model.loss import linear_cross_entropy


class LSTM(nn.Module):
    """A language model of one LSTM layer, its states brought back to the width of the token embedding, to which the output is tied."""

    def __init__(self, config: GPT2Config, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        with torch.device("meta"):
            self.wte = nn.Embedding(config.padded_vocab, config.width)
            self.lstm = nn.LSTM(config.width, LSTM_UNITS, batch_first=True)
            self.projection = nn.Linear(LSTM_UNITS, config.width)
        self.to_empty(device="cpu")
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if parameter.dim() < 2:
                    parameter.zero_()
                else:  # embeddings as the transformer's; else 1/sqrt(units), so that the states neither vanish nor explode
                    parameter.normal_(0.0, 0.02 if name.startswith("wte") else LSTM_UNITS**-0.5, generator=generator)
            self.wte.weight[config.vocab_size :] = 0.0

    def hidden(self, tokens: Tensor) -> Tensor:
        """States [B, T, C] of tokens [B, T]."""
        x = F.dropout(self.wte(tokens), self.config.dropout, self.training)
        return F.dropout(self.projection(self.lstm(x)[0]), self.config.dropout, self.training)

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits [..., V] of states [..., C]."""
        return F.linear(hidden, self.wte.weight[: self.config.vocab_size])

    def forward(self, tokens: Tensor, targets: Tensor | None = None, *, eot: int | None = None) -> Tensor:
        """As GPT2's; states always reach over the ends of documents, whatever `eot`."""
        x = self.hidden(tokens)
        if targets is None:
            return self.logits(x)
        return linear_cross_entropy(x.flatten(0, 1), self.wte.weight, targets.flatten(), self.config.vocab_size)


LanguageModel = GPT2 | LSTM


def build_model(config: GPT2Config, *, seed: int = 0, activation_checkpointing: bool = False) -> LanguageModel:
    """A model of the configuration's architecture, with fresh weights."""
    if config.architecture == "lstm":
        return LSTM(config, seed=seed)
    return GPT2(config, seed=seed, activation_checkpointing=activation_checkpointing)
