"""Vocabularies on disk, for GPT-2's own code, Hugging Face's and tiktoken.

``vocab.json`` (token to id) and ``merges.txt`` ("#version: 0.2", then a merge a line) are GPT-2's ``encoder.json`` and ``vocab.bpe``: bytes
are written as characters, "Ġ" is the space. ``tokenizer.json`` with ``tokenizer_config.json`` is what ``tokenizers`` and
``transformers.AutoTokenizer`` load. ``tokenizer.tiktoken`` has a token in base64 and its rank a line. ``metadata.json`` is for people.
Equal vocabularies and metadata give equal bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizer.errors import TokenizerError
from tokenizer.output import atomic_write
from tokenizer.vocabulary import BYTE_ORDER, EOT, PATTERNS, Vocabulary

_VERSION_LINE = "#version: 0.2"
_LOOKS_SPECIAL = re.compile(r"<.+>|\[.+\]")

# The 188 printable bytes are written as themselves, the others as U+0100 and following, in order (bytes_to_unicode in GPT-2's encoder.py).
_TO_CHARACTER = {byte: chr(byte if i < 188 else 256 + i - 188) for i, byte in enumerate(BYTE_ORDER)}
_TO_BYTE = {character: byte for byte, character in _TO_CHARACTER.items()}


def to_characters(token: bytes) -> str:
    """A token as GPT-2's files write it: ``b" the"`` is ``"Ġthe"``."""
    return "".join(map(_TO_CHARACTER.__getitem__, token))


def save(bpe: Vocabulary, directory: Path, metadata: Mapping[str, Any] | None = None, context: int = 1024) -> list[Path]:
    """Write all files into ``directory``; returns them.

    ``metadata`` (JSON values, as the hash of the corpus) goes to ``metadata.json``; ``context`` is the longest text, in tokens, that the
    model beside them takes, as transformers warns of longer ones.
    """
    content = tokenizer_json(bpe)
    merges = content["model"]["merges"]
    end = next(name for name, i in bpe.special.items() if i == bpe.eot)
    merges_text = "".join(f"{line}\n" for line in (_VERSION_LINE, *(f"{left} {right}" for left, right in merges)))
    texts = {
        "vocab.json": json.dumps(content["model"]["vocab"], ensure_ascii=False, separators=(",", ":")) + "\n",
        "merges.txt": merges_text,
        "tokenizer.json": json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n",
        "tokenizer_config.json": _pretty(
            {
                "add_prefix_space": False,
                "bos_token": end,
                # True by default, and then decoding changes the text ("do n't" to "don't").
                "clean_up_tokenization_spaces": False,
                "eos_token": end,
                "errors": "replace",
                "model_max_length": context,
                "tokenizer_class": "GPT2Tokenizer" if bpe.pattern == "gpt2" else "PreTrainedTokenizerFast",
                "unk_token": end,
            }
        ),
        _RANKS[bpe.pattern]: "".join(f"{base64.b64encode(token).decode()} {i}\n" for i, token in enumerate(bpe.tokens)),
        "metadata.json": _pretty(
            {
                "merges": len(bpe.pairs),
                "merges_missing": bpe.missing,
                "merges_sha256": hashlib.sha256(merges_text.encode()).hexdigest(),
                "pattern": bpe.pattern,
                "special_tokens": bpe.special,
                "vocab_size": bpe.vocab_size,
                **(metadata or {}),
            }
        ),
    }
    for name, text in texts.items():
        with atomic_write(directory / name) as file:
            file.write(text.encode())
    return [directory / name for name in texts]


