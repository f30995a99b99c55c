"""Real articles with known copies, against the Jaccard of all pairs."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from tests.webtext.dedup import stage, twins


@pytest.mark.parametrize(("size", "known"), [(100, 5), (1000, 10)])
def test_known_copies_among_news_articles_are_found_and_nothing_else(data_dir: Path, tmp_path: Path, size: int, known: int) -> None:
    path = data_dir / "neardup" / f"articles_{size}.train"
    data = path.read_bytes() if path.exists() else zstandard.ZstdDecompressor().decompress(Path(f"{path}.zst").read_bytes(), 2**26)
    articles = dict(line.split(" ", 1) for line in data.decode().splitlines() if line.strip())
    truth = {tuple(line.split()) for line in (data_dir / "neardup" / f"articles_{size}.truth").read_text().splitlines() if line.strip()}
    documents = [stage.document(number, text, url=f"http://news.example/{name}") for number, (name, text) in enumerate(articles.items())]
    stage.dedup(tmp_path, documents)
    found = {
        tuple(sorted(url.rsplit("/")[-1] for url in (pair["kept_url"], pair["removed_url"]))) for pair in stage.pairs(tmp_path).values()
    }
    assert found == {tuple(sorted(pair)) for pair in truth}
    assert len(found) == known
    for pair in stage.pairs(tmp_path).values():
        texts = [articles[pair[name].rsplit("/")[-1]] for name in ("kept_url", "removed_url")]
        assert pair["jaccard"] == pytest.approx(twins.jaccard(*(twins.runs(text, 5) for text in texts)), abs=0.08)
