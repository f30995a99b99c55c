"""The configuration of a build: TOML, checked at the start, every key described."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, model_validator

from webtext.core.model_sections import EvaluateSection, TrainSection
from webtext.core.section import Day, Section, Share, key, one_of

PUBLISHED = ("gpt2", "cl100k_base", "o200k_base")  # as paths, where there is no such file: published tokenizers by tiktoken's names


class BuildSection(Section):
    shards: int = key(16, "number of shards; a URL belongs to the shard of its host, whatever the workers", ge=1, le=100_000)


class RunSection(Section):
    workers: int = key(0, "worker processes on this machine; 0: one a core, 1 for small inputs", affects_output=False, ge=0, le=1024)


class LinksSection(Section):
    dumps: list[str] = key(
        [],
        "Reddit submissions (NDJSON), Hacker News items, or lists of URLs (text, CSV, JSONL, Parquet: `url`; score, created, title where "
        "there are), also .zst, .xz, .lzma, .bz2, .gz; paths, URLs of file systems that Beam knows (gs://…), and globs",
        affects_output=False,
        file=True,
    )
    subreddits: list[str] = key(
        [],
        "listings of Reddit's live API: SUBREDDIT (its newest posts), SUBREDDIT/new, SUBREDDIT/hot or SUBREDDIT/top/TIME; some 1,000 posts "
        "each, asked for once and kept in reddit/ of the build; credentials from praw.ini or the environment",
        affects_output=False,
    )
    praw_site: str = key("", "section of praw.ini with the credentials; empty: DEFAULT", affects_output=False)
    min_score: int = key(3, "karma that a link needs (the paper: at least 3)")
    score_rule: Literal["max", "sum", "each"] = key(
        "max", "what must reach it: the best post of the URL (max), all its posts together (sum), or each post counted (each)"
    )
    before: Day = key(
        date(2018, 1, 1), "posts created on or after this day (UTC) are rejected (the paper: December 2017 is the last month)"
    )
    after: Day | None = key(None, "posts created before this day (UTC) are rejected; empty: none")
    over_18: bool = key(False, "keep posts that are marked as not safe for work")
    removed: bool = key(False, "keep posts that moderators or Reddit removed, or their authors deleted")
    block_subreddits: list[str] = key([], "subreddits whose posts are rejected, without r/, any case")
    block_hosts: list[str] = key([], "hosts rejected with their subdomains, beside the built-in list: example.org, *.example.org")
    allow_hosts: list[str] = key([], "hosts kept although the built-in list has them")
    max_broken: float = key(0.001, "share of broken lines in a dump above which the run fails", ge=0, le=1)


class ArchiveSection(Section):
    indexes: list[str] = key(
        [],
        "CDX servers that are asked for links that are dead, as https://web.archive.org/cdx/search/cdx or "
        "https://index.commoncrawl.org/CC-MAIN-2017-51-index; empty: none",
    )
    playback: str = key(
        "https://web.archive.org/web/{timestamp}id_/{url}",
        "where a capture is had as it came, for an index that names no WARC files",
        pattern=r"^https?://.*\{timestamp\}.*\{url\}$",
    )
    warcs: str = key(
        "https://data.commoncrawl.org/",
        "where the WARC files lie that an index names; empty: its captures are had by playback too",
        pattern=r"^(https?://.*/)?$",
    )
    days: int = key(365, "days between a post and the capture of its link, at most; 0: any", ge=0, le=20_000)
    robots: bool = key(False, "obey the archives' own robots.txt, which bars crawlers from what their interfaces offer to programs")


class FetchSection(Section):
    warcs: list[str] = key([], "take pages from these WARC files instead of the network; paths and globs", affects_output=False, file=True)
    max_damaged: int = key(100, "damaged records in an archive of `warcs` above which the run fails", ge=0, affects_output=False)
    contact: str = key(
        "", "e-mail address or URL for the site owners, part of the User-Agent; required on the network", affects_output=False
    )
    user_agent: str = key("webtext/0.1", "name of the crawler, matched against robots.txt", pattern=r"^[!-~]+$")
    per_host_delay: float = key(1.0, "seconds between two requests to a host", ge=0, le=3600)
    verify: bool = key(True, "check the certificates of https servers; without it expired and self-signed ones are accepted")
    hosts_at_once: int = key(64, "hosts that a worker asks at the same time, one connection each", affects_output=False, ge=1, le=4096)
    connect_timeout: float = key(10.0, "seconds to connect", gt=0, le=600)
    page_timeout: float = key(60.0, "seconds for a whole page, redirects included", gt=0, le=3600)
    max_bytes: int = key(10 * 2**20, "bytes of a page after decoding; a longer one is cut and marked", ge=1024, le=2**28)
    max_redirects: int = key(10, "redirects followed", ge=0, le=20)
    retries: int = key(2, "further attempts after a time-out, a broken connection, 429 or 5xx", ge=0, le=20)
    retry_wait: float = key(5.0, "seconds before the first further attempt, doubled each time; Retry-After comes first", ge=0, le=3600)
    longest_wait: float = key(
        300.0, "seconds; a host whose Crawl-delay or Retry-After is longer is given up instead of waited for", ge=0, le=86_400
    )
    soft_404: bool = key(
        True, "reject answers that stand for pages that are gone: a front page, an error page, a parked domain; a host is probed in doubt"
    )
    robots: bool = key(True, "obey robots.txt (RFC 9309)")
    noai: bool = key(True, "reject pages that X-Robots-Tag or a robots meta tag marks as noai")
    content_signal: bool = key(True, "reject pages whose robots.txt or headers say Content-Signal: ai-train=no")
    content_usage: bool = key(True, "reject pages whose robots.txt or headers say Content-Usage: train-ai=n")
    tdm_reservation: bool = key(
        True,
        "reject pages whose headers, meta tag, or host in /.well-known/tdmrep.json (asked for once) say tdm-reservation: 1",
    )
    noindex: bool = key(False, "reject pages that X-Robots-Tag or a robots meta tag marks as noindex")
    opt_out: list[str] = key([], "hosts (with their subdomains) and URL prefixes (https://example.org/private/) that are never asked for")
    content_types: list[str] = key(["text/html", "application/xhtml+xml", "text/plain"], "kinds of content that are kept")
    allow_private: bool = key(False, "allow addresses that are private, loopback or link-local", affects_output=False)
    connect_to: str = key(
        "", "host:port that stands in for every host, as curl's --connect-to (for tests)", affects_output=False, pattern=r"^(\S+:\d+)?$"
    )
    fixed_time: str = key(
        "",
        "time written into WARC records and the ledger instead of the clock's (RFC 3339), for archives that are equal byte by byte",
        pattern=r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?$",
    )
    warc_bytes: int = key(10**9, "bytes after which another WARC file of a shard is begun", ge=2**20)
    archive: ArchiveSection = key(ArchiveSection(), "archives of the web that are asked for links that are dead")


DocumentFormat = Literal["auto", "jsonl", "json", "parquet", "arrow", "csv", "tsv", "text", "wet", "tar"]
DocumentUnit = Literal["document", "line", "paragraph"]


class DocumentsSection(Section):
    files: list[str] = key(
        [],
        "texts to begin with: JSONL, JSON, Parquet, Arrow, CSV, TSV, text, WET, tar, `datasets` directories, builds; paths, URLs, globs",
        affects_output=False,
        file=True,
    )
    text_field: str = key("", "field or column of the text; empty: guessed, and printed")
    id_field: str = key("", "field of the record's own id; empty: guessed; where there is none the id follows from the text")
    url_field: str = key("", "field of the URL; empty: guessed")
    date_field: str = key("", "field of the date; empty: guessed")
    title_field: str = key("", "field of the title; empty: guessed")
    format: Annotated[str, one_of(*get_args(DocumentFormat))] = key(
        "auto",
        "how to read the files: jsonl, json, parquet, arrow, csv, tsv, text, wet, tar, or a function of a path that gives records "
        "(file.py:function); auto: by first bytes and ending",
        function=True,
    )
    unit: DocumentUnit = key("document", "what of a plain text is a document: the file, a line, or a paragraph")
    max_broken: float = key(0.001, "share of broken records in a file above which the run fails", ge=0, le=1)


class ExtractSection(Section):
    engine: Annotated[str, one_of("combined", "blocks", "trafilatura", "newspaper3k")] = key(
        "combined",
        "what finds the text of a page: combined, blocks, trafilatura, newspaper3k, or a function of HTML and URL (file.py:function)",
        function=True,
    )
    markdown: bool = key(False, "documents hold Markdown in `text`; else plain text, a paragraph a line")
    drop_wikipedia: bool = key(True, "reject pages whose markup or text says that they are copies of Wikipedia articles")
    max_bytes: int = key(5 * 2**20, "bytes of HTML above which a page is rejected", ge=1024)
    page_seconds: float = key(30.0, "processor seconds that a page may take", gt=0, le=600)
    page_memory: int = key(4 * 2**30, "bytes of address space that the process which extracts pages may take", ge=2**29)


class CleanSection(Section):
    enabled: bool = key(True, "clean the documents; without it the next stage reads documents/ as they are", affects_output=False)
    preset: Literal["gpt2", "c4", "gopher", "fineweb", "c4-datatrove", "gopher-datatrove", "fineweb-datatrove", "none"] = key(
        "gpt2", "rules that a text must meet, by name; those of datatrove decide as its code does, the others as the papers say"
    )
    rules: list[str] = key(
        [],
        "further rules: functions of a text, as my_rules.py:no_recipes or package.module:rule; they return None, a reason, or Edited(text)",
        function=True,
    )
    max_failed: float = key(0.01, "share of a shard's documents on which such a rule may fail before the run does", ge=0, le=1)
    languages: list[str] = key(["en"], "languages kept (ISO 639-1); empty: all")
    language_certainty: float = key(
        0.5, "share of the text that its language must have; else the language is not known, which is none of those kept", ge=0, le=1
    )
    min_characters: int = key(200, "a shorter text is rejected (gpt2)", ge=0)
    max_duplicate_lines: float = key(
        0.3, "share of the characters in one stretch of repeated lines above which a text is rejected (gpt2)", ge=0, le=1
    )
    c4_min_words: int = key(5, "a line of fewer words is deleted (c4, fineweb)", ge=0)
    c4_min_sentences: int = key(3, "a text of fewer sentences is rejected (c4, fineweb)", ge=0)
    c4_bad_words: list[str] = key([], "words of which a text may have none (c4); the paper took the published list of LDNOOBW")
    gopher_min_words: int = key(50, "a text of fewer words is rejected (gopher, fineweb)", ge=0)
    gopher_max_words: int = key(100_000, "a text of more words is rejected (gopher, fineweb)", ge=1)
    gopher_min_word_length: float = key(3.0, "characters of the mean word below which a text is rejected (gopher, fineweb)", ge=0)
    gopher_max_word_length: float = key(10.0, "characters of the mean word above which a text is rejected (gopher, fineweb)", ge=1)
    gopher_max_symbols: float = key(0.1, "hash signs a word, or ellipses, above which a text is rejected (gopher, fineweb)", ge=0)
    gopher_max_bullet_lines: float = key(
        0.9, "share of lines that begin with a bullet above which a text is rejected (gopher, fineweb)", ge=0, le=1
    )
    gopher_max_ellipsis_lines: float = key(
        0.3, "share of lines that end in an ellipsis above which a text is rejected (gopher, fineweb)", ge=0, le=1
    )
    gopher_min_alphabetic_words: float = key(
        0.8, "share of words with a letter below which a text is rejected (gopher, fineweb)", ge=0, le=1
    )
    gopher_min_stop_words: int = key(
        2, "different words of the, be, to, of, and, that, have, with that a text must have (gopher, fineweb)", ge=0, le=8
    )
    gopher_max_duplicate_lines: float = key(0.3, "share of repeated lines above which a text is rejected (gopher, fineweb)", ge=0, le=1)
    gopher_max_duplicate_line_characters: float = key(
        0.2, "share of the characters in repeated lines above which a text is rejected (gopher, fineweb)", ge=0, le=1
    )
    gopher_max_top_n_grams: list[Share] = key(
        [0.20, 0.18, 0.16],
        "share of the characters in the most frequent n-gram above which a text is rejected, for 2, 3, 4 words (gopher, fineweb)",
    )
    gopher_max_duplicate_n_grams: list[Share] = key(
        [0.15, 0.14, 0.13, 0.12, 0.11, 0.10],
        "share of the characters in repeated n-grams above which a text is rejected, for 5 to 10 words (gopher, fineweb)",
    )
    fineweb_min_punctuated_lines: float = key(
        0.12, "share of lines that end in punctuation up to which a text is rejected (fineweb)", ge=0, le=1
    )
    fineweb_max_duplicate_lines: float = key(
        0.1, "share of the characters in repeated lines from which on a text is rejected (fineweb)", ge=0, le=1
    )
    fineweb_max_short_lines: float = key(0.67, "share of short lines from which on a text is rejected (fineweb)", ge=0, le=1)
    fineweb_short_line: int = key(30, "characters below which a line is short (fineweb)", ge=0)


BenchmarkFormat = Literal[
    "auto", "lambada", "wikitext", "ptb", "1bw", "enwik8", "text8", "cbt", "winograd", "coqa", "squad", "nq_open", "cnn_dailymail", "wmt",
    "text", "lines", "document", "jsonl", "json", "csv", "tsv", "parquet", "arrow",
]  # fmt: skip


class Benchmark(Section):
    name: str = key(..., "name in the report and of its files", pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._+-]*$")
    path: str = key(..., "file of the test set, or a directory or glob of files", affects_output=False, file=True)
    format: BenchmarkFormat = key("auto", "how to read it; auto: by name, ending and first bytes")
    field: str | list[str] = key(
        "text", "field of the text in records, or a list of fields to join; questions or highlights where a format has them", min_length=1
    )
    layout: str = key("auto", "where question, choices, answer and passage are: a name in overlap/data/benchmarks.toml, auto or none")
    train: str = key("", "the benchmark's own training set, for the second row of the paper's table", affects_output=False, file=True)

    @property
    def stem(self) -> str:
        """The stem of its files."""
        return self.name.replace(" ", "-")


def _named_apart(benchmarks: list[Benchmark]) -> list[Benchmark]:
    stems = [benchmark.stem.lower() for benchmark in benchmarks]
    for stem in stems:
        if stems.count(stem) > 1:
            raise ValueError(f"two benchmarks are named {stem!r}; give each a name of its own")
    return benchmarks


Benchmarks = Annotated[list[Benchmark], AfterValidator(_named_apart)]


def _benchmark(given: Any, known: Any) -> Any:
    """The table of a benchmark that is given by its name among the `known` tables, or by its path alone."""
    if not isinstance(given, str):
        return given
    for table in known if isinstance(known, list) else ():
        if isinstance(table, dict) and table.get("name") == given:
            return {name: value for name, value in table.items() if name != "train"}
    stem = Path(re.sub(r"\.(zst|gz|bz2|xz|zip)$", "", given)).stem
    return {"name": re.sub(r"[^A-Za-z0-9 ._+-]+|^[ ._+-]+", "", stem) or "benchmark", "path": given}


class DedupSection(Section):
    enabled: bool = key(
        True, "make corpus/; without it later stages read what lies before, all of it as training text", affects_output=False
    )
    copies: bool = key(True, "remove exact and near copies; without it only what `decontaminate` says is removed")
    threshold: float = key(0.8, "Jaccard similarity of two near copies", gt=0, lt=1)
    permutations: int = key(128, "length of a MinHash signature", ge=16, le=1024)
    shingle_words: int = key(5, "words of a shingle", ge=1, le=32)
    containment: float = key(
        0.0,
        "share of a document's words, in runs of `shingle_words`, in one other document from which on it is removed; 0: not looked for,"
        " as in the paper; 0.9 is recommended: it finds copies that were cut, edited or framed",
        ge=0,
        le=1,
    )
    keep: Literal["first", "best-score", "longest", "preferred-hosts", "none"] = key(
        "first",
        "which of some copies stays: first is that of the oldest post; with none, all of them go; docs/formats.md says what decides next",
    )
    preferred_hosts: list[str] = key([], "hosts whose copies stay, the dearest first, with keep = preferred-hosts; with their subdomains")
    partitions: int = key(16, "parts of the band join; one is held in memory at a time", ge=1, le=4096)
    against: list[str] = key(
        [], "directories of finished builds: documents of their corpus are rejected here", affects_output=False, file=True
    )
    val_share: float = key(0.05, "share of the clusters held out for tuning (the paper: 5 %)", ge=0, lt=0.5)
    test_share: float = key(0.005, "share of the clusters held out for testing", ge=0, lt=0.5)
    decontaminate: Benchmarks = key([], "test sets that no document may quote: paths, names of overlap.benchmarks, or tables as there")
    decontaminate_by: Literal["drop", "cut"] = key(
        "drop", "what becomes of a document with a quotation: it is dropped, or the quotation is cut out with 200 bytes on both sides"
    )
    decontaminate_edits: float = key(
        0.0, "share of an example's words that may be changed, added or left out in a document that quotes it; 0: as they are", ge=0, le=0.4
    )
    decontaminate_words: int = key(
        13, "words of a test set in a row that are a quotation; of a shorter example, all of its words (8 at least)", ge=8, le=255
    )


class NgramsSection(Section):
    words: int = key(8, "words of an n-gram", ge=1, le=64)
    error_rate: float = key(1e-8, "false positives of a filter (the paper: at most 1 in 10^8)", gt=0, lt=0.5)
    partitions: int = key(4, "filters, each with the n-grams of its part of the hashes; one is built in memory at a time", ge=1, le=65536)
    keep_hashes: bool = key(False, "write the sorted hashes beside the filters: exact, 8 bytes an n-gram; needed to merge releases")


class OverlapSection(Section):
    benchmarks: Benchmarks = key([], "test sets to report on: paths, or tables with name, path, format, field and train")
    heavy: float = key(0.15, "share of an example's n-grams above which it counts as heavily overlapped (the paper: 15 %)", ge=0, le=1)
    spans: int = key(20, "examples shown for a test set, those with the longest matches", ge=0, le=10_000)
    probes: int = key(1_000_000, "generated strings that measure the filters' false positives (the paper: 1 million)", ge=1, le=10**10)
    edits: float = key(
        0.3,
        "share of an example's words, weighted by rarity, that may be changed, added or left out for it to count as contaminated; "
        "0: only report n-grams",
        ge=0,
        le=0.4,
    )
    quotation_words: int = key(13, "words of a test set in a row by which a document of the corpus quotes it", ge=8, le=255)


class TokenizerSection(Section):
    vocabulary: int = key(50_257, "tokens with the 256 bytes and <|endoftext|>", ge=257, le=2**31)
    path: str = key(
        "",
        "use this tokenizer instead of training one: directory, tokenizer.json, GPT-2's or tiktoken's files, gpt2, cl100k_base, o200k_base",
        affects_output=False,
        file=True,
    )

    def fingerprint_fields(self) -> dict[str, Any]:
        """With the name of a tokenizer that is not among the files of the build's sources."""
        return {**super().fingerprint_fields(), **({"path": self.path} if self.path in PUBLISHED else {})}


