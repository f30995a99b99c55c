"""Each format from a file as it is published, found by its name, ending or content; and what is said of a wrong one."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from webtext.core.config import Benchmark
from webtext.core.errors import WebtextError
from webtext.overlap.readers import Example, detect_format, read_examples

FILES = {
    "lambada_test.jsonl": ('{"text": "One passage"}\n\n{"text": "Zwei", "id": 7}\n', [("0", "One passage"), ("7", "Zwei")]),
    "wiki.test.raw": (
        " \n = A = \n \n text .\n \n = = Part = = \n more\n \n = B = \n \n rest\n",
        [("0", " \n = A = \n \n text .\n \n = = Part = = \n more\n "), ("1", " = B = \n \n rest")],
    ),
    "ptb.test.txt": (" they do n't say\n\n no it was n't monday \n", [("0", " they don't say"), ("2", " no it wasn't monday ")]),
    "news.en.heldout-00000-of-00050": ("It does n't .\n", [("0", "It doesn't .")]),
    "enwik8": ("<x>\n<page>A &amp; B</page><page>C</page>", [("0", "<x>\n"), ("1", "<page>A & B</page>"), ("2", "<page>C</page>\n")]),
    "cbtest_NE_valid.txt": (
        "".join(f"{line} line {line} .\n" for line in range(1, 21)) + "21 did XXXXX n't go ?\tTom\t\tTom|Ann\n\n",
        [("0", "\n".join([*(f"line {line} ." for line in range(1, 21)), "did Tomn't go ?"]))],
    ),
    "WSCollection.xml": (
        '<?xml version="1.0" encoding="ISO-8859-1"?><collection><schema><text><txt1>\nThe trophy caf\xe9 because</txt1><pron> it </pron>'
        "<txt2> was big. </txt2></text></schema></collection>",
        [("0", "The trophy caf\xe9 because it was big.")],
    ),
    "coqa-dev-v1.0.json": (
        '{"data": [{"id": "s1", "story": "Once.", "questions": [{"input_text": "Who?", "turn_id": 1}], "answers": '
        '[{"input_text": "Me"}]}]}',
        [("s1", "Once.")],
    ),
    "dev-v1.1.json": ('{"data": [{"paragraphs": [{"context": "Ctx.", "qas": [{"id": "q", "question": "Why?"}]}]}]}', [("0", "Ctx.")]),
    "NQ-open.dev.jsonl": ('{"question": "who is it", "answer": ["me"]}\n', [("0", "who is it")]),
    "abc.story": ("Article.\n\n@highlight\n\nShort.\n\n@highlight\n\nTwo", [("abc", "Article.\n\n")]),
    "newstest2014-ref.en.sgm": (
        '<refset>\n<doc docid="d1">\n<seg id="1">A &amp; b</seg>\n<SEG id="2">C</SEG></doc>',
        [("d1#1", "A & b"), ("d1#2", "C")],
    ),
    "newstest2014.en": ("Plain one\nPlain two\n", [("0", "Plain one"), ("1", "Plain two")]),
    "notes.txt": ("one\ntwo\n\n \nthree\n", [("0", "one\ntwo"), ("1", "three")]),
    "rows.csv": ('id,text\na,"x, ""y""\nz"\nb,w\n', [("a", 'x, "y"\nz'), ("b", "w")]),
    "rows.tsv": ("n\ttext\n1\tx y\n", [("0", "x y")]),
}  # fmt: skip


def examples(path: Path, **keys: Any) -> list[tuple[str, str]]:
    return [(example.id, example.text) for example in read_examples(Benchmark(name="x", path=str(path), **keys))]


@pytest.mark.parametrize("name", FILES)
def test_each_format_is_found_and_read(tmp_path: Path, name: str) -> None:
    text, expected = FILES[name]
    (tmp_path / name).write_bytes(text.encode("latin-1" if name.endswith(".xml") else "utf-8"))
    assert examples(tmp_path / name) == expected


@pytest.mark.parametrize(
    ("name", "keys", "expected"),
    [
        ("coqa-dev-v1.0.json", {"field": "questions"}, [("s1#1", "Who? Me")]),
        ("dev-v1.1.json", {"field": "questions"}, [("q", "Why?")]),
        ("abc.story", {"field": "highlights"}, [("abc", "Short.\nTwo")]),
        ("NQ-open.dev.jsonl", {"field": "answer"}, [("0", "me")]),
        ("notes.txt", {"format": "lines"}, [("0", "one"), ("1", "two"), ("4", "three")]),
        ("notes.txt", {"format": "document"}, [("notes", "one\ntwo\n\n \nthree\n")]),
        ("rows.csv", {"field": "id"}, [("a", "a"), ("b", "b")]),
    ],
)
def test_other_parts_of_a_format(tmp_path: Path, name: str, keys: dict[str, str], expected: list[tuple[str, str]]) -> None:
    (tmp_path / name).write_text(FILES[name][0])
    assert examples(tmp_path / name, **keys) == expected


@pytest.mark.parametrize(
    ("text", "format_"),
    [
        ('{"version": "1", "data": [{"source": "x", "story": "s"}]}', "coqa"),
        ('{"data": [{"title": "t", "paragraphs": []}]}', "squad"),
        (" \n = Title = \n \n text\n", "wikitext"),
        ("<srcset>", "wmt"),
        ("1 One .\n2 Two .\n3 Three .\n", "cbt"),
        ('{"text": "x"}\n', "jsonl"),
        ("= not a heading", "text"),
    ],
)
def test_content_tells_the_format_where_the_name_does_not(tmp_path: Path, text: str, format_: str) -> None:
    (tmp_path / "data.bin").write_text(text)
    assert detect_format(tmp_path / "data.bin") == format_


@pytest.mark.parametrize(
    ("ending", "compress"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), (".zst", zstandard.ZstdCompressor().compress)],
)
def test_compressed_files(tmp_path: Path, ending: str, compress: object) -> None:
    assert callable(compress)
    (tmp_path / f"ptb.test.txt{ending}").write_bytes(compress(b"was n't\n"))
    assert examples(tmp_path / f"ptb.test.txt{ending}") == [("0", "wasn't")]
    (tmp_path / f"cut.txt{ending}").write_bytes(compress(bytes(range(256)) * 100)[:60])
    with pytest.raises(WebtextError, match=rf"cut\.txt{ending}"):
        examples(tmp_path / f"cut.txt{ending}", format="lines")


def test_zip_parquet_and_directories(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "w") as archive:
        archive.writestr("inner.csv", "text\nhello\n")
    assert examples(tmp_path / "a.csv.zip") == [("0", "hello")]
    pq.write_table(pa.table({"id": [5, 6], "deep": [{"text": "x"}, {"text": "y"}]}), tmp_path / "a.parquet")
    assert examples(tmp_path / "a.parquet", field="deep.text") == [("5", "x"), ("6", "y")]
    for name in ("b.txt", "a.txt", ".hidden"):
        (tmp_path / "many").mkdir(exist_ok=True)
        (tmp_path / "many" / name).write_text(name)
    assert examples(tmp_path / "many") == [("a.txt:0", "a.txt"), ("b.txt:0", "b.txt")]
    assert examples(tmp_path / "many" / "*.txt") == examples(tmp_path / "many")


def test_fields_are_joined(tmp_path: Path) -> None:
    row = {"question": "Why?", "choices": ["A", "B"], "answer": {"text": "B"}}
    (tmp_path / "a.json").write_text(json.dumps([row, row]))
    pq.write_table(pa.Table.from_pylist([row, row]), tmp_path / "a.parquet")
    for name in ("a.json", "a.parquet"):
        found = examples(tmp_path / name, field=["question", "choices", "answer.text"])
        assert found == [("0", "Why?\nA\nB\nB"), ("1", "Why?\nA\nB\nB")]


def test_what_lies_beside_a_test_set_is_left_out_or_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text('{"text": "a"}\n')
    for name in ("README.md", "LICENSE", "dataset_infos.json", ".gitattributes"):
        (tmp_path / name).write_text("{}")
    assert examples(tmp_path) == [("0", "a")]
    (tmp_path / "stray.json").write_text('{\n"version": 1\n}')
    with pytest.raises(WebtextError, match=r"stray\.json, row 1: no field 'text'; its fields are: version"):
        examples(tmp_path)


def test_text8_and_enwik8_have_their_customary_parts(tmp_path: Path) -> None:
    data = b"train " * 15_000_000 + b"valid " * 833_333 + b"  " + b"held " * 1_000_000
    assert len(data) == 10**8
    (tmp_path / "text8").write_bytes(data)
    benchmark = Benchmark(name="text8", path=str(tmp_path / "text8"), train=str(tmp_path / "text8"))
    test = list(read_examples(benchmark))
    assert "".join(example.text for example in test) == "held " * 1_000_000
    assert {example.text[:1] for example in test[1:]} == {" "}
    assert 490 <= len(test) <= 500
    train = sum(len(example.text) for example in read_examples(benchmark, "train"))
    assert train == 90_000_000


@pytest.mark.parametrize(
    ("name", "content", "keys", "sentence"),
    [
        ("a.jsonl", b'{"text": "x"}\n{"txt": "y", "n": 1}\n', {}, r"a\.jsonl, row 2: no field 'text'; its fields are: txt, n; set"),
        ("a.jsonl", b'{"text": "x"}\n{"text": \n', {}, r"a\.jsonl, row 2: not JSON"),
        ("a.jsonl", b'{"text": 5}\n', {}, r"a\.jsonl, row 1: field 'text' is a number, not text"),
        ("a.jsonl", b"[1]\n", {}, r"a\.jsonl, row 1: not a JSON object but int"),
        ("a.jsonl", b'{"text": "x"}\n{"text": }\n{}\n', {}, r"a\.jsonl, row 2: not JSON"),
        ("a.jsonl", b'{"messages": [{"role": "user", "content": "x"}]}\n', {"field": "messages"}, r"a list of objects, not text"),
        ("a.txt", b"x", {"field": ["a", "b"]}, r"a\.txt: only fields of records can be joined"),
        ("a.warc", b"WARC/1.0\r\n", {}, r"a\.warc: a test set is not read from wet"),
        ("a.bin", b"\0\1\2", {}, r"a\.bin: neither text"),
        ("a.csv", b"name\nx\n", {}, r"a\.csv, row 1: no field 'text'; its fields are: name"),
        ("a.txt", b"good\n\xff bad\n", {"format": "lines"}, r"a\.txt, line 2: not UTF-8 at byte 0"),
        ("a.txt", b"good\nbad \xff\n", {"format": "document"}, r"a\.txt, document 1: not UTF-8 at byte 9"),
        ("a.xml", b"<a>\n<b></a>", {"format": "winograd"}, r"a\.xml, line 2: not XML"),
        ("a.xml", b"<a></a>", {"format": "winograd"}, r"a\.xml: no <schema>"),
        ("a.json", b'{"data": [{}]}', {"format": "coqa"}, r"a\.json: not CoQA"),
        ("a.json", b"[]", {"format": "squad"}, r"a\.json: not SQuAD"),
        ("a.json", b"{", {"format": "squad"}, r"a\.json: not JSON"),
        ("a.txt", b"One\n", {"format": "cbt"}, r"a\.txt, line 1: not the Children's Book Test"),
        ("a.sgm", b"<refset>\n</refset>", {}, r"a\.sgm: no <seg id=…>"),
        ("a.parquet", b"PAR1", {}, r"a\.parquet: not a whole Parquet file"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, name: str, content: bytes, keys: dict[str, Any], sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WebtextError, match=sentence):
        examples(tmp_path / name, **keys)


def test_a_missing_file_and_a_missing_column(tmp_path: Path) -> None:
    with pytest.raises(WebtextError, match="there is no file"):
        examples(tmp_path / "absent.txt")
    pq.write_table(pa.table({"body": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(WebtextError, match=r"a\.parquet, row 1: no field 'text'; its fields are: body"):
        examples(tmp_path / "a.parquet")


REAL = {
    "lambada_test.jsonl": ("lambada", 5153),
    "wikitext-2/test.txt": ("wikitext", 60),
    "wikitext-2/valid.txt": ("wikitext", 60),
    "wikitext-2/wiki.test.raw": ("wikitext", 60),
    "winograd/WSCollection.xml": ("winograd", 285),
    "nq_open/NQ-open.dev.jsonl": ("nq_open", 3610),
    "newstest2014/newstest2014-fren-ref.en.sgm.zst": ("wmt", 3003),
    "newstest2014/newstest2014-fren-src.fr.sgm.zst": ("wmt", 3003),
    "newstest2014/newstest2014-fren-src.en.sgm.zst": ("wmt", 3003),
    "newstest2014/newstest2014-fren-ref.fr.sgm.zst": ("wmt", 3003),
    "1bw_heldout/1b_benchmark.test.tokens": ("1bw", 12105),
    "1bw_heldout/1b_benchmark.dev.tokens": ("1bw", 12216),
    "cnndm_sample": ("cnn_dailymail", 100),
    "formats/cbt/cbtest_CN_valid_2000ex.txt": ("cbt", 1),
    "formats/cbt/cbtest_NE_valid_2000ex.txt": ("cbt", 1),
    "formats/coqa/coqa-dev-v1.0.json": ("coqa", 1),
    "formats/cnn_dailymail": ("cnn_dailymail", 7),
    "formats/lm1b": ("1bw", 15),
}


@pytest.mark.parametrize("path", REAL)
def test_real_test_sets(data_dir: Path, path: str) -> None:
    format_, count = REAL[path]
    found = list(read_examples(Benchmark(name="x", path=str(data_dir / "benchmarks" / path))))
    assert found == list(read_examples(Benchmark(name="x", path=str(data_dir / "benchmarks" / path), format=format_)))
    assert len(found) == count
    assert len({example.id for example in found}) == count
    assert all(isinstance(example, Example) and example.text.strip() for example in found)


HUB = {  # the layouts of the paper's sets on the Hugging Face Hub: file, a row, the text of the example
    "wikitext-2-raw-v1/test-00000-of-00001.parquet": ({"text": " = A = "}, " = A = "),
    "wikitext-103-raw-v1/validation-00000-of-00001.parquet": ({"text": "b"}, "b"),
    "lambada_test.parquet": ({"text": "a passage", "domain": ""}, "a passage"),
    "ptb_text_only/penn_treebank/test/0000.parquet": ({"sentence": "no it was"}, "no it was"),
    "enwik8.parquet": ({"text": "<page>"}, "<page>"),
    "text8/test-00000-of-00001.parquet": ({"text": "one two"}, "one two"),
    "lm1b/test-00000-of-00001.parquet": ({"text": "Hello ."}, "Hello ."),
    "cbt/CN/test-00000-of-00001.parquet": (
        {"sentences": ["a", "b"], "question": "XXXXX ?", "answer": "c", "options": ["c", "d"]},
        "a\nb",
    ),
    "wsc273/test-00000-of-00001.parquet": ({"text": "The trophy", "pronoun": "it", "options": ["a", "b"]}, "The trophy"),
    "coqa/validation-00000-of-00001.parquet": (
        {"source": "x", "story": "Once.", "questions": ["Who?"], "answers": {"input_text": ["me"]}},
        "Once.",
    ),
    "squad/validation-00000-of-00001.parquet": (
        {"id": "0", "title": "t", "context": "Ctx.", "question": "Why?", "answers": {"text": ["x"]}},
        "Ctx.",
    ),
    "nq_open/validation-00000-of-00001.parquet": ({"question": "who is it", "answer": ["me"]}, "who is it"),
    "cnn_dailymail/3.0.0/test-00000-of-00001.parquet": ({"article": "Article.", "highlights": "Short.", "id": "0"}, "Article."),
}


@pytest.mark.parametrize("name", HUB)
def test_the_layout_of_the_hub(tmp_path: Path, name: str) -> None:
    row, text = HUB[name]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([row]), path)
    assert examples(path) == [("0", text)]
    path.rename(path.with_name("enwik8"))  # whatever its name, a Parquet file is a table
    assert examples(path.with_name("enwik8")) == [("0", text)]


@pytest.mark.parametrize("name", ["enwik8.jsonl", "ptb.test.jsonl", "wiki.test.raw.jsonl", "newstest2014.jsonl", "text8.ndjson.gz"])
def test_the_ending_comes_before_the_name(tmp_path: Path, name: str) -> None:
    data = b'{"text": "a"}\n{"text": "b"}\n'
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert examples(tmp_path / name) == [("0", "a"), ("1", "b")]
    table = tmp_path / name.replace(".jsonl", ".csv").replace(".ndjson.gz", ".csv")
    table.write_bytes(b"text\na\n")
    assert examples(table) == [("0", "a")]


def test_translations_ask_for_their_language(tmp_path: Path) -> None:
    path = tmp_path / "wmt14-test-00000-of-00001.parquet"
    pq.write_table(pa.Table.from_pylist([{"translation": {"en": "one", "fr": "un"}}]), path)
    with pytest.raises(WebtextError, match=r"no field 'text'; its fields are: translation; set the benchmark's `field`"):
        examples(path)
    assert examples(path, field="translation.en") == [("0", "one")]
