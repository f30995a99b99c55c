from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tiktoken import Encoding
from tiktoken.load import load_tiktoken_bpe
from tiktoken_ext.openai_public import r50k_pat_str
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from tokenizer import EOT, ByteBPE, TokenizerError, train
from tokenizer.vocabulary import BYTE_ORDER

NAMES = ["merges.txt", "metadata.json", "tokenizer.json", "tokenizer.tiktoken", "tokenizer_config.json", "vocab.json"]


@pytest.fixture(scope="module")
def bpe(languages: dict[str, str]) -> ByteBPE:
    return train([text[:5000] for text in languages.values()], 3000)


@pytest.fixture
def saved(bpe: ByteBPE, tmp_path: Path) -> Path:
    bpe.save(tmp_path, metadata={"corpus_sha256": "abc"})
    return tmp_path


def test_saving_is_deterministic_and_complete(bpe: ByteBPE, saved: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert sorted(path.name for path in saved.iterdir()) == NAMES
    again = tmp_path_factory.mktemp("again") / "made" / "anew"
    bpe.save(again, metadata={"corpus_sha256": "abc"})
    for name in NAMES:
        assert (again / name).read_bytes() == (saved / name).read_bytes()
    metadata = json.loads((saved / "metadata.json").read_text())
    assert metadata["corpus_sha256"] == "abc"
    assert (metadata["vocab_size"], metadata["merges"], metadata["merges_missing"]) == (3000, 2743, 0)


def test_layout(saved: Path) -> None:
    train(["low lower lowest"], 260).save(saved)
    assert (saved / "merges.txt").read_text(encoding="utf-8") == "#version: 0.2\nl o\nlo w\nĠ low\n"
    vocabulary = json.loads((saved / "vocab.json").read_text(encoding="utf-8"))
    assert list(vocabulary.values()) == list(range(260))
    assert (vocabulary["!"], vocabulary["Ġ"], vocabulary["Ċ"], vocabulary["Ġlow"], vocabulary[EOT]) == (0, 220, 198, 258, 259)
    lines = (saved / "tokenizer.tiktoken").read_text().splitlines()
    assert lines[0] == "IQ== 0"
    assert lines[-1] == f"{base64.b64encode(b' low').decode()} 258"


def test_every_format_gives_the_vocabulary_back(bpe: ByteBPE, saved: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    for names, target in (
        (NAMES, ""),
        (["vocab.json", "merges.txt"], ""),
        (["tokenizer.json"], ""),
        (["tokenizer.json"], "tokenizer.json"),
        (["tokenizer.tiktoken"], "tokenizer.tiktoken"),
    ):
        directory = tmp_path_factory.mktemp("copy")
        for name in names:
            (directory / name).write_bytes((saved / name).read_bytes())
        assert ByteBPE.load(directory / target) == bpe
        assert ByteBPE.load(str(directory / target)).eot == bpe.eot


def test_gpt2_files_come_out_as_they_went_in(data_dir: Path, tmp_path: Path) -> None:
    gpt2 = ByteBPE.load(data_dir / "gpt2")
    assert gpt2 == ByteBPE.from_gpt2(data_dir / "gpt2")
    gpt2.save(tmp_path)
    assert (tmp_path / "merges.txt").read_bytes() == (data_dir / "gpt2" / "vocab.bpe").read_bytes()
    assert json.loads((tmp_path / "vocab.json").read_bytes()) == json.loads((data_dir / "gpt2" / "encoder.json").read_bytes())
    assert ByteBPE.load(tmp_path / "tokenizer.tiktoken") == gpt2


def test_others_give_the_same_tokens(bpe: ByteBPE, saved: Path, languages: dict[str, str], some_novels: list[str]) -> None:
    theirs = Tokenizer.from_file(str(saved / "tokenizer.json"))
    transformers = AutoTokenizer.from_pretrained(saved)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", "")
        ranks = load_tiktoken_bpe(str(saved / "tokenizer.tiktoken"))
    tiktoken = Encoding("exported", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens={EOT: len(ranks)})
    assert transformers.vocab_size == bpe.vocab_size
    assert transformers.eos_token_id == transformers.bos_token_id == bpe.eot
    for text in [*(text[:3000] for text in languages.values()), some_novels[0][:50_000], "  do n't . \n\n  x \u00a0 \x1c \0 ' s", ""]:
        ids = bpe.encode(text)
        assert theirs.encode(text).ids == ids
        assert transformers(text)["input_ids"] == ids
        assert tiktoken.encode_ordinary(text) == ids
        assert transformers.decode(ids) == theirs.decode(ids) == bpe.decode(ids) == text
    text = f"one{EOT} two"
    assert theirs.encode(text).ids == transformers(text)["input_ids"] == bpe.encode(text, allow_special=True)
    assert tiktoken.encode(text, allowed_special="all") == bpe.encode(text, allow_special=True)


def edit_json(change: Callable[[dict[str, object]], object]) -> Callable[[bytes], bytes]:
    def edit(data: bytes) -> bytes:
        value = json.loads(data)
        change(value)
        return json.dumps(value).encode()

    return edit


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("merges.txt", lambda data: data + b"x\n", r"merges.txt:2745: 'x' is not two tokens"),
        ("merges.txt", lambda data: data + b"a nosuch\n", r"'a nosuch' is not two tokens"),
        ("merges.txt", lambda data: data + b"\xff\n", "not UTF-8"),
        ("merges.txt", lambda data: data[: data.rindex(b"\n", 0, -1) + 1], "is made by no merge and is no special token"),
        ("vocab.json", lambda data: data[:100], "not JSON"),
        ("vocab.json", lambda data: b"[]", "not an object"),
        ("vocab.json", edit_json(lambda v: v.update({"!": 1, '"': 0})), r"the id of '!' is 1, but .* make it 0"),
        ("vocab.json", edit_json(lambda v: v.pop("a")), "the id of 'a' is none, but"),
        ("vocab.json", edit_json(lambda v: v.pop(EOT)), "no special token marks the end of a document"),
        ("vocab.json", edit_json(lambda v: v.update({"<|pad|>": 2998})), "made by no merge"),
        ("vocab.json", edit_json(lambda v: v.update({"<|pad|>": 2999})), "ids of the special tokens have to differ"),
    ],
)
def test_broken_pairs(saved: Path, name: str, edit: Callable[[bytes], bytes], message: str) -> None:
    (saved / name).write_bytes(edit((saved / name).read_bytes()))
    (saved / "tokenizer.json").unlink()  # it would be read first
    with pytest.raises(TokenizerError, match=message):
        ByteBPE.load(saved)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda data: b"{", "not JSON"),
        (lambda data: b"[]", "not a tokenizer.json of a BPE model"),
        (edit_json(lambda v: v.pop("model")), "not a tokenizer.json of a BPE model"),
        (edit_json(lambda v: v["model"].update(type="WordPiece")), "not GPT-2's kind"),  # type: ignore[attr-defined]
        (edit_json(lambda v: v.update(pre_tokenizer=None)), "not GPT-2's kind"),
        (edit_json(lambda v: v["pre_tokenizer"].update(add_prefix_space=True)), "not GPT-2's kind"),  # type: ignore[attr-defined]
        (edit_json(lambda v: v.update(normalizer={"type": "NFC"})), "not GPT-2's kind"),
        (edit_json(lambda v: v["model"]["merges"].append("q")), "merge 2743: 'q'"),  # type: ignore[index]
    ],
)
def test_broken_tokenizer_json(saved: Path, edit: Callable[[bytes], bytes], message: str) -> None:
    path = saved / "tokenizer.json"
    path.write_bytes(edit(path.read_bytes()))
    with pytest.raises(TokenizerError, match=message):
        ByteBPE.load(path)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda data: data + b"IQ==\n", r"tiktoken:3000 is not"),
        (lambda data: data + b"!? 2999\n", r"tiktoken:3000 is not"),
        (lambda data: data + b"IQ== 7\n", "rank 7 on line 3000"),
        (lambda data: data.replace(b"IQ== 0\nIg== 1\n", b"Ig== 0\nIQ== 1\n"), "GPT-2's order"),
        (lambda data: data + base64.b64encode(b"\x00\x01\x02\x03") + b" 2999\n", "not made of two tokens"),
        (lambda data: b"\n".join(data.split(b"\n")[:200]), "has 200 tokens"),
    ],
)
def test_broken_tiktoken(saved: Path, edit: Callable[[bytes], bytes], message: str) -> None:
    path = saved / "tokenizer.tiktoken"
    path.write_bytes(edit(path.read_bytes()))
    with pytest.raises(TokenizerError, match=message):
        ByteBPE.load(path)


