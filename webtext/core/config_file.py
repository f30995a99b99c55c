"""Configuration files: read, checked with the path of every mistake, and written with a comment a key."""

from __future__ import annotations

import difflib
import glob
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from webtext.core.config import PUBLISHED, CleanSection, Config
from webtext.core.errors import UsageError
from webtext.core.plugins import is_reference
from webtext.core.section import marked
from webtext.core.toml import tomllib

_log = logging.getLogger(__name__)

DATA = "WEBTEXT_DATA"
DATA_DEFAULT = "../shared/data"


def load_config(path: Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read a TOML file and lay `overrides` ("dedup.threshold": 0.7) over it.

    `${NAME}` in a string is the environment variable; `${WEBTEXT_DATA}`, a directory, has a default. Relative paths in the file are
    taken from its own directory, those in `overrides` from the current one. Raises UsageError that names the file, the key and the
    values it may have.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows write a byte order mark
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); give the path of a configuration file") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 (byte {error.start}); a configuration is a TOML file") from None
    return parse_config(text, str(path), overrides, path.absolute().parent)


def parse_config(text: str, name: str, overrides: Mapping[str, Any] | None = None, directory: Path | None = None) -> Config:
    """Check a configuration given as text; errors call it `name`; its relative paths are taken from `directory`, or the current one."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: not valid TOML: {error}") from None
    values = _absolute(_renamed(_expand(values, name), name), Config, directory or Path.cwd(), _names(values))
    for dotted, value in (overrides or {}).items():
        over = _renamed(_nested(dotted, _expand(value, name)), dotted)
        _lay_over(values, _absolute(over, Config, Path.cwd(), _names(values)), dotted)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise UsageError("\n".join(f"{name}: {_sentence(detail)}" for detail in error.errors())) from None


def _nested(dotted: str, value: Any) -> dict[str, Any]:
    """`{"dedup": {"threshold": 0.7}}` for `dedup.threshold`."""
    for part in reversed(dotted.split(".")):
        value = {part: value}
    return cast(dict[str, Any], value)


def _lay_over(values: dict[str, Any], over: dict[str, Any], dotted: str) -> None:
    for part, value in over.items():
        below = values.get(part)
        if isinstance(value, dict) and below is not None:
            if not isinstance(below, dict):
                raise UsageError(f"{dotted}: {part} is not a table whose keys can be set one by one; set {part} as a whole, or in the file")
            _lay_over(below, value, dotted)
        else:
            values[part] = value


# Keys that had another name in an earlier version, and the present one
_SAME = CleanSection.model_fields.keys() - {"enabled", "preset", "rules", "max_failed"}
RENAMED = {"extract.cleaning": "clean.preset", **{f"extract.{name}": f"clean.{name}" for name in sorted(_SAME)}}


def _renamed(values: dict[str, Any], name: str) -> dict[str, Any]:
    """The values with the present names of their keys."""
    for old, new in RENAMED.items():
        (table, key), (new_table, new_key) = old.split("."), new.split(".")
        if isinstance(values.get(table), dict) and key in values[table] and isinstance(values.setdefault(new_table, {}), dict):
            _log.warning("%s: %s is now called %s", name, old, new)
            values[new_table].setdefault(new_key, values[table].pop(key))
    return values


def _names(values: dict[str, Any]) -> set[str]:
    """The names of the benchmarks that the configuration has: `dedup.decontaminate` may give a name in place of a path."""
    overlap = values.get("overlap")
    tables = overlap.get("benchmarks") if isinstance(overlap, dict) else None
    return {str(table.get("name")) for table in tables if isinstance(table, dict)} if isinstance(tables, list) else set()


def _absolute(values: dict[str, Any], model: type[BaseModel], directory: Path, names: set[str]) -> dict[str, Any]:
    """The values with relative paths of files taken from a directory. What has a wrong type is left for the check that follows."""
    for key, value in values.items():
        info = model.model_fields.get(key)
        if info is None:
            continue
        table = _table_of(info)
        if marked(info, "file") or marked(info, "function"):
            absolute = partial(_path if marked(info, "file") else _function, directory=directory)
            values[key] = list(map(absolute, value)) if isinstance(value, list) else absolute(value)
        elif table is not None and isinstance(value, list):  # of a benchmark its path, or its table
            values[key] = [
                _absolute(item, table, directory, names)
                if isinstance(item, dict)
                else item
                if isinstance(item, str) and item in names
                else _path(item, directory)
                for item in value
            ]
        elif table is not None and isinstance(value, dict):
            _absolute(value, table, directory, names)
    return values


def _path(value: Any, directory: Path) -> Any:
    """An absolute path; a URL, and `gpt2` where there is no such file, as they are."""
    if not isinstance(value, str) or not value or "://" in value:
        return value
    path = directory / Path(value).expanduser()
    return value if value in PUBLISHED and not path.exists() else str(path)


def _function(value: Any, directory: Path) -> Any:
    """A function in a file with an absolute path; any other value as it is."""
    return _path(value, directory) if isinstance(value, str) and is_reference(value) and ".py:" in value else value


def parse_setting(setting: str) -> tuple[str, Any]:
    """`section.key=value` of a command line; the value is one of TOML, or else a string.

    >>> parse_setting("dedup.threshold=0.7")
    ('dedup.threshold', 0.7)
    """
    dotted, equals, value = setting.partition("=")
    if not equals or dotted.count(".") not in (1, 2):
        raise UsageError(f"--set {setting}: write section.key=value, as in --set dedup.threshold=0.7")
    try:
        return dotted.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return dotted.strip(), value


def _expand(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)\}", lambda match: _variable(match[1], name), value)
    if isinstance(value, list):
        return [_expand(item, name) for item in value]
    if isinstance(value, dict):
        return {key: _expand(item, name) for key, item in value.items()}
    return value


def _variable(variable: str, name: str) -> str:
    value = os.environ.get(variable, DATA_DEFAULT if variable == DATA else None)
    if value is None:
        raise UsageError(f"{name}: the environment variable {variable} is not set, and ${{{variable}}} is used")
    return os.path.abspath(value) if variable == DATA else value


def _sentence(detail: ErrorDetails) -> str:
    """One mistake as a sentence: path of the key, what is wrong, what is allowed."""
    location = ".".join(str(part) for part in detail["loc"])
    if detail["type"] != "extra_forbidden":
        message = detail["msg"].removeprefix("Value error, ")  # what pydantic puts before the sentence of a check of ours
        return f"{location}: {message[0].lower()}{message[1:]} (it is {detail['input']!r})"
    model = _model_at(detail["loc"][:-1])
    allowed = list(model.model_fields) if model else []
    near = difflib.get_close_matches(str(detail["loc"][-1]), allowed, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{location}: unknown key; {hint}known here: {', '.join(allowed)}"


def _model_at(location: Sequence[str | int]) -> type[BaseModel] | None:
    """The model that checks the table at a location of the configuration."""
    model: type[BaseModel] = Config
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        if field is None:
            return None
        kind = _table_of(field)
        if kind is None:
            return None
        model = kind
    return model


def _table_of(info: FieldInfo) -> type[BaseModel] | None:
    """The model of a key that is a table, or a list of tables."""
    kind: Any = info.annotation
    kind = get_args(kind)[0] if get_origin(kind) is list else kind
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def print_config(config: Config | None = None) -> str:
    """The whole configuration as TOML, a comment above every key."""
    config = config or Config()
    lines = ["# A build of webtext: `webtext build THIS_FILE --out DIRECTORY`. Keys left out have the values shown.\n"]
    for name in type(config).model_fields:
        section: BaseModel = getattr(config, name)
        lines += _table(name, section)
    return "".join(lines)


def _table(name: str, section: BaseModel) -> list[str]:
    """A section of the configuration, the tables inside it behind its keys."""
    lines = [f"\n[{name}]\n"]
    tables: list[str] = []
    for key, info in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            tables += _table(f"{name}.{key}", value)
            continue
        if isinstance(value, list) and value and isinstance(value[0], BaseModel):
            for item in value:
                tables.append(f"\n[[{name}.{key}]]\n" + "".join(f"{leaf} = {_toml(leaf_value)}\n" for leaf, leaf_value in item))
            continue
        table = _table_of(info)
        if table is not None:
            tables.append(_example(f"{name}.{key}", table))
        comment = f"{info.description}{_choices(info.annotation)}"
        assignment = f"{key} = {_toml(value)}" if value is not None else f"# {key} ="
        lines.append(f"# {comment}\n{assignment}\n")
    return lines + tables


def _example(name: str, table: type[BaseModel]) -> str:
    """A table of a list that is empty, as comments: its keys and what they mean."""
    lines = [f"\n# [[{name}]]  # a table for each, in place of the list above\n"]
    for key, info in table.model_fields.items():
        value = "" if info.is_required() else info.get_default(call_default_factory=True)
        lines.append(f"# # {info.description}{_choices(info.annotation)}\n# {key} = {_toml(value)}\n")
    return "".join(lines)


def _choices(annotation: Any) -> str:
    values = [value for value in get_args(annotation) if isinstance(value, str)]
    return f" (one of {', '.join(values)})" if values else ""


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON's escapes are TOML's, which has DEL escaped too
    return repr(value)


def source_files(patterns: Sequence[str], key: str) -> list[Path]:
    """The files that match paths and globs, sorted by name and then path, each once whatever paths lead to it.

    Raises UsageError where a pattern matches nothing; `key` names the configuration key.
    """
    found = sorted(set(_matches(patterns, key)), key=lambda path: (path.name, str(path)))
    return list({path.resolve(): path for path in reversed(found)}.values())[::-1]


def _matches(patterns: Sequence[str], key: str) -> Iterator[Path]:
    for pattern in patterns:
        path = Path(pattern).expanduser()
        # A file whose name has brackets is itself, not a pattern.
        found = [path] if path.is_file() else [Path(match) for match in glob.glob(str(path), recursive=True)]
        files = [path for path in found if path.is_file()]
        if not files:
            raise UsageError(f"{key}: there is no file {pattern}; correct the path or the pattern")
        yield from files
