"""How near a build comes to what is known of OpenAI's WebText: from the GPT-2 paper (Radford et al. 2019) and its list of domains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from webtext.links.report import rank_correlation

# Section 2.1: 45 million links, "slightly over" 8 million documents, 40 GB of text. Section 3.7: 10 MB of French, counted by CLD2.
LINKS = 45_000_000
DOCUMENTS = 8_000_000
BYTES = 40_000_000_000
FRENCH = 10_000_000


def compare(corpus: Mapping[str, Any], links: int | None, language_bytes: Mapping[str, int]) -> list[dict[str, Any]]:
    """Rows of the comparison: `what`, `here` (None where the build does not tell), `webtext`, `ratio` of the two, `source`.

    `corpus` has documents and bytes, `language_bytes` the bytes that CLD2 found by language when texts were cleaned.
    """
    documents, text = corpus["documents"], sum(language_bytes.values())
    return [
        _row("bytes of text a document", _share(corpus["bytes"], documents), BYTES / DOCUMENTS, "section 2.1: 40 GB, 8 million documents"),
        _row("documents kept of the links tried", _share(documents, links), DOCUMENTS / LINKS, "section 2.1: 8 of 45 million"),
        _row(
            "bytes of French in a million",
            _share(1e6 * language_bytes.get("fr", 0), text),
            1e6 * FRENCH / BYTES,
            "section 3.7: 10 MB of 40 GB",
        ),
    ]


def _share(part: float, whole: int | None) -> float | None:
    return part / whole if whole else None


def _row(what: str, here: float | None, webtext: float, source: str) -> dict[str, Any]:
    return {
        "what": what,
        "here": None if here is None else round(here, 4),
        "webtext": round(webtext, 4),
        "ratio": None if here is None else round(here / webtext, 3),
        "source": source,
    }


def compare_domains(domains: Counter[str], listed: Mapping[str, int]) -> dict[str, Any]:
    """The documents of each registered name beside OpenAI's counts: how many of the list are here, how much of its weight they have,
    and Spearman's rank correlation over those (None for fewer than three)."""
    found = sorted(name for name in listed if domains[name])
    order = {name: place for place, name in enumerate(sorted(domains, key=lambda name: (-domains[name], name)), 1)}
    top = sorted(listed, key=lambda name: (-listed[name], name))
    correlation = rank_correlation([listed[name] for name in found], [domains[name] for name in found])
    return {
        "listed": len(listed),
        "found": len(found),
        "found_weight": round(sum(listed[name] for name in found) / (sum(listed.values()) or 1), 4),
        "documents_on_listed": round(sum(domains[name] for name in found) / (domains.total() or 1), 4),
        "rank_correlation": None if correlation is None else round(correlation, 4),
        "top": [
            {"domain": name, "webtext": place, "here": order.get(name), "documents": domains[name]}
            for place, name in enumerate(top[:20], 1)
        ],
    }
