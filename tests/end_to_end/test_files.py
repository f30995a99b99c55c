"""Every command on files of one's own, without a configuration: the same texts in six formats, each result known beforehand."""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from warcio.warcwriter import WARCWriter

from tests.end_to_end.commands import manifests, webtext
from tests.webtext.dedup.twins import jaccard, runs
from tests.webtext.documents.files import delimited, jsonl, save_to_disk, table
from tokenizer import ByteBPE
from webtext.cli.main import main
from webtext.tokens.shards import open_shard

FRENCH = (
    "Le conseil municipal a voté hier soir le budget de la ville, après une longue discussion sur les écoles et les routes. Le maire a "
    "promis que les travaux commenceraient au printemps, et que les habitants seraient consultés avant chaque décision importante."
)
SHORT = "We met again on Monday."
FORMATS = ("jsonl.zst", "parquet", "datasets", "csv", "text", "wet")
AS_PROCESS = {("jsonl.zst", "dedup"), ("datasets", "overlap"), ("wet", "clean"), ("csv", "export")}  # by the real command line
SMALL = [f"--set={key}" for key in ("run.workers=1", "build.shards=2", "dedup.partitions=1", "ngrams.partitions=1", "overlap.probes=1000")]


class Corpus:
    """31 real texts: 5 pairs of news articles of which one was made from the other, 17 others, an exact copy, two that quote a question,
    and two that cleaning rejects."""

    def __init__(self, data: Path) -> None:
        lines = (data / "neardup" / "articles_100.train").read_text().splitlines()
        articles = dict(line.split(" ", 1) for line in lines)
        pairs = [line.split() for line in (data / "neardup" / "articles_100.truth").read_text().splitlines()]
        paired = {name for pair in pairs for name in pair}
        others = [name for name in articles if name not in paired][:17]
        rows = [json.loads(line) for line in (data / "benchmarks" / "gsm8k" / "test.jsonl").read_text().splitlines()[:30]]
        self.questions = [row["question"] for row in rows]
        self.articles = [articles[name].strip() for name in sorted(paired) + others]
        self.quoting = [f"{articles[others[place]].strip()} {self.questions[place]}" for place in (3, 8)]
        self.texts = [*self.articles, self.articles[12], *self.quoting, FRENCH, SHORT]

    def write(self, form: str, directory: Path) -> Path:
        """The texts in one of FORMATS."""
        records: list[dict[str, Any]] = [
            {"id": f"d{number}", "text": text, "url": f"http://site-{number}.example/"} for number, text in enumerate(self.texts)
        ]
        path = directory / f"texts.{form}"
        if form == "jsonl.zst":
            path.write_bytes(zstandard.compress(jsonl(records)))
        elif form == "parquet":
            pq.write_table(table(records), path)
        elif form == "datasets":
            save_to_disk(path, records)
        elif form == "csv":
            path.write_bytes(delimited(records, ","))
        elif form == "text":
            path.write_text("".join(f"{text}\n" for text in self.texts))
        else:
            with open(path, "wb") as file:
                writer = WARCWriter(file, gzip=True)
                writer.write_record(writer.create_warcinfo_record("a.wet.gz", {"software": "test"}))
                for record in records:
                    payload = io.BytesIO(record["text"].encode())
                    head = {"Content-Type": "text/plain"}
                    writer.write_record(writer.create_warc_record(record["url"], "conversion", payload=payload, warc_headers_dict=head))
        return path


@pytest.fixture(scope="module")
def corpus(data_dir: Path) -> Corpus:
    return Corpus(data_dir)


