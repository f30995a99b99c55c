"""The tokens and merges of a byte-level BPE, with the checks every source of merges has to pass.

Token ids are GPT-2's: 0 to 255 are the bytes in `BYTE_ORDER`, each merge adds the next id, `<|endoftext|>` is the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tokenizer.errors import TokenizerError

EOT = "<|endoftext|>"

# GPT-2 numbers the printable bytes first ('!' to '~', '¡' to '¬', '®' to 'ÿ'), then the others.
BYTE_ORDER = bytes([*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100), *range(0x21), *range(0x7F, 0xA1), 0xAD])


class Vocabulary:
    """A vocabulary. ``pairs`` are the two token ids of each merge, in order; ``missing`` is how many merges a training lacked data for.

    Immutable. Raises `TokenizerError` where a pair names an id that does not exist yet, or makes a token that exists already.
    """

    def __init__(self, pairs: Iterable[Sequence[int]], *, missing: int = 0) -> None:
        self.missing = missing
        self.pairs = [(int(left), int(right)) for left, right in pairs]
        self.tokens: list[bytes] = [bytes([byte]) for byte in BYTE_ORDER]
        for left, right in self.pairs:
            if not (0 <= left < len(self.tokens) and 0 <= right < len(self.tokens)):
                raise TokenizerError(f"merge {len(self.tokens) - 256} joins the tokens {left} and {right}, which do not exist before it")
            self.tokens.append(self.tokens[left] + self.tokens[right])
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self.ids) < len(self.tokens):
            twice = next(token for i, token in enumerate(self.tokens) if self.ids[token] != i)
            raise TokenizerError(f"two merges make the token {twice!r}; tiktoken and vocab.json need each token once")
        if EOT.encode() in self.ids:
            raise TokenizerError(f"a merge makes {EOT}, which marks the end of a document: remove it from the text words are counted in")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.pairs == other.pairs

    def __hash__(self) -> int:
        return hash(tuple(self.pairs))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.vocab_size} tokens)"

    @property
    def vocab_size(self) -> int:
        """Number of tokens: the bytes, the merges and ``<|endoftext|>``."""
        return len(self.tokens) + 1

    @property
    def eot(self) -> int:
        """Id of ``<|endoftext|>``."""
        return len(self.tokens)

    @property
    def merges(self) -> list[tuple[bytes, bytes]]:
        """The two parts of each merge, in order."""
        return [(self.tokens[left], self.tokens[right]) for left, right in self.pairs]
