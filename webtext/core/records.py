"""The records of a build, as Arrow schemas. docs/formats.md describes each column.

Times are seconds since 1970-01-01 UTC, as Reddit gives them; a null means that it is not known (a build without links).
"""

from __future__ import annotations

import pyarrow as pa

POST = pa.struct(
    [
        ("id", pa.string()),
        ("subreddit", pa.string()),
        ("score", pa.int64()),
        ("created_utc", pa.int64()),
        ("over_18", pa.bool_()),
        ("title", pa.string()),
    ]
)

# links/: a canonical URL with every post of it, oldest first
LINK = pa.schema(
    [
        ("id", pa.string()),  # webtext.core.hashing.url_id(url), the id of the page and of its document
        ("url", pa.string()),
        ("best_score", pa.int64()),
        ("score_sum", pa.int64()),
        ("posts", pa.list_(POST)),
    ]
)

# pages/ledger/: what became of a URL
LEDGER = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("final_url", pa.string()),  # after redirects
        ("error", pa.string()),  # null: the page is there; otherwise the class of the error
        ("detail", pa.string()),
        ("status", pa.int16()),  # the last HTTP status, null where no answer came
        ("attempts", pa.int16()),
        ("redirects", pa.list_(pa.string())),  # the URLs passed on the way, first asked first
        ("content_type", pa.string()),
        ("bytes", pa.int64()),  # of the body, after transfer and content coding are undone
        ("truncated", pa.bool_()),  # cut at the size cap
        ("digest", pa.string()),  # WARC-Payload-Digest
        ("started", pa.timestamp("ms", tz="UTC")),
        ("seconds", pa.float64()),
        ("archive", pa.string()),  # null: the live site; otherwise the archive that the capture comes from
        ("captured", pa.timestamp("ms", tz="UTC")),
        ("warc", pa.string()),  # the file with the response: relative to pages/, or as the configuration names an archive's
        ("offset", pa.int64()),  # of the response record in it
        ("length", pa.int64()),
    ]
)

# documents/: the text of a page or of a record of one's own files
DOCUMENT = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("title", pa.string()),
        ("text", pa.string()),
        ("extractor", pa.string()),
        ("score", pa.int64()),  # the best of its posts
        ("subreddits", pa.list_(pa.string())),  # sorted
        ("created_utc", pa.int64()),  # of its oldest post
        ("meta", pa.string()),  # JSON: the other columns of the user's record
    ]
)

# cleaned/: what the cleaning rules left
CLEANED = DOCUMENT.append(pa.field("language", pa.string()))  # ISO 639-1

# corpus/: the documents that stay, each with its part
CORPUS = CLEANED.append(pa.field("split", pa.string()))

# duplicates/pairs: a document and the one that it is a near copy of
PAIR = pa.schema(
    [
        ("kept_id", pa.string()),
        ("kept_url", pa.string()),
        ("removed_id", pa.string()),
        ("removed_url", pa.string()),
        ("jaccard", pa.float64()),  # of the two sets of shingles
        ("method", pa.string()),  # how it was found: docs/formats.md
        ("band", pa.int16()),  # the first band of the signature in which they met, null for exact copies
        ("contained", pa.float64()),  # share of the removed document's words that stand in the other in runs, null unless compared by them
        ("shared_run", pa.int32()),  # words of the longest of these runs
        ("decided_by", pa.string()),  # what the other has before the removed document
    ]
)

# duplicates/clusters: documents of which one stands for the others
CLUSTER = pa.schema(
    [
        ("cluster", pa.string()),  # id of the document that stands for them
        ("id", pa.string()),
        ("url", pa.string()),
        ("kept", pa.bool_()),
        ("why", pa.string()),
    ]
)

# duplicates/quotations: test sets that documents quote
QUOTATION = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("outcome", pa.string()),  # of the document: dropped or cut
        ("test_set", pa.string()),
        ("example", pa.string()),  # its id: the example with most of the quotation
        ("words", pa.int32()),
        ("start", pa.int64()),  # in the UTF-8 of the document's text, in normal form C
        ("end", pa.int64()),
        ("text", pa.string()),
    ]
)

# tokens/index/: where a document lies
TOKENS = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("split", pa.string()),
        ("shard", pa.string()),  # the file in tokens/
        ("offset", pa.int64()),  # of its first token, counted in tokens from the first of the file
        ("length", pa.int64()),  # in tokens, with the <|endoftext|> that ends it
    ]
)

# stages/*/rejected/: what a stage rejected, and why
REJECTED = pa.schema([("url", pa.string()), ("id", pa.string()), ("reason", pa.string()), ("detail", pa.string())])

SPLITS = ("train", "val", "test")
