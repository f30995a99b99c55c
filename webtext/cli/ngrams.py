"""`webtext ngrams query|report|about|merge`: what a release of n-gram filters is asked, says of itself, and is made of."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from webtext.core.errors import UsageError

if TYPE_CHECKING:
    from webtext.ngrams import Answer, Exact, Filters

STDIN = Path("-")
LEAD, TAIL = 160, 60  # characters of a long match that are printed from its beginning and its end
Release = Annotated[Path, typer.Argument(help="ngrams/ of a build, or a copy of it")]
Json = Annotated[bool, typer.Option("--json", help="print JSON, with every match in full")]


def query(
    directory: Release,
    files: Annotated[list[Path] | None, typer.Argument(help="text files, plain or compressed; - or none: standard input")] = None,
    text: Annotated[str | None, typer.Option(help="text to ask about, instead of files", show_default=False)] = None,
    matches: Annotated[int, typer.Option(help="matches printed for a text, the longest first; 0: all", min=0)] = 10,
    exact: Annotated[bool, typer.Option("--exact", help="ask the sorted hashes beside the filters, which never err")] = False,
    as_json: Json = False,
) -> None:
    """Tell how much of a text stands in the corpus, and which passages, without the corpus."""
    from webtext.ngrams import Exact, Filters
    from webtext.ngrams import query as ask

    if text is not None and files:
        raise UsageError("give either files or --text")
    release = Exact.open(directory) if exact else Filters.open(directory)
    asked = [("text", text)] if text is not None else [(_name(path), _read(path)) for path in files or [STDIN]]
    answers = [(name, ask(release, content)) for name, content in asked]
    if as_json:
        _print_json({"release": _facts(release), "texts": [_record(name, answer) for name, answer in answers]})
        return
    for name, answer in answers:
        _print_answer(name, answer, release.words, matches)


def _name(path: Path) -> str:
    return "standard input" if path == STDIN else str(path)


def _read(path: Path) -> str:
    from webtext.overlap.sources import decoded, whole

    if path != STDIN:
        return decoded(whole(path), path)
    if sys.stdin.isatty():
        raise UsageError("nothing to ask about: give text files, --text TEXT, or text on standard input")
    return decoded(sys.stdin.buffer.read(), Path("standard input"))


def _record(name: str, answer: Answer) -> dict[str, Any]:
    found = {"words": answer.words, "ngrams": answer.ngrams, "found": answer.found}
    longest_first = sorted(answer.matches, key=lambda match: match.first - match.last)
    matches = [
        {"first_word": match.first, "words": match.last - match.first, "start": match.start, "end": match.end, "text": match.text}
        for match in longest_first
    ]
    return {"name": name, **found, "share": round(answer.found / answer.ngrams, 6) if answer.ngrams else None, "matches": matches}


def _print_answer(name: str, answer: Answer, words: int, most: int) -> None:
    from webtext.cli.console import out as console

    if not answer.ngrams:
        console.print(f"{name}: {answer.words} words, too short to ask: an n-gram has {words}", markup=False, soft_wrap=True)
        return
    share = 100 * answer.found / answer.ngrams
    console.print(f"{name}: {answer.found:,} of {answer.ngrams:,} {words}-grams found, {share:.2f} %", markup=False, soft_wrap=True)
    longest_first = sorted(answer.matches, key=lambda match: match.first - match.last)
    for match in longest_first[: most or None]:
        passage = " ".join(match.text.split())
        if len(passage) > LEAD + TAIL + 20:
            passage = f"{passage[:LEAD]} […] {passage[-TAIL:]}"
        console.print(f"{match.last - match.first:>7,} words from word {match.first + 1:,}: {passage}", markup=False, soft_wrap=True)
    if 0 < most < len(longest_first):
        console.print(f"        and {len(longest_first) - most:,} shorter ones; --matches 0 prints all", markup=False, soft_wrap=True)


def report(
    directory: Release,
    benchmarks: Annotated[list[Path] | None, typer.Argument(help="test sets: files, compressed or not, or directories")] = None,
    out: Annotated[Path, typer.Option("--out", help="directory for the reports")] = Path("overlap"),
    config: Annotated[
        Path | None, typer.Option(help="configuration whose [overlap] names test sets and the rest", show_default=False)
    ] = None,
) -> None:
    """Report how much of test sets stands in the corpus of a release, as `webtext overlap` does for a build."""
    from webtext.cli.console import out as console
    from webtext.core.config_file import load_config, parse_config
    from webtext.overlap.release_report import report_on_release

    given = {"overlap.benchmarks": [str(path) for path in benchmarks]} if benchmarks else {}
    section = (load_config(config, given) if config else parse_config("", "test sets", given)).overlap
    if not section.benchmarks:
        raise UsageError("give test sets, as in: webtext ngrams report ngrams lambada_test.jsonl --out overlap")
    report_on_release(directory, section, out, lambda name: console.print(name, markup=False))
    console.print(f"look at {out / 'overlap.html'}", markup=False, soft_wrap=True)


def about(
    directory: Release,
    probes: Annotated[int, typer.Option(help="generated strings that measure the false positives; 0: do not measure", min=0)] = 1_000_000,
    as_json: Json = False,
) -> None:
    """Check a release of filters; tell what it holds and how often it errs, by its bits, and measured with strings that no corpus has."""
    from webtext.cli.console import out as console
    from webtext.ngrams import Filters
    from webtext.ngrams.query import probe, upper_limit

    release = Filters.open(directory)
    release.check(directory)
    facts = _facts(release)
    if probes:
        hits = probe(release, probes)
        facts |= {"probes": probes, "hits": hits, "measured_at_most_95_percent": upper_limit(hits, probes)}
    if as_json:
        _print_json(facts)
        return
    for name, value in facts.items():
        console.print(f"{name.replace('_', ' '):<28} {f'{value:,}' if isinstance(value, int) else value}", markup=False, soft_wrap=True)


def _facts(release: Filters | Exact) -> dict[str, Any]:
    header = release.headers[0]
    return {
        "words": release.words,
        "distinct_ngrams": release.count,
        "partitions": len(release.headers),
        "normaliser": header.normaliser,
        "build": header.build,
        "false_positive_rate": float(f"{release.false_positive_rate:.6g}"),
    }


def merge(
    releases: Annotated[list[Path], typer.Argument(help="directories of releases with their hashes (ngrams.keep_hashes), two or more")],
    out: Annotated[Path, typer.Option("--out", help="directory of the new release")],
    partitions: Annotated[int | None, typer.Option(help="filters of it; as many as the most of them have", min=1, max=65536)] = None,
    error_rate: Annotated[float | None, typer.Option(help="its false positives; the lowest that one of them has", max=0.499)] = None,
    keep_hashes: Annotated[bool, typer.Option(help="write the hashes too, so that it can be merged again")] = True,
) -> None:
    """Make one release out of several, as if of all their corpora."""
    from webtext.cli.console import out as console
    from webtext.core.config import NgramsSection
    from webtext.ngrams import merge_releases
    from webtext.ngrams.filters import filter_name, read_header

    if len(releases) < 2:
        raise UsageError("give two releases at least, as in: webtext ngrams merge may/ngrams june/ngrams --out both")
    if list(out.glob("*.bloom")):
        raise UsageError(f"{out}: holds a release already; choose another --out")
    if error_rate is not None and error_rate <= 0:
        raise UsageError(f"--error-rate {error_rate}: give a rate above 0, as in 1e-8")
    firsts = [read_header(directory / filter_name(0)) for directory in releases]
    section = NgramsSection(
        words=firsts[0].words,
        partitions=partitions or max(header.partitions for header in firsts),
        error_rate=error_rate or min(header.error_rate for header in firsts),
        keep_hashes=keep_hashes,
    )
    count = sum(header.count for header in merge_releases(releases, out, section))
    console.print(f"{count:,} different {section.words}-grams of {len(releases)} releases in {out}", markup=False, soft_wrap=True)


def _print_json(value: Any) -> None:
    from webtext.core.files import to_json

    sys.stdout.buffer.write(to_json(value))