@pytest.fixture(scope="module")
def questions(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark whose text is in a field of another name."""
    path = tmp_path_factory.mktemp("benchmark") / "questions.jsonl"
    path.write_bytes(jsonl([{"question": question} for question in corpus.questions]))
    return path


class Cell:
    """The commands on the texts in one format. Those that take the texts as they are share an --out."""

    def __init__(self, form: str, source: Path, directory: Path) -> None:
        self.form, self.source, self.directory, self.out = form, source, directory, directory

    def run(self, command: str, *options: object) -> None:
        self.out = self.directory / (command if command in ("clean", "dedup", "decontaminate") else "build")
        given = [command, self.source, "--out", self.out, *SMALL, *options, *(["--unit", "line"] if self.form == "text" else [])]
        execute(given, as_process=(self.form, command) in AS_PROCESS)

    def texts(self, directory: str) -> list[str]:
        return pq.read_table(self.out / directory, columns=["text"])["text"].to_pylist()  # type: ignore[no-any-return]

    def counters(self, stage: str) -> dict[str, int]:
        return manifests(self.out)[stage]["counters"]  # type: ignore[no-any-return]


def execute(line: list[object], as_process: bool = False) -> None:
    if as_process:
        webtext(*line)
        return
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in line])
    assert ended.value.code == 0


@pytest.fixture(scope="module", params=FORMATS)
def cell(request: pytest.FixtureRequest, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Cell:
    directory = tmp_path_factory.mktemp(request.param.replace(".", "-"))
    return Cell(request.param, corpus.write(request.param, directory), directory)


def test_clean(cell: Cell, corpus: Corpus) -> None:
    cell.run("clean")
    assert sorted(cell.texts("documents")) == sorted(corpus.texts)
    assert sorted(cell.texts("cleaned")) == sorted([*corpus.articles, corpus.articles[12], *corpus.quoting])
    counters = cell.counters("clean")
    assert {name: count for name, count in counters.items() if name.startswith("rejected")} == {
        "rejected-language": 1,
        "rejected-too-short": 1,
    }


def test_dedup(cell: Cell, corpus: Corpus) -> None:
    """All pairs compared by the definition of the Jaccard similarity: the same copies go."""
    cell.run("dedup")
    sets = [runs(text, 5) for text in corpus.texts]
    near = {}
    for one, other in itertools.combinations(range(len(sets)), 2):
        if (similarity := jaccard(sets[one], sets[other])) >= 0.8:
            near[pair_of(corpus.texts[one], corpus.texts[other])] = similarity
    assert len(near) == 7  # five known ones, the exact copy, and an article of which a question is a small part
    texts = {row["id"]: row["text"] for row in pq.read_table(cell.out / "documents").to_pylist()}
    texts |= {row["id"]: row["text"] for row in pq.read_table(cell.out / "corpus").to_pylist()}
    found = {}
    for row in pq.read_table(cell.out / "duplicates" / "pairs").to_pylist():
        found[pair_of(texts[row["kept_id"]], texts[row["removed_id"]])] = row["jaccard"]
        assert row["kept_id"] in {row["id"] for row in pq.read_table(cell.out / "corpus").to_pylist()}
    assert found == pytest.approx(near, abs=0.02)  # some are estimated from signatures
    kept = cell.texts("corpus")
    assert len(kept) == len(corpus.texts) - len(near)  # the pairs are apart, so each costs one document
    assert set(corpus.texts) - set(kept) <= {text for pair in near for text in pair}


def pair_of(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one <= other else (other, one)


def eight_grams(text: str) -> Iterator[tuple[str, ...]]:
    """The rule of the paper (appendix 8.2) in plain Python: lower-cased alphanumeric words."""
    words = re.findall(r"[^\W_]+", text.lower())
    yield from zip(*(words[start:] for start in range(8)))


def test_ngrams_and_overlap(cell: Cell, corpus: Corpus, questions: Path) -> None:
    cell.run("overlap", "--set", f'overlap.benchmarks=[{{name="GSM8K", path="{questions}", field="question"}}]')
    grams = {gram for text in corpus.texts for gram in eight_grams(text)}
    asked = [list(eight_grams(question)) for question in corpus.questions]
    found = [sum(gram in grams for gram in question) for question in asked]
    report = json.loads((cell.out / "overlap" / "GSM8K.json").read_text())
    assert report["corpus"]["occurrences"] == sum(map(len, asked))
    assert report["corpus"]["occurrences_found"] == sum(found) == len(asked[3]) + len(asked[8]) > 0
    assert report["corpus"]["distinct_found"] == len({gram for question in asked for gram in question} & grams)
    assert report["examples"] == 30
    assert report["documents_that_quote"] == 2
    assert manifests(cell.out)["ngrams"]["counters"]["distinct-n-grams"] == len(grams)


def test_decontaminate(cell: Cell, corpus: Corpus, questions: Path) -> None:
    cell.run("decontaminate", "--set", f'dedup.decontaminate=[{{name="GSM8K", path="{questions}", field="question"}}]')
    assert sorted(cell.texts("corpus")) == sorted(text for text in corpus.texts if text not in corpus.quoting)  # the copies stay
    rejected = pq.read_table(cell.out / "stages" / "dedup" / "rejected").to_pylist()
    assert sorted(row["reason"] for row in rejected) == ["quotes-test-set"] * 2


def test_tokenizer_and_tokenize(cell: Cell, corpus: Corpus) -> None:
    cell.run("tokenize", "--set", "tokenizer.vocabulary=400")
    bpe = ByteBPE.load(cell.out / "tokenizer")
    assert bpe.vocab_size == 400
    ids = np.concatenate([open_shard(path) for path in sorted((cell.out / "tokens").glob("train-*.bin"))])
    ends = np.flatnonzero(ids == 399)  # <|endoftext|>
    texts = [bpe.decode(piece[piece != 399].tolist()) for piece in np.split(ids, ends) if (piece != 399).any()]
    assert sorted(texts) == sorted(corpus.texts)


def test_export(cell: Cell, corpus: Corpus, tmp_path: Path) -> None:
    cell.run("documents")
    for form in ("jsonl.zst", "parquet", "datasets", "txt"):
        as_process = (cell.form, "export") in AS_PROCESS and form == "parquet"
        execute(["export", cell.out / "documents", "--to", form, "--out", tmp_path / form], as_process=as_process)
    opened = [zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read() for path in (tmp_path / "jsonl.zst").iterdir()]
    rows = [json.loads(line) for data in opened for line in data.splitlines()]
    arrow = [pa.ipc.open_stream(path).read_all() for path in sorted((tmp_path / "datasets" / "train").glob("*.arrow"))]
    plain = "".join(path.read_text() for path in sorted((tmp_path / "txt").glob("*.txt")))
    for texts in (
        [row["text"] for row in rows],
        pq.read_table(tmp_path / "parquet" / "data")["text"].to_pylist(),
        pa.concat_tables(arrow)["text"].to_pylist(),
        plain.split("\n<|endoftext|>\n")[:-1],
    ):
        assert sorted(texts) == sorted(corpus.texts)
    if cell.form not in ("text", "wet"):
        assert {row["meta"]["id"] for row in rows} == {f"d{number}" for number in range(len(corpus.texts))}


def test_two_workers_make_the_same_bytes(cell: Cell, tmp_path: Path) -> None:
    if cell.form != "jsonl.zst":
        pytest.skip("once is enough")
    cell.run("clean")
    execute(["clean", cell.source, "--out", tmp_path / "two", *SMALL, "--set", "run.workers=2"])
    one, two = (
        {str(path.relative_to(build)): path.read_bytes() for path in sorted(build.glob("cleaned/*.parquet"))}
        for build in (cell.out, tmp_path / "two")
    )
    assert len(one) == 2
    assert one == two
    assert manifests(cell.out)["clean"] == manifests(tmp_path / "two")["clean"]