def test_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="holds no vocabulary"):
        ByteBPE.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        ByteBPE.load(tmp_path / "absent.json")


def test_older_tokenizer_json(saved: Path, bpe: ByteBPE) -> None:
    """Merges as "a b" instead of ["a", "b"]."""
    path = saved / "tokenizer.json"
    content = json.loads(path.read_bytes())
    content["model"]["merges"] = [" ".join(merge) for merge in content["model"]["merges"]]
    path.write_text(json.dumps(content))
    assert ByteBPE.load(path) == bpe


def test_gpt2_by_its_name_is_gpt2_from_its_files(gpt2_cache: Path, data_dir: Path, some_novels: list[str]) -> None:
    named, read = ByteBPE.published("gpt2"), ByteBPE.from_gpt2(data_dir / "gpt2")
    assert named == read
    assert named.encode(some_novels[0][:50_000]) == read.encode(some_novels[0][:50_000])


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"other")], ids=["absent", "damaged"])
def test_gpt2_by_its_name_without_network(gpt2_cache: Path, damage: Callable[[Path], object]) -> None:
    for path in list(gpt2_cache.iterdir()):
        damage(path)
    with pytest.raises(TokenizerError, match=r"^gpt2: tiktoken cannot download .*; go online, .* or give a directory or a file"):
        ByteBPE.published("gpt2")


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data + b"\n\n",
        lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n") + b"\r\n",
    ],
    ids=["crlf", "bom", "blank", "all"],
)
def test_what_editors_do_to_files(bpe: ByteBPE, saved: Path, edit: Callable[[bytes], bytes]) -> None:
    for name in ("vocab.json", "merges.txt", "tokenizer.tiktoken", "tokenizer.json"):
        (saved / name).write_bytes(edit((saved / name).read_bytes()))
    assert ByteBPE.load(saved / "tokenizer.tiktoken") == ByteBPE.load(saved) == bpe
    (saved / "tokenizer.json").unlink()
    assert ByteBPE.load(saved) == bpe


