"""GPT-2: a decoder-only transformer with pre-layer normalisation, learned positions and an output tied to the token embedding.

Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.3, with the details of OpenAI's released
code: tanh GELU, biases everywhere, layer-norm epsilon 1e-5. Parameters are named as in OpenAI's and Hugging Face's checkpoints.

Letters in shapes: B sequences, T tokens of each, C width, H heads, D = C / H, V vocabulary, L layers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from model.loss import linear_cross_entropy
from webtext.core.errors import UsageError

ARCHITECTURES = ("gpt2", "gpt1", "lstm")
LSTM_UNITS = 2048  # of the single layer that the GPT-1 paper compares with (section 5)


@dataclass(frozen=True)
class GPT2Config:
    """The shape of a model. Raises UsageError where the width is no multiple of the heads or a number is not positive."""

    layers: int
    heads: int
    width: int
    context: int = 1024
    vocab_size: int = 50_257
    dropout: float = 0.0
    architecture: str = "gpt2"  # gpt1: layer norm behind each sub-block instead, and none at the end; lstm: see model.lstm

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise UsageError(f"architecture {self.architecture!r} is not one of {', '.join(ARCHITECTURES)}")
        if min(self.layers, self.heads, self.width, self.context, self.vocab_size) < 1:
            raise UsageError(f"layers, heads, width, context and vocab_size must be 1 or more: {self}")
        if self.width % self.heads:
            raise UsageError(f"width {self.width} is no multiple of heads {self.heads}")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout {self.dropout} must lie in [0, 1)")

    @property
    def padded_vocab(self) -> int:
        """Rows of the embedding in memory: a multiple of 64, for which matrix units are faster (50,257 -> 50,304)."""
        return -(-self.vocab_size // 64) * 64

    @property
    def parameters(self) -> int:
        """Parameters, the tied output counted once and padding not at all."""
        return self.non_embedding + (self.vocab_size + self.context * (self.architecture != "lstm")) * self.width

    @property
    def non_embedding(self) -> int:
        """Parameters of the blocks and the final layer norm: per block 12 C^2 of weights and 13 C of biases and gains."""
        if self.architecture == "lstm":
            return 4 * LSTM_UNITS * (self.width + LSTM_UNITS + 2) + (LSTM_UNITS + 1) * self.width
        return self.layers * (12 * self.width**2 + 13 * self.width) + 2 * self.width * (self.architecture == "gpt2")

    @property
    def flops_per_token(self) -> int:
        """Floating-point operations a trained token costs, forward and backward: 6 a weight used in a product and 12 L C T for attention.

        The convention of PaLM (Chowdhery et al. 2022, appendix B), by which model FLOP utilisation is quoted.
        """
        return 6 * (self.non_embedding + self.vocab_size * self.width) + 12 * self.layers * self.width * self.context


# The paper's table 2 prints 117M, 345M, 762M and 1542M: "our original parameter counts were wrong due to an error" (openai/gpt-2).
SIZES: dict[str, GPT2Config] = {
    "nano": GPT2Config(layers=2, heads=2, width=64, context=64),
    "tiny": GPT2Config(layers=4, heads=4, width=128, context=128),
    "mini": GPT2Config(layers=6, heads=6, width=384, context=256),
    # Radford et al. 2018: 40,000 merges on 478 symbols; 116,534,784 parameters.
    "gpt1": GPT2Config(layers=12, heads=12, width=768, context=512, vocab_size=40_478, dropout=0.1, architecture="gpt1"),
    "lstm": GPT2Config(layers=1, heads=1, width=768, context=512, vocab_size=40_478, dropout=0.1, architecture="lstm"),
    "124M": GPT2Config(layers=12, heads=12, width=768),  # 124,439,808 parameters
    "355M": GPT2Config(layers=24, heads=16, width=1024),  # 354,823,168
    "774M": GPT2Config(layers=36, heads=20, width=1280),  # 774,030,080
    "1558M": GPT2Config(layers=48, heads=25, width=1600),  # 1,557,611,200
}
PAPER_NAMES = {"117M": "124M", "345M": "355M", "762M": "774M", "1542M": "1558M"}


def preset(name: str) -> GPT2Config:
    """The shape of a size by its true name, by the paper's, or of a small one for tests and CPUs. Raises UsageError for others."""
    try:
        return SIZES[PAPER_NAMES.get(name, name)]
    except KeyError:
        raise UsageError(f"unknown model size {name!r}; known are {', '.join([*SIZES, *PAPER_NAMES])}") from None


