"""The mapping of finished URLs against a dict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from webtext.fetch.journal_index import Entries, Entry

ids = st.sampled_from([f"{n:032x}" for n in range(12)])
numbers = st.integers(0, 2**63 - 1)
errors = st.none() | st.sampled_from(["dns", "http-404", "tls"])
entry = st.builds(Entry, numbers, numbers, numbers, st.integers(0, 2**64 - 1), errors, st.booleans(), st.booleans())


@given(st.lists(ids, unique=True), st.lists(st.tuples(ids, entry)))
def test_it_is_a_mapping(announced: list[str], written: list[tuple[str, Entry]]) -> None:
    entries, twin = Entries(announced), dict[str, Entry]()
    for link_id, value in written:
        entries[link_id] = twin[link_id] = value
    assert len(entries) == len(twin)
    assert list(entries.items()) == sorted(twin.items())
    assert entries == twin
    for number in range(12):
        link_id = f"{number:032x}"
        assert entries.get(link_id) == twin.get(link_id)
        assert (link_id in entries) == (link_id in twin)
