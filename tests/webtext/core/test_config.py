from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from webtext.core.config import Config
from webtext.core.config_file import RENAMED, load_config, parse_config, parse_setting, print_config, source_files
from webtext.core.errors import UsageError

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "examples").glob("*.toml"))


def test_the_printed_configuration_is_the_default_one() -> None:
    text = print_config()
    assert parse_config(text, "printed") == Config()
    for section, model in Config.model_fields.items():
        assert f"\n[{section}]\n" in text
        for key in model.annotation.model_fields:  # type: ignore[union-attr]
            table = f"\n[{section}.{key}]\n"
            assert f"\n{key} = " in text or f"\n# {key} =" in text or table in text or key == "benchmarks"


def test_a_configuration_survives_printing() -> None:
    text = (
        '[links]\nafter = 2010-01-01\nblock_hosts = ["a\\"b"]\n[fetch.archive]\ndays = 7\n[[overlap.benchmarks]]\nname = "x"\npath = "y"\n'
    )
    config = parse_config(text, "c.toml")
    assert config.links.after == date(2010, 1, 1)
    assert parse_config(print_config(config), "printed") == config


@pytest.mark.parametrize(
    "text", ["\r\n", "a\tb", "".join(map(chr, range(32))), "\x7f\x80\u2028", "\\ \" '"], ids=["line", "tab", "c0", "c1", "quote"]
)
def test_every_character_survives_printing(text: str) -> None:
    config = parse_config("", "c.toml", {"links.praw_site": text})
    assert parse_config(print_config(config), "printed") == config


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes(b"\xef\xbb\xbf[build]\nshards = 3\n")
    assert load_config(tmp_path / "c.toml").build.shards == 3


