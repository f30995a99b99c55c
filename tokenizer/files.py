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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizer.errors import TokenizerError
from tokenizer.output import atomic_write
from tokenizer.vocabulary import BYTE_ORDER, EOT, Vocabulary

_VERSION_LINE = "#version: 0.2"

# The 188 printable bytes are written as themselves, the others as U+0100 and following, in order (bytes_to_unicode in GPT-2's encoder.py).
_TO_CHARACTER = {byte: chr(byte if i < 188 else 256 + i - 188) for i, byte in enumerate(BYTE_ORDER)}
_TO_BYTE = {character: byte for byte, character in _TO_CHARACTER.items()}

_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def to_characters(token: bytes) -> str:
    """A token as GPT-2's files write it: ``b" the"`` is ``"Ġthe"``."""
    return "".join(map(_TO_CHARACTER.__getitem__, token))


def save(bpe: Vocabulary, directory: Path, metadata: Mapping[str, Any] | None = None, context: int = 1024) -> list[Path]:
    """Write all files into ``directory``; returns them.

    ``metadata`` (JSON values, as the hash of the corpus) goes to ``metadata.json``; ``context`` is the longest text, in tokens, that the
    model beside them takes, as transformers warns of longer ones.
    """
    vocabulary = {to_characters(token): i for i, token in enumerate(bpe.tokens)} | {EOT: bpe.eot}
    merges = [(to_characters(left), to_characters(right)) for left, right in bpe.merges]
    merges_text = "".join(f"{line}\n" for line in (_VERSION_LINE, *(f"{left} {right}" for left, right in merges)))
    texts = {
        "vocab.json": json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")) + "\n",
        "merges.txt": merges_text,
        "tokenizer.json": json.dumps(_tokenizer_json(vocabulary, merges, bpe.eot), ensure_ascii=False, separators=(",", ":")) + "\n",
        "tokenizer_config.json": _pretty(
            {
                "add_prefix_space": False,
                "bos_token": EOT,
                # True by default, and then decoding changes the text ("do n't" to "don't").
                "clean_up_tokenization_spaces": False,
                "eos_token": EOT,
                "errors": "replace",
                "model_max_length": context,
                "tokenizer_class": "GPT2Tokenizer",
                "unk_token": EOT,
            }
        ),
        "tokenizer.tiktoken": "".join(f"{base64.b64encode(token).decode()} {i}\n" for i, token in enumerate(bpe.tokens)),
        "metadata.json": _pretty(
            {
                "merges": len(bpe.pairs),
                "merges_missing": bpe.missing,
                "merges_sha256": hashlib.sha256(merges_text.encode()).hexdigest(),
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
    """Read a vocabulary: a directory with any of the sets of files above, a ``tokenizer.json``, or a ``.tiktoken`` file.

    Raises `TokenizerError` for anything that is not a byte-level BPE with GPT-2's pattern and order of ids.
    """
    if path.is_dir():
        for vocabulary, merges in (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")):
            if (path / vocabulary).exists() and (path / merges).exists():
                return load_pair(path / vocabulary, path / merges)
        if not (path / "tokenizer.json").exists():
            raise TokenizerError(f"{path} holds no vocabulary: vocab.json and merges.txt, encoder.json and vocab.bpe, or tokenizer.json")
        path = path / "tokenizer.json"
    if path.suffix == ".tiktoken":
        return Vocabulary(pairs_of_ranks(_read_tiktoken(path)))
    return _load_tokenizer_json(path)


def load_pair(vocabulary: Path, merges: Path) -> Vocabulary:
    """Read ``vocab.json`` and ``merges.txt``, or GPT-2's ``encoder.json`` and ``vocab.bpe``."""
    lines = _read(merges).split("\n")
    first = 1 if lines[0].startswith("#version") else 0
    if lines[-1] == "":
        lines.pop()
    bpe = _from_merges((f"{merges}:{i + 1}", lines[i].split(" ")) for i in range(first, len(lines)))
    _check_ids(bpe, _json(vocabulary), vocabulary)
    return bpe


def _load_tokenizer_json(path: Path) -> Vocabulary:
    content = _json(path)
    try:
        kind, vocabulary = content["model"]["type"], dict(content["model"]["vocab"])
        merges = [merge.split(" ") if isinstance(merge, str) else merge for merge in content["model"]["merges"]]
        vocabulary.update({token["content"]: token["id"] for token in content["added_tokens"]})
        cutter = content["pre_tokenizer"] or {}
        cut = cutter.get("type"), cutter.get("add_prefix_space"), cutter.get("use_regex", True)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TokenizerError(f"{path} is not a tokenizer.json of a BPE model: {error!r}") from error
    if kind != "BPE" or cut != ("ByteLevel", False, True) or content.get("normalizer") is not None:
        raise TokenizerError(f"{path} is not GPT-2's kind of BPE: ByteLevel with its pattern, no prefix space and no normalizer")
    bpe = _from_merges((f"{path}: merge {i}", merge) for i, merge in enumerate(merges))
    _check_ids(bpe, vocabulary, path)
    return bpe


def _read_tiktoken(path: Path) -> Iterator[tuple[str, bytes]]:
    """The tokens of a file of ranks in their order, each with its position for error messages."""
    number = -1
    for number, line in enumerate(_read(path).splitlines()):
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


def _from_merges(merges: Iterable[tuple[str, Sequence[str]]]) -> Vocabulary:
    """The vocabulary of merges as files write them, each with its position for error messages."""
    ids = {to_characters(bytes([byte])): i for i, byte in enumerate(BYTE_ORDER)}
    pairs = []
    for where, merge in merges:
        if len(merge) != 2 or merge[0] not in ids or merge[1] not in ids:
            raise TokenizerError(f"{where}: {' '.join(merge)!r} is not two tokens that exist before it")
        pairs.append((ids[merge[0]], ids[merge[1]]))
        ids[merge[0] + merge[1]] = 256 + len(pairs) - 1
    return Vocabulary(pairs)


def _check_ids(bpe: Vocabulary, vocabulary: object, path: Path) -> None:
    expected = {to_characters(token): i for i, token in enumerate(bpe.tokens)} | {EOT: bpe.eot}
    if not isinstance(vocabulary, dict):
        raise TokenizerError(f"{path} is not an object of tokens and ids")
    if vocabulary == expected:
        return
    for token, i in expected.items():
        if vocabulary.get(token) != i:
            found = vocabulary.get(token, "none")
            raise TokenizerError(
                f"{path}: the id of {token!r} is {found}, but bytes, merges in order and {EOT} make it {i}; another order cannot be used"
            )
    extra = next(token for token in vocabulary if token not in expected)
    raise TokenizerError(f"{path}: {extra!r} is made by no merge; more special tokens than {EOT} cannot be used here")


def _pretty(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path} is not UTF-8: {error}") from error


def _json(path: Path) -> Any:
    try:
        return json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise TokenizerError(f"{path} is not JSON: {error}") from error


def _tokenizer_json(vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], eot: int) -> dict[str, Any]:
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": eot, "content": EOT, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        ],
        "normalizer": None,
        "pre_tokenizer": _BYTE_LEVEL,
        "post_processor": None,
        "decoder": _BYTE_LEVEL,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": merges,
        },
    }
