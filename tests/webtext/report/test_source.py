"""From tokens to documents and back, on a small build."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webtext.tokens.corpus import SHARDS, documents, learn, tokenize, write_corpus
from webtext.core.directories import manifest_path
from webtext.core.errors import UsageError
from webtext.core.hashing import shard_name, shard_of_url
from webtext.core.manifest import build_manifest
from webtext.core.records import LINK
from webtext.core.tables import writing_table
from webtext.report.source import Provenance
from webtext.tokens.shards import open_shard
from webtext.tokens.vocabulary import vocabulary_of


def post(number: int) -> dict[str, object]:
    return {"id": f"p{number}", "subreddit": "foxes", "score": number, "created_utc": 1, "over_18": False, "title": f"Look: {number}"}


@pytest.fixture(scope="module")
def provenance(tmp_path_factory: pytest.TempPathFactory) -> Provenance:
    build = tmp_path_factory.mktemp("build")
    rows = documents()
    write_corpus(build, rows)
    for shard in range(SHARDS):
        with writing_table(build / f"links/{shard_name(shard)}.parquet", LINK) as table:
            for number, row in enumerate(rows):
                if shard_of_url(row["url"], SHARDS) == shard:
                    table.write({"id": row["id"], "url": row["url"], "best_score": number, "score_sum": number, "posts": [post(number)]})
    learn(build)
    tokenize(build, 1500)
    for stage in ("dedup", "tokenize"):
        facts = {"fingerprint": "", "configuration": {"build": {"shards": SHARDS}}, "inputs": {}, "sources": []}
        build_manifest(stage, "documents", [], **facts).write(build / manifest_path(stage))
    return Provenance(build)


def test_every_token_leads_to_its_document(provenance: Provenance) -> None:
    """The index by hand: <|endoftext|>, and documents one after the other, each up to its own. Token 0 leads to the first document."""
    bpe = vocabulary_of(provenance.build)
    rows = {row["url"]: (number, row) for number, row in enumerate(documents())}
    seen = set()
    paths = sorted((provenance.build / "tokens").glob("*.bin"))
    assert len(paths) > 4
    for path in paths:
        tokens, start = open_shard(path).tolist(), 1
        assert tokens[0] == bpe.eot
        assert provenance.at_position(path.name, 0).offset == 1
        while start < len(tokens):
            end = tokens.index(bpe.eot, start)
            for position in {start, (start + end) // 2, end}:
                source = provenance.at_position(path.name, position)
                assert (source.shard, source.offset, source.length, source.first) == (path.name, start, end + 1 - start, position)
                number, row = rows[source.url]
                assert (source.title, source.extractor, source.split) == (row["title"], "trafilatura", row["split"])
                assert source.posts == [post(number)]
            assert bpe.decode(tokens[start:end]) == row["text"]
            seen.add(source.url)
            start = end + 1
    assert seen == rows.keys()


def test_from_a_url_to_its_tokens_and_back(provenance: Provenance) -> None:
    for row in documents():
        [source] = provenance.of_url(row["url"])
        assert (source.first, source.last) == (source.offset, source.offset + source.length - 1)
        assert provenance.decoded(source.shard, source.first, source.last - 1).decode() == row["text"]
        assert provenance.at_position(source.shard, source.last).url == row["url"]


def test_a_url_is_found_as_it_was_posted(provenance: Provenance) -> None:
    [source] = provenance.of_url("HTTP://Host0.Example:80/0#top")
    assert source.url == "http://host0.example/0"
    assert provenance.of_url("http://nobody.example/") == []
    with pytest.raises(UsageError, match=r"no url.*: not a URL"):
        provenance.of_url("no url")


def test_a_text_is_found_with_its_tokens(provenance: Provenance) -> None:
    [source] = provenance.with_text("Number 17, ünï")
    assert source.url == "http://host3.example/17"
    assert b"Number 17, \xc3\xbcn\xc3\xaf" in provenance.decoded(source.shard, source.first, source.last)
    assert len(list(provenance.with_text("lazy dog"))) == len(documents())
    assert list(provenance.with_text("no such text")) == []
    assert list(provenance.with_text(".*")) == []  # letter by letter, no pattern


@settings(max_examples=30)
@given(number=st.integers(0, 59), cut=st.tuples(st.integers(0, 60), st.integers(1, 60)))
def test_found_tokens_are_the_fewest_that_hold_the_text(provenance: Provenance, number: int, cut: tuple[int, int]) -> None:
    row = documents()[number]
    text = row["text"][-cut[0] - cut[1] :][: cut[1]]
    source = next(source for source in provenance.with_text(text) if source.url == row["url"])
    first, last, held = (
        provenance.decoded(source.shard, *tokens)
        for tokens in ((source.first, source.first), (source.last, source.last), (source.first, source.last))
    )
    begin = held.index(text.encode())
    assert begin < len(first)
    assert len(held) - (begin + len(text.encode())) < len(last)


def test_wrong_places_are_told(provenance: Provenance, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"train-00000\.bin: has no token 1,000,000"):
        provenance.at_position("train-00000.bin", 10**6)
    with pytest.raises(UsageError, match=r"train-00099\.bin: not a token shard of .*; it has test-00000\.bin, "):
        provenance.at_position("train-00099.bin", 0)
    with pytest.raises(UsageError, match="tokens/ is not finished"):
        Provenance(tmp_path)