def load(path: Path) -> Vocabulary:
    """Read a vocabulary: a directory with any of the sets of files above, a ``tokenizer.json``, or a file of ranks as tiktoken's.

    Byte order marks, ends of lines as on Windows and blank lines at the end are taken. Raises `TokenizerError` for anything that is not a
    byte-level BPE with a pattern of `tokenizer.vocabulary.PATTERNS` and GPT-2's order of ids.
    """
    if path.is_dir():
        for vocabulary, merges in (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")):
            # tokenizer.json tells the pattern as well.
            if (path / vocabulary).exists() and (path / merges).exists() and not (path / "tokenizer.json").exists():
                return load_pair(path / vocabulary, path / merges)
        if not (path / "tokenizer.json").exists():
            raise TokenizerError(f"{path} holds no vocabulary: vocab.json and merges.txt, encoder.json and vocab.bpe, or tokenizer.json")
        path = path / "tokenizer.json"
    if path.suffix in (".tiktoken", ".model"):
        pairs = pairs_of_ranks(_read_tiktoken(path))
        # A file of ranks tells neither its pattern nor its special tokens: they go by its name, as tiktoken's own files are named.
        if path.suffix == ".model":
            return Vocabulary(pairs, pattern="cl100k", special=_llama3(256 + len(pairs)))
        pattern = next((name for name in PATTERNS if path.name.startswith(name)), "gpt2")
        return Vocabulary(pairs, pattern=pattern, special=_SPECIAL.get((pattern, 256 + len(pairs))))
    return _load_tokenizer_json(path)


_RANKS = {"gpt2": "tokenizer.tiktoken", "cl100k": "cl100k.tiktoken", "o200k": "o200k.tiktoken"}
# By pattern and number of ranks, from tiktoken_ext.openai_public.
_SPECIAL = {
    ("cl100k", 100_256): {EOT: 100_257, "<|fim_prefix|>": 100_258, "<|fim_middle|>": 100_259, "<|fim_suffix|>": 100_260}
    | {"<|endofprompt|>": 100_276},
    ("o200k", 199_998): {EOT: 199_999, "<|endofprompt|>": 200_018},
}


def _llama3(first: int) -> dict[str, int]:
    """The 256 special tokens of Llama 3 by name, as its own code numbers them."""
    named = "begin_of_text end_of_text reserved_special_token_0 reserved_special_token_1 reserved_special_token_2 reserved_special_token_3"
    names = [*named.split(), "start_header_id", "end_header_id", "reserved_special_token_4", "eot_id"]
    names += [f"reserved_special_token_{number}" for number in range(5, 251)]
    return {f"<|{name}|>": first + i for i, name in enumerate(names)}


def load_pair(vocabulary: Path, merges: Path) -> Vocabulary:
    """Read ``vocab.json`` and ``merges.txt``, or GPT-2's ``encoder.json`` and ``vocab.bpe``."""
    lines = _read(merges).rstrip("\n").split("\n")
    first = 1 if lines[0].startswith("#version") else 0
    pairs = _from_merges((f"{merges}:{i + 1}", lines[i].split(" ")) for i in range(first, len(lines)) if lines != [""])
    content = _json(vocabulary)
    if not isinstance(content, dict):
        raise TokenizerError(f"{vocabulary} is not an object of tokens and ids")
    # Nothing marks the special tokens here but their look. Any other token that no merge makes tells that merges are missing.
    special = {name: i for name, i in content.items() if _LOOKS_SPECIAL.fullmatch(name) and isinstance(i, int) and i >= 256 + len(pairs)}
    return _with_special(Vocabulary(pairs), content, special, vocabulary)


def _load_tokenizer_json(path: Path) -> Vocabulary:
    content = _json(path)
    try:
        kind, vocabulary = content["model"]["type"], dict(content["model"]["vocab"])
        merges = [merge.split(" ") if isinstance(merge, str) else merge for merge in content["model"]["merges"]]
        special = {token["content"]: token["id"] for token in content["added_tokens"]}
        cutter = _without_offsets(content["pre_tokenizer"])
        pattern = next((name for name in PATTERNS if _without_offsets(_cutter(name)) == cutter), None)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TokenizerError(f"{path} is not a tokenizer.json of a BPE model: {error!r}") from error
    if kind != "BPE" or pattern is None or content.get("normalizer") is not None:
        raise TokenizerError(
            f"{path} is not GPT-2's kind of BPE: ByteLevel with the pattern of {', '.join(PATTERNS)}, no prefix space and no normalizer"
        )
    bpe = Vocabulary(_from_merges((f"{path}: merge {i}", merge) for i, merge in enumerate(merges)), pattern=pattern)
    return _with_special(bpe, vocabulary, special, path)


def _cutter(pattern: str) -> dict[str, Any]:
    """What cuts words by a pattern, as a tokenizer.json has it."""
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": pattern == "gpt2"}
    if pattern == "gpt2":
        return level
    split = {"type": "Split", "pattern": {"Regex": PATTERNS[pattern]}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [split, level]}


def _without_offsets(cutter: Any) -> Any:
    """Without what concerns offsets alone, and with what is left out by default."""
    if isinstance(cutter, dict) and cutter.get("type") == "Sequence":
        return {**cutter, "pretokenizers": [_without_offsets(part) for part in cutter["pretokenizers"]]}
    if isinstance(cutter, dict) and cutter.get("type") == "ByteLevel":
        return {"use_regex": True, **{name: value for name, value in cutter.items() if name != "trim_offsets"}}
    return cutter


def _read_tiktoken(path: Path) -> Iterator[tuple[str, bytes]]:
    """The tokens of a file of ranks in their order, each with its position for error messages."""
    number = -1
    for number, line in enumerate(_read(path).rstrip("\n").split("\n")):
        try:
            code, rank = line.split(" ")
            token = base64.b64decode(code, validate=True)
            if int(rank) != number:
                raise ValueError(f"rank {rank} on line {number + 1}")
        except (ValueError, binascii.Error) as error:
            raise TokenizerError(f"{path}:{number + 1} is not a token in base64 and its rank, counted from 0: {error}") from error
        yield f"{path}:{number + 1}", token
    if number < 255:
        raise TokenizerError(f"{path} has {number + 1} tokens, but a byte-level vocabulary has 256 bytes at least")


def pairs_of_ranks(tokens: Iterable[tuple[str, bytes]]) -> list[tuple[int, int]]:
    """The merges of tokens in the order of their ranks, each with its position for error messages.

    Ranks have no merges: the two parts of a token are what the earlier merges make of its bytes.
    """
    ranks: dict[bytes, int] = {}
    pairs: list[tuple[int, int]] = []
    for number, (where, token) in enumerate(tokens):
        if number < 256:
            if token != BYTE_ORDER[number : number + 1]:
                raise TokenizerError(f"{where} has {token!r} where GPT-2's order has {BYTE_ORDER[number : number + 1]!r}")
        else:
            parts = _parts(token, ranks)
            if len(parts) != 2:
                raise TokenizerError(f"{where}: {token!r} is not made of two tokens before it")
            pairs.append((ranks[parts[0]], ranks[parts[1]]))
        ranks[token] = number
    return pairs


def _parts(token: bytes, ranks: Mapping[bytes, int]) -> list[bytes]:
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        rank, i = min((ranks.get(parts[i] + parts[i + 1], len(ranks)), i) for i in range(len(parts) - 1))
        if rank == len(ranks):
            break
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return parts


def _from_merges(merges: Iterable[tuple[str, Sequence[str]]]) -> list[tuple[int, int]]:
    """The ids of merges as files write them, each with its position for error messages."""
    ids = {to_characters(bytes([byte])): i for i, byte in enumerate(BYTE_ORDER)}
    pairs = []
    for where, merge in merges:
        if len(merge) != 2 or merge[0] not in ids or merge[1] not in ids:
            raise TokenizerError(f"{where}: {' '.join(merge)!r} is not two tokens that exist before it")
        pairs.append((ids[merge[0]], ids[merge[1]]))
        ids[merge[0] + merge[1]] = 256 + len(pairs) - 1
    return pairs


def _with_special(bpe: Vocabulary, vocabulary: Mapping[str, int], special: Mapping[str, int], path: Path) -> Vocabulary:
    """The vocabulary with its special tokens. The ids of the others have to be those of bytes and merges in order."""
    expected = {to_characters(token): i for i, token in enumerate(bpe.tokens)}
    for token, i in expected.items():
        if vocabulary.get(token) != i:
            found = vocabulary.get(token, "none")
            raise TokenizerError(
                f"{path}: the id of {token!r} is {found}, but bytes and merges in order make it {i}; another order cannot be used"
            )
    if unknown := next((token for token in vocabulary if token not in expected and token not in special), None):
        raise TokenizerError(f"{path}: {unknown!r} is made by no merge and is no special token with an id behind those of the merges")
    try:
        return Vocabulary(bpe.pairs, pattern=bpe.pattern, special=special)
    except TokenizerError as error:
        raise TokenizerError(f"{path}: {error}") from error


def _pretty(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path} is not UTF-8: {error}") from error


def _json(path: Path) -> Any:
    try:
        return json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise TokenizerError(f"{path} is not JSON: {error}") from error


def tokenizer_json(bpe: Vocabulary, special: bool = True) -> dict[str, Any]:
    """What ``tokenizer.json`` holds, with its special tokens or without."""
    names = bpe.special if special else {}
    more = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": name, **more} for name, i in names.items()],
        "normalizer": None,
        "pre_tokenizer": _cutter(bpe.pattern),
        "post_processor": None,
        "decoder": _cutter("gpt2"),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            # A published vocabulary has words that its own merges do not make.
            "ignore_merges": bpe.pattern != "gpt2",
            "vocab": {to_characters(token): i for i, token in enumerate(bpe.tokens)} | names,
            "merges": [(to_characters(left), to_characters(right)) for left, right in bpe.merges],
        },
    }
