from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from webtext.core.config import Config
from webtext.core.config_file import load_config, parse_config, parse_setting, print_config, source_files
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