def test_an_added_special_token(bpe: ByteBPE, saved: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    theirs = AutoTokenizer.from_pretrained(saved)
    theirs.add_special_tokens({"pad_token": "<|pad|>"})
    with_pad = tmp_path_factory.mktemp("pad")
    theirs.save_pretrained(with_pad)
    by_hand = tmp_path_factory.mktemp("hand")
    (by_hand / "vocab.json").write_bytes(edit_json(lambda v: v.update({"<|pad|>": 3000}))((saved / "vocab.json").read_bytes()))  # type: ignore[attr-defined]
    (by_hand / "merges.txt").write_bytes((saved / "merges.txt").read_bytes())
    for directory in (with_pad, by_hand):
        padded = ByteBPE.load(directory)
        assert (padded.vocab_size, padded.eot, padded.special) == (bpe.vocab_size + 1, bpe.eot, {EOT: bpe.eot, "<|pad|>": bpe.eot + 1})
        text = f"a <|pad|>{EOT} b"
        assert padded.encode(text, allow_special=True) == theirs(text)["input_ids"]
        assert padded.encode(text) == bpe.encode(text)
        assert padded.decode(theirs(text)["input_ids"]) == text
        padded.save(directory / "again")
        assert ByteBPE.load(directory / "again") == padded != bpe


@pytest.mark.parametrize("pattern", ["cl100k", "o200k"])
def test_patterns_of_others(pattern: str, bpe: ByteBPE, tmp_path: Path, languages: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The ids are those of tokenizers, of tiktoken and of gigatoken; a vocabulary comes back with its pattern from every form."""
    special = {EOT: bpe.eot + 1, "<|fim_prefix|>": bpe.eot + 7}  # as cl100k_base, with ids between that no token has
    brought = ByteBPE(bpe.pairs, pattern=pattern, special=special)
    brought.save(tmp_path)
    assert ByteBPE.load(tmp_path) == brought != ByteBPE(bpe.pairs, special=special)
    assert ByteBPE.load(tmp_path / f"{pattern}.tiktoken").pattern == pattern
    theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    monkeypatch.setitem(sys.modules, "gigatoken", None)
    slow = ByteBPE.load(tmp_path)
    for text in [*(text[:2000] for text in languages.values()), "  DON'T don't\r\n\r\n 12345 ![]//\n\t x  \n", "ǅ ʰa ÉÉé", f"a{EOT}b"]:
        ids = brought.encode(text)
        assert ids == slow.encode(text)
        assert ids == theirs.encode(text).ids or EOT in text
        assert brought.decode(ids) == text
        assert brought.encode(text, allow_special=True) == theirs.encode(text).ids
    with pytest.raises(TokenizerError, match=f"token {bpe.eot} does not exist"):
        brought.decode([bpe.eot])


def test_published_files_of_ranks_have_their_special_tokens(tmp_path: Path) -> None:
    """By number of ranks: a made vocabulary of 100,256 under tiktoken's name, and of 128,000 as Llama 3's."""
    lines = [(bytes([byte]), i) for i, byte in enumerate(BYTE_ORDER)]
    pairs = [bytes([BYTE_ORDER[left], BYTE_ORDER[right]]) for left in range(256) for right in range(256)]
    triples = [pair + b"!" for pair in pairs if pair[1:] != b"!"]
    for name, pattern, ranks, end, size in (
        ("cl100k_base.tiktoken", "cl100k", 100_256, 100_257, 100_277),
        ("tokenizer.model", "cl100k", 128_000, 128_001, 128_256),
    ):
        rows = [*lines, *((token, 256 + i) for i, token in enumerate([*pairs, *triples][: ranks - 256]))]
        (tmp_path / name).write_text("".join(f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in rows))
        found = ByteBPE.load(tmp_path / name)
        assert (found.pattern, found.eot, found.vocab_size) == (pattern, end, size)
    assert found.special["<|eot_id|>"] == 128_009
