"""A table of the configuration, and its keys.

A key marked `affects_output=False` does not affect the output: workers, time-outs of this machine, and paths of source files,
which a manifest knows by their content instead. A key marked `file` holds such paths; relative ones are made absolute when the
configuration is read (webtext.core.config_file). One marked `function` may name functions of the user's own (webtext.core.plugins).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from webtext.core.plugins import is_reference


def key(default: Any, description: str, *, affects_output: bool = True, file: bool = False, function: bool = False, **bounds: Any) -> Any:
    """A field with its default, its comment in `--print-config` and its bounds."""
    if isinstance(default, (list, dict)):
        bounds["default_factory"] = default.copy
    else:
        bounds["default"] = default
    extra: dict[str, Any] = {"affects_output": affects_output, "file": file, "function": function}
    return Field(description=description, json_schema_extra=extra, **bounds)


def marked(info: FieldInfo, mark: str) -> bool:
    """Whether a key is marked `affects_output`, `file` or `function`."""
    return bool(isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get(mark))


def one_of(*choices: str) -> AfterValidator:
    """The check of a key that has one of some values, or names a function of the user's own."""

    def check(value: str) -> str:
        if value not in choices and not is_reference(value):
            raise ValueError(f"not one of {', '.join(choices)}, nor a function of your own as file.py:function")
        return value

    return AfterValidator(check)


class Section(BaseModel):
    """A table of the configuration: unknown keys and wrong types are refused, values do not change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def fingerprint_fields(self) -> dict[str, Any]:
        """The keys that affect the output of the build, as JSON values."""
        values = self.model_dump(mode="json")
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            if not marked(info, "affects_output"):
                del values[name]
            elif marked(info, "function"):  # its code is a source of the stage; where the file lies does not matter
                values[name] = [Path(item).name for item in value] if isinstance(value, list) else Path(value).name
            elif isinstance(value, list) and value and isinstance(value[0], Section):
                values[name] = [item.fingerprint_fields() for item in value]
            elif isinstance(value, Section):
                values[name] = value.fingerprint_fields()
        return values


Share = Annotated[float, Field(ge=0, le=1)]
Day = Annotated[date, Field(strict=False)]  # TOML's date, or a string such as "2018-01-01"
