"""The commands of `webtext`, each a few lines over what does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from webtext.cli.export import export
from webtext.cli.extract_pages import print_pages
from webtext.cli.finetune import finetune
from webtext.cli.links import show_links
from webtext.cli.stage_groups import ngrams, tokenizer
from webtext.cli.stage_options import Settings, stage_command
from webtext.core.config_file import load_config, parse_setting, print_config
from webtext.core.errors import UsageError, WebtextError
from webtext.core.log import VERBOSE, configure_log
from webtext.core.packages import version
from webtext.cost.command import cost

app = typer.Typer(
    name="webtext",
    help="Rebuild WebText, the corpus of GPT-2: Reddit's links to pages, text, a corpus, overlap reports, tokens and a model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

BEAM = {"allow_extra_args": True}  # what follows `--` is for Beam


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"webtext {version()}")
        raise typer.Exit


@app.callback()
def common(
    show_version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="log to standard error; by module with WEBTEXT_LOG=MODULE=LEVEL,…")] = False,
) -> None:
    """Options of all commands."""
    if verbose:
        configure_log(VERBOSE)


@app.command(context_settings=BEAM)
def build(
    context: typer.Context,
    config: Annotated[Path | None, typer.Argument(help="configuration (TOML)", show_default=False)] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="directory of the build, or a URL that Beam knows (gs://…)", show_default=False),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="worker processes; 0: one a core, 1 for small inputs", show_default=False)] = None,
    settings: Settings = None,
    reuse: Annotated[bool, typer.Option("--reuse", help="take over a directory that was built from other sources")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only show what would be done; for Dataflow write the description of each job")
    ] = False,
    descriptions: Annotated[Path, typer.Option(help="directory for the descriptions of --dry-run")] = Path("dry-run"),
    show: Annotated[
        bool, typer.Option("--print-config", help="print the whole default configuration with a comment a key, and exit")
    ] = False,
) -> None:
    """Run all stages of a build; a stage that is up to date is skipped.

    Beam's own options follow --, as in: webtext build c.toml --out gs://bucket/dir -- --runner DataflowRunner --project p
    """
    overrides = dict(map(parse_setting, settings or []))
    if workers is not None:
        overrides["run.workers"] = workers
    if show:
        typer.echo(print_config(load_config(config, overrides) if config else None), nl=False)
        return
    if config is None or out is None:
        raise UsageError("give a configuration and --out DIR, as in: webtext build examples/wcxb.toml --out wcxb")
    if dry_run:
        from webtext.cli.dry_run import plan_build, show_plans

        show_plans(plan_build(load_config(config, overrides), out, context.args, descriptions))
        return
    from pipelines.filesystem import is_url
    from webtext.cli import console
    from webtext.cli.build import run_build

    results = run_build(load_config(config, overrides), out, context.args, reuse=reuse, on_stage_done=console.print_stage_line)
    if any(done.ran for done in results):
        console.print_summary(results)
        if is_url(out):
            console.out.print(f"the build is at {out}")
        else:
            console.print_results(Path(out), f"webtext why URL --out {out}")
    else:
        console.out.print(f"nothing to do: {out} is up to date with {config}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="directory of the build")] = Path("demo-build"),
    workers: Annotated[int, typer.Option(help="worker processes; 0: one a core, 1 for small inputs")] = 0,
) -> None:
    """Build a corpus from a small web that is made of Python's own documentation and served on this machine: no network, some minutes."""
    from webtext.cli.demo import run_demo

    run_demo(out, workers)


@app.command()
def why(
    url: Annotated[str, typer.Argument(help="URL, as posted or canonical")],
    out: Annotated[Path, typer.Option("--out", help="directory of the build")],
) -> None:
    """Show what each stage did with a URL, and why."""
    from webtext.cli.build_directory import open_build
    from webtext.cli.console import out as console
    from webtext.report.why import why as story

    events = story(open_build(out), url)
    if not events:
        raise WebtextError(f"{url}: no stage of {out} has seen it; it is in none of its sources")
    for event in events:
        mark = "[green]kept[/]" if event.kept else "[red]rejected[/]"
        console.print(f"{event.stage:<10} {mark}  ", end="")
        console.print(event.text, markup=False)


@app.command()
def source(
    directory: Annotated[Path, typer.Argument(help="directory of the build")],
    position: Annotated[int | None, typer.Option(help="token, counted from the first of the shard", min=0, show_default=False)] = None,
    shard: Annotated[str, typer.Option(help="token shard that --position counts in")] = "train-00000.bin",
    find: Annotated[str | None, typer.Option(help="text to look for in the corpus", show_default=False)] = None,
    url: Annotated[str | None, typer.Option(help="URL, as posted or canonical", show_default=False)] = None,
    limit: Annotated[int, typer.Option(help="documents shown at the most; 0: all", min=0)] = 20,
    show: Annotated[int, typer.Option(help="tokens of text to show from there on", min=0)] = 0,
) -> None:
    """Show which document, URL and Reddit posts a token or a text comes from, or which tokens come from a URL."""
    from webtext.cli.build_directory import open_build
    from webtext.cli.source import print_sources

    if sum(asked is not None for asked in (position, find, url)) != 1 or find == "":
        raise UsageError("give one of --position N, --find TEXT and --url URL")
    print_sources(open_build(directory), shard, position, find, url, limit, show)


@app.command()
def sample(
    directory: Annotated[Path, typer.Argument(help="directory of the build")],
    prompt: Annotated[str, typer.Option(help="text to continue; empty: begin a document")] = "",
    tokens: Annotated[int, typer.Option(help="tokens at the most", min=1)] = 200,
    temperature: Annotated[float, typer.Option(help="0: always the most probable token", min=0)] = 1.0,
    top_k: Annotated[int, typer.Option(help="choose among so many tokens; 0: all", min=0)] = 40,
    top_p: Annotated[float, typer.Option(help="choose among the tokens that hold this share of the probability", min=0, max=1)] = 1.0,
    seed: Annotated[int, typer.Option(help="of the choice", min=0)] = 1,
    count: Annotated[int, typer.Option(help="samples", min=1)] = 1,
    tokenizer: Annotated[str, typer.Option(help="of the model, if not in the build: directory, tokenizer.json, or gpt2")] = "",
) -> None:
    """Generate text with the trained model."""
    from webtext.cli.build_directory import open_build
    from webtext.cli.sample import write_samples

    write_samples(open_build(directory), prompt, tokens, temperature, top_k, top_p, seed, count, tokenizer)


STAGES = ("links", "fetch", "documents", "extract", "clean", "dedup", "decontaminate", "overlap", "tokenize", "train", "evaluate", "report")
for _stage in STAGES:
    app.command(_stage, context_settings=BEAM)(
        stage_command(_stage, {"links": show_links}.get(_stage), print_pages if _stage == "extract" else None)
    )
app.command()(export)
app.command()(cost)
app.command()(finetune)
app.add_typer(ngrams, name="ngrams")
app.add_typer(tokenizer, name="tokenizer")
