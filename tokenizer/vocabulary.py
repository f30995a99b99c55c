"""The tokens and merges of a byte-level BPE, with the checks every source of merges has to pass.

Token ids are GPT-2's: 0 to 255 are the bytes in `BYTE_ORDER`, each merge adds the next id, `<|endoftext|>` is the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tokenizer.errors import TokenizerError

EOT = "<|endoftext|>"
_ENDS = (EOT, "<|end_of_text|>")  # how vocabularies name the token between documents: GPT-2's kind, and Llama 3

# What cuts a text into words. Sources: openai/gpt-2, and tiktoken_ext.openai_public, as tokenizer.json has its patterns.
# NB: Llama 3 cuts as cl100k does.
PATTERNS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "cl100k": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}

# GPT-2 numbers the printable bytes first ('!' to '~', '¡' to '¬', '®' to 'ÿ'), then the others.
BYTE_ORDER = bytes([*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100), *range(0x21), *range(0x7F, 0xA1), 0xAD])


class Vocabulary:
    """A vocabulary. ``pairs`` are the two token ids of each merge, in order; ``missing`` is how many merges a training lacked data for.

    ``pattern`` is the name in `PATTERNS` of what cuts a text into words. ``special`` are the tokens that no text makes, with their ids
    above all others; without it, ``<|endoftext|>``. Immutable. Raises `TokenizerError` where a pair names an id that does not exist yet,
    or makes a token that exists already.
    """

    def __init__(
        self, pairs: Iterable[Sequence[int]], *, missing: int = 0, pattern: str = "gpt2", special: Mapping[str, int] | None = None
    ) -> None:
        self.missing = missing
        self.pattern = pattern
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
        self.special = dict(sorted(({EOT: len(self.tokens)} if special is None else special).items(), key=lambda item: item[1]))
        ends = [name for name in _ENDS if name in self.special]
        if not ends:
            raise TokenizerError(f"no special token marks the end of a document; it has to be named {' or '.join(_ENDS)}")
        self.eot = self.special[ends[0]]  # id of the token between documents
        if len(set(self.special.values())) < len(self.special) or min(self.special.values()) < len(self.tokens):
            raise TokenizerError(
                f"the ids of the special tokens have to differ and to follow {len(self.tokens) - 1}, that of the last merge"
            )
        if made := [name for name in self.special if name.encode() in self.ids]:
            raise TokenizerError(f"a merge makes {made[0]}, which no text may make: remove it from the text words are counted in")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash((tuple(self.pairs), self.pattern))

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.pairs, self.pattern, self.special

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.vocab_size} tokens)"

    @property
    def vocab_size(self) -> int:
        """Number of ids: the bytes, the merges, the special tokens, and ids between them that no token has."""
        return max(self.special.values()) + 1

    @property
    def merges(self) -> list[tuple[bytes, bytes]]:
        """The two parts of each merge, in order."""
        return [(self.tokens[left], self.tokens[right]) for left, right in self.pairs]