def test_a_key_of_something_that_is_no_table_is_refused() -> None:
    text = "[[overlap.benchmarks]]\nname = 'a'\npath = 'a'\n"
    with pytest.raises(UsageError, match=r"^overlap\.benchmarks\.format: benchmarks is not a table"):
        parse_config(text, "c.toml", {"overlap.benchmarks.format": "ptb"})
    with pytest.raises(UsageError, match=r"overlap\.benchmarks: "):
        parse_config("", "c.toml", {"overlap.benchmarks.format": "ptb"})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_valid(path: Path) -> None:
    load_config(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[fetch]\nper_host_dleay = 1", r"c\.toml: fetch\.per_host_dleay: unknown key; did you mean per_host_delay\?"),
        ("[fetch.archive]\nindex = 1", r"c\.toml: fetch\.archive\.index: unknown key; did you mean indexes\?"),
        ("[fetch.archive]\nplayback = 'x'", r"c\.toml: fetch\.archive\.playback: string should match pattern"),
        ("[fetsh]\nx = 1", r"c\.toml: fetsh: unknown key; did you mean fetch\?"),
        ("[fetch]\nretries = 'many'", r"c\.toml: fetch\.retries: .*valid integer \(it is 'many'\)"),
        ("[links]\nscore_rule = 'mean'", r"c\.toml: links\.score_rule: .*'max', 'sum' or 'each'"),
        ("[dedup]\nthreshold = 1.5", r"c\.toml: dedup\.threshold: .*less than 1 \(it is 1\.5\)"),
        ("[[overlap.benchmarks]]\nname = 'a'", r"c\.toml: overlap\.benchmarks\.0\.path: field required"),
        ("[links", r"c\.toml: not valid TOML: "),
        ("[links]\ndumps = ['${NOT_SET_ANYWHERE}/a']", r"c\.toml: the environment variable NOT_SET_ANYWHERE is not set"),
    ],
)
def test_mistakes_are_told_with_their_path(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        parse_config(text, "c.toml")


def test_variables_and_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBTEXT_DATA", "/somewhere")
    config = parse_config("[links]\ndumps = ['${WEBTEXT_DATA}/a.zst']", "c.toml", {"dedup.threshold": 0.7})
    assert config.links.dumps == ["/somewhere/a.zst"]
    assert config.dedup.threshold == 0.7
    monkeypatch.delenv("WEBTEXT_DATA")
    assert parse_config("[links]\ndumps = ['${WEBTEXT_DATA}/a.zst']", "c.toml").links.dumps == [os.path.abspath("../shared/data/a.zst")]


def test_keys_without_a_say_in_the_bytes_are_left_out_of_the_deciding_ones() -> None:
    config = Config()
    assert config.run.fingerprint_fields() == {}
    assert "warcs" not in config.fetch.fingerprint_fields()
    assert config.fetch.fingerprint_fields()["per_host_delay"] == 1.0
    benchmarks = [{"name": "a", "path": "/somewhere/a.jsonl"}]
    overlap = parse_config("", "c.toml", {"overlap.benchmarks": benchmarks}).overlap.fingerprint_fields()
    assert overlap["benchmarks"][0]["name"] == "a"
    assert "path" not in overlap["benchmarks"][0]


def test_gpt2_is_a_name_where_there_is_no_such_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named = parse_config("", "command line", {"tokenizer.path": "gpt2"}).tokenizer
    assert named.path == "gpt2"
    assert named.fingerprint_fields() == {"vocabulary": 50_257, "path": "gpt2"}  # no source file tells it from a trained one
    (tmp_path / "gpt2").mkdir()
    own = parse_config("[tokenizer]\npath = 'gpt2'", "c.toml", directory=tmp_path).tokenizer
    assert own.path == str(tmp_path / "gpt2")
    assert own.fingerprint_fields() == Config().tokenizer.fingerprint_fields() == {"vocabulary": 50_257}


def test_benchmarks_may_be_named_by_a_string() -> None:
    text = '[[overlap.benchmarks]]\nname = "LAMBADA"\npath = "l.jsonl"\nformat = "jsonl"\nfield = "t"\ntrain = "x"\n'
    config = parse_config(text, "c.toml", {"dedup.decontaminate": ["LAMBADA", "sets/wiki test.raw.zst"]})
    lambada, wiki = config.dedup.decontaminate
    assert lambada == config.overlap.benchmarks[0].model_copy(update={"train": ""})
    assert (wiki.name, wiki.path, wiki.format) == ("wiki test", os.path.abspath("sets/wiki test.raw.zst"), "auto")
    assert parse_config(print_config(config), "printed") == config
    assert parse_config("[overlap]\nbenchmarks = ['../a.csv']", "c.toml").overlap.benchmarks[0].name == "a"
    with pytest.raises(UsageError, match=r"dedup\.decontaminate: .*two benchmarks are named 'a'"):
        parse_config("[dedup]\ndecontaminate = ['x/a.csv', 'y/a.csv']", "c.toml")
    with pytest.raises(UsageError, match=r"dedup\.decontaminate\.0: "):
        parse_config("[dedup]\ndecontaminate = [5]", "c.toml")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.toml: cannot be read \(No such file"):
        load_config(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(UsageError, match=r"latin\.toml: not UTF-8 \(byte 2\)"):
        load_config(tmp_path / "latin.toml")


def test_sources_are_found_in_a_stable_order(tmp_path: Path) -> None:
    for name in ("b.zst", "a.zst", "c.txt"):
        (tmp_path / name).touch()
    found = source_files([f"{tmp_path}/*.zst", f"{tmp_path}/a.zst"], "links.dumps")
    assert [path.name for path in found] == ["a.zst", "b.zst"]
    (tmp_path / "RS [2015].zst").touch()
    (tmp_path / "deep").mkdir()
    paths = [f"{tmp_path}/{name}" for name in ("RS [2015].zst", "deep/../a.zst", "a.zst")]
    assert [path.name for path in source_files(paths, "links.dumps")] == ["RS [2015].zst", "a.zst"]
    with pytest.raises(UsageError, match=r"links\.dumps: there is no file .*\*\.xz"):
        source_files([f"{tmp_path}/*.xz"], "links.dumps")


def test_settings_of_the_command_line() -> None:
    assert parse_setting("dedup.threshold=0.7") == ("dedup.threshold", 0.7)
    assert parse_setting("fetch.warcs=['a', \"b\"]") == ("fetch.warcs", ["a", "b"])
    assert parse_setting("extract.engine=trafilatura") == ("extract.engine", "trafilatura")
    assert parse_setting("fetch.archive.days=30") == ("fetch.archive.days", 30)
    assert parse_config("[fetch]\nretries = 1", "c.toml", {"fetch.archive.days": 30}).fetch.archive.days == 30
    for wrong in ("dedup.threshold", "threshold=0.7", "a.b.c.d=1"):
        with pytest.raises(UsageError, match=r"write section\.key=value"):
            parse_setting(wrong)


def test_keys_of_earlier_versions_have_their_present_names(caplog: pytest.LogCaptureFixture) -> None:
    text = '[extract]\ncleaning = "none"\nmin_characters = 5\nlanguages = []\nengine = "blocks"\n'
    config = parse_config(text, "c.toml")
    assert (config.clean.preset, config.clean.min_characters, config.clean.languages) == ("none", 5, [])
    assert config.extract.engine == "blocks"
    assert "c.toml: extract.cleaning is now called clean.preset" in caplog.text
    assert "extract.engine" not in caplog.text
    assert parse_config("", "c.toml", {"extract.cleaning": "c4"}).clean.preset == "c4"
    assert parse_config(text, "c.toml", {"clean.preset": "c4"}).clean.preset == "c4"  # the command line comes first, whatever the name
    assert parse_config('[clean]\npreset = "c4"\n', "c.toml", {"extract.cleaning": "none"}).clean.preset == "none"
    for old, new in RENAMED.items():
        for dotted in (old, new):
            section, key = dotted.split(".")
            assert (key in Config.model_fields[section].annotation.model_fields) is (dotted == new), dotted  # type: ignore[union-attr]


def test_an_earlier_name_beside_the_present_one() -> None:
    """The present name counts; the other is no unknown key that stops old configurations."""
    text = "[extract]\nmin_characters = 5\n[clean]\nmin_characters = 7\n"
    assert parse_config(text, "c.toml").clean.min_characters == 7
    with pytest.raises(UsageError, match=r"c\.toml: clean: "):
        parse_config("clean = 3\n[extract]\nmin_characters = 5\n", "c.toml")


def test_relative_paths_are_taken_from_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    for directory in (home, here):
        directory.mkdir()
        (directory / "set.jsonl").touch()
    (home / "c.toml").write_text(
        '[documents]\nfiles = ["texts/*.jsonl", "/data/a.jsonl", "gs://bucket/*.jsonl", "~/b.jsonl"]\n[fetch]\nwarcs = ["../w/*.warc.gz"]\n'
        '[clean]\nrules = ["r.py:rule", "package.module:rule"]\n[train]\ntokens = "t"\n[dedup]\nagainst = ["earlier"]\n'
        '[overlap]\nbenchmarks = ["set.jsonl", {name = "x", path = "x/*.txt", train = "x.txt"}]\n[report]\ndomains = ""\n'
    )
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", "/home/me")
    config = load_config(Path("../home/c.toml"), {"dedup.decontaminate": ["set.jsonl"], "tokenizer.path": "tok"})
    given = home.parent / "here" / ".." / "home"
    assert [Path(path).resolve() if path.startswith(str(tmp_path)) else path for path in config.documents.files] == [
        home / "texts/*.jsonl",
        "/data/a.jsonl",
        "gs://bucket/*.jsonl",
        "/home/me/b.jsonl",
    ]
    assert [Path(path).resolve() for path in config.fetch.warcs] == [tmp_path / "w" / "*.warc.gz"]
    assert config.clean.rules == [f"{given}/r.py:rule", "package.module:rule"]
    assert (config.train.tokens, config.dedup.against) == (f"{given}/t", [f"{given}/earlier"])
    assert [(each.name, each.path, each.train) for each in config.overlap.benchmarks] == [
        ("set", f"{given}/set.jsonl", ""),
        ("x", f"{given}/x/*.txt", f"{given}/x.txt"),
    ]
    assert config.report.domains == ""
    # What the command line adds is taken from where it is typed.
    assert (config.dedup.decontaminate[0].path, config.tokenizer.path) == (str(here / "set.jsonl"), str(here / "tok"))


def test_an_empty_list_of_tables_is_printed_with_an_example() -> None:
    """Uncommented, in place of the empty list, it is valid."""
    text = print_config()
    start = text.index("# [[overlap.benchmarks]]")
    example = text[start : text.index("\n\n", start)]
    table = "\n".join(line.removeprefix("# ") for line in example.splitlines())
    config = parse_config(table.replace('name = ""', 'name = "x"').replace('path = ""', 'path = "y"'), "printed")
    assert config.overlap.benchmarks[0].field == "text"
    assert "[[dedup.decontaminate]]" in text
    assert "# [[" not in print_config(parse_config("[overlap]\nbenchmarks = ['a.csv']\n[dedup]\ndecontaminate = ['b.csv']", "c.toml"))