TokenFormat = Literal["nanogpt", "megatron", "parquet", "mds", "litdata"]


class TokenizeSection(Section):
    shard_tokens: int = key(100_000_000, "tokens of a shard file, at most but for a document; those of a split are equally long", ge=1024)
    shuffle: bool = key(True, "deal the documents of a split in an order that the seed gives; false: by host, as the corpus has them")
    seed: int = key(1, "of the order of documents", ge=0, lt=2**64)
    format: list[TokenFormat] = key(
        [],
        "write the tokens once more: nanogpt, megatron, parquet, mds, litdata; llm.c and modded-nanogpt read the shards",
    )


class ReportSection(Section):
    domains: str = key(
        "", "OpenAI's list of WebText's domains (domains.txt of openai/gpt-2), to compare the corpus with", affects_output=False, file=True
    )


class Config(Section):
    """A whole configuration, a section a stage."""

    build: BuildSection = BuildSection()
    run: RunSection = RunSection()
    links: LinksSection = LinksSection()
    fetch: FetchSection = FetchSection()
    documents: DocumentsSection = DocumentsSection()
    extract: ExtractSection = ExtractSection()
    clean: CleanSection = CleanSection()
    dedup: DedupSection = DedupSection()
    ngrams: NgramsSection = NgramsSection()
    overlap: OverlapSection = OverlapSection()
    tokenizer: TokenizerSection = TokenizerSection()
    tokenize: TokenizeSection = TokenizeSection()
    train: TrainSection = TrainSection()
    evaluate: EvaluateSection = EvaluateSection()
    report: ReportSection = ReportSection()

    @model_validator(mode="before")
    @classmethod
    def _benchmarks_by_name(cls, values: Any) -> Any:
        """Benchmarks given as strings, as a command line does, become tables."""
        if not isinstance(values, dict):
            return values
        values = {name: dict(table) if isinstance(table, dict) else table for name, table in values.items()}
        known = values["overlap"].get("benchmarks") if isinstance(values.get("overlap"), dict) else None
        for section, name in (("overlap", "benchmarks"), ("dedup", "decontaminate")):
            table = values.get(section)
            if isinstance(table, dict) and isinstance(table.get(name), list):
                table[name] = [_benchmark(given, known) for given in table[name]]
        return values
