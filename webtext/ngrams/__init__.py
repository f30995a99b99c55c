"""The n-grams of a corpus: normalised words, their hashes, and Bloom filters of them that can be queried without the corpus."""

from webtext.ngrams.exact import Exact
from webtext.ngrams.filters import Filters
from webtext.ngrams.query import Answer, Match, query
from webtext.ngrams.release import merge_releases

__all__ = ["Answer", "Exact", "Filters", "Match", "merge_releases", "query"]