class KVCache:
    """Keys and values [B, H, T, D] of the tokens a model has read, per layer, with room for `capacity` tokens; not for training."""

    def __init__(self, config: GPT2Config, batch: int, capacity: int, *, device: torch.device, dtype: torch.dtype) -> None:
        shape = (config.layers, batch, config.heads, capacity, config.width // config.heads)
        self._keys = torch.empty(shape, device=device, dtype=dtype)
        self._values = torch.empty(shape, device=device, dtype=dtype)
        self.length = 0
        self._padding: tuple[Tensor, Tensor] | None = None

    def repeated(self, batch: int, more: int) -> KVCache:
        """A cache of `batch` sequences that all begin with this one's only sequence, with room for `more` tokens behind it."""
        layers, _, heads, _, depth = self._keys.shape
        made = KVCache.__new__(KVCache)
        made.length, made._padding = self.length, None
        shape = (layers, batch, heads, self.length + more, depth)
        made._keys, made._values = self._keys.new_empty(shape), self._values.new_empty(shape)
        made._keys[:, :, :, : self.length] = self._keys[:, :, :, : self.length]
        made._values[:, :, :, : self.length] = self._values[:, :, :, : self.length]
        return made

    def pad(self, lengths: Tensor) -> None:
        """Say that of the tokens read so far only the first `lengths` [B] are text, the rest padding: the next one, and those behind it,
        which are read one at a time, follow the text."""
        places = torch.arange(self._keys.size(3), device=lengths.device)
        self._padding = (places < lengths[:, None]) | (places >= self.length), self.length - lengths

    def behind_padding(self) -> tuple[Tensor, Tensor] | None:
        """For the next token: (mask [B, 1, 1, T], true where it may look; its position [B, 1]) where there is padding."""
        if self._padding is None:
            return None
        text, padding = self._padding
        return text[:, None, None, : self.length + 1], (self.length - padding)[:, None]

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store the new tokens' keys and values behind `length` and return those of all tokens. `length` itself is moved by the model."""
        end = self.length + keys.size(2)
        self._keys[layer, :, :, self.length : end] = keys
        self._values[layer, :, :, self.length : end] = values
        return self._keys[layer, :, :, :end], self._values[layer, :, :, :end]


class Attention(nn.Module):
    """Causal multi-head self-attention, scaled by 1/sqrt(D)."""

    def __init__(self, config: GPT2Config, layer: int) -> None:
        super().__init__()
        self.layer, self.heads, self.dropout = layer, config.heads, config.dropout
        self.c_attn = nn.Linear(config.width, 3 * config.width)
        self.c_proj = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, mask: Tensor | None, cache: KVCache | None) -> Tensor:
        b, t, c = x.shape
        q, k, v = self.c_attn(x).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        if cache is not None:
            k, v = cache.append(self.layer, k, v)
        dropout = self.dropout if self.training else 0.0
        # One new token sees the whole cache; several read into an empty one have the square causal mask, else `hidden` makes theirs.
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=mask is None and t > 1)
        y = self.c_proj(y.transpose(1, 2).reshape(b, t, c))
        return _drop(y, self.dropout, self.training)


class MLP(nn.Module):
    """Two linear layers around a tanh GELU, four times as wide inside."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.c_fc = nn.Linear(config.width, 4 * config.width)
        self.c_proj = nn.Linear(4 * config.width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        return _drop(self.c_proj(F.gelu(self.c_fc(x), approximate="tanh")), self.dropout, self.training)


class Block(nn.Module):
    """Attention and MLP, each behind its layer norm and added to the residual stream; in GPT-1 the norm is that of the sum."""

    def __init__(self, config: GPT2Config, layer: int) -> None:
        super().__init__()
        self.post_norm = config.architecture == "gpt1"
        self.ln_1 = nn.LayerNorm(config.width, eps=1e-5)
        self.attn = Attention(config, layer)
        self.ln_2 = nn.LayerNorm(config.width, eps=1e-5)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, mask: Tensor | None = None, cache: KVCache | None = None) -> Tensor:
        if self.post_norm:
            x = self.ln_1(x + self.attn(x, mask, cache))
            return self.ln_2(x + self.mlp(x))  # type: ignore[no-any-return]
        x = x + self.attn(self.ln_1(x), mask, cache)
        return x + self.mlp(self.ln_2(x))  # type: ignore[no-any-return]


class GPT2(nn.Module):
    """The model, with weights drawn from `seed` on the CPU, so that every device starts from the same ones.

    `activation_checkpointing` recomputes each block in the backward pass: memory for a third more time.
    """

    def __init__(self, config: GPT2Config, *, seed: int = 0, activation_checkpointing: bool = False) -> None:
        super().__init__()
        self.config = config
        self.activation_checkpointing = activation_checkpointing
        with torch.device("meta"):  # no memory and no random numbers for torch's own initialisation
            self.wte = nn.Embedding(config.padded_vocab, config.width)
            self.wpe = nn.Embedding(config.context, config.width)
            self.h = nn.ModuleList(Block(config, layer) for layer in range(config.layers))
            self.ln_f = nn.Identity() if config.architecture == "gpt1" else nn.LayerNorm(config.width, eps=1e-5)
        self.to_empty(device="cpu")
        self._initialise(torch.Generator().manual_seed(seed))

    @torch.no_grad()
    def _initialise(self, generator: torch.Generator) -> None:
        """Weights N(0, 0.02), positions N(0, 0.01), biases 0; what adds to the residual stream is scaled by 1/sqrt(2 L) (paper, 2.3).

        GPT-1 draws all of them from N(0, 0.02).
        """
        positions, scale = (0.02, 1.0) if self.config.architecture == "gpt1" else (0.01, 1 / math.sqrt(2 * self.config.layers))
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif ".ln_" in name or name.startswith("ln_"):
                parameter.fill_(1.0)
            else:
                deviation = positions if name.startswith("wpe") else 0.02 * scale if "c_proj" in name else 0.02
                parameter.normal_(0.0, deviation, generator=generator)
        self.wte.weight[self.config.vocab_size :] = 0.0

    def hidden(self, tokens: Tensor, *, eot: int | None = None, cache: KVCache | None = None) -> Tensor:
        """Final hidden states [B, T, C] of tokens [B, T].

        With `eot`, documents are kept apart: attention ends at the last end-of-text token, which begins a document, and
        positions count from it, so that a document's states are those it would have alone.
        With `cache`, tokens follow those already read and are added to it.
        """
        t = tokens.size(1)
        start = 0 if cache is None else cache.length
        if start + t > self.config.context:
            raise ValueError(f"{start + t} tokens exceed the context of {self.config.context}")
        mask = None
        if start and t > 1:  # a new token sees all that was read before, and the new ones up to itself
            mask = torch.ones(t, start + t, dtype=torch.bool, device=tokens.device).tril(start)
        places = _keep_documents_apart(tokens, eot) if eot is not None else cache.behind_padding() if cache is not None else None
        if places is None:
            x = self.wte(tokens) + self.wpe.weight[start : start + t]
        else:
            mask, positions = places
            x = self.wte(tokens) + self.wpe(positions)
        x = _drop(x, self.config.dropout, self.training)
        for block in self.h:
            if self.activation_checkpointing and self.training:
                x = checkpoint(block, x, mask, use_reentrant=False)
            else:
                x = block(x, mask, cache)
        if cache is not None:
            cache.length += t
        return self.ln_f(x)  # type: ignore[no-any-return]

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits [..., V] of hidden states [..., C]; padding of the vocabulary does not show."""
        return F.linear(hidden, self.wte.weight[: self.config.vocab_size])

    def forward(self, tokens: Tensor, targets: Tensor | None = None, *, eot: int | None = None) -> Tensor:
        """Logits [B, T, V] of tokens [B, T]; with targets [B, T], the sum of their negative log-likelihoods in nats, -100 left out."""
        x = self.hidden(tokens, eot=eot)
        if targets is None:
            return self.logits(x)
        return linear_cross_entropy(x.flatten(0, 1), self.wte.weight, targets.flatten(), self.config.vocab_size)


def _drop(x: Tensor, p: float, training: bool) -> Tensor:
    """Dropout, without the cost of the call where there is none: generating a token is bound by such calls."""
    return F.dropout(x, p) if training and p else x


def _keep_documents_apart(tokens: Tensor, eot: int) -> tuple[Tensor, Tensor]:
    """(mask [B, 1, T, T], true where a token may look; positions [B, T] within the document) of tokens [B, T]."""
    t = tokens.size(1)
    begins = tokens == eot
    index = torch.arange(t, device=tokens.device)
    document = begins.cumsum(1)
    mask = (document[:, :, None] == document[:, None, :]) & (index[:, None] >= index)
    positions = index - torch.where(begins, index, 0).cummax(1).values
    return mask[:, None], positions
