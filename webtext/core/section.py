"""A table of the configuration, and its keys.

A key marked `affects_output=False` does not affect the output: workers, time-outs of this machine, and paths of source files,
which a manifest knows by their content instead. A key marked `file` holds such paths; relative ones are made absolute when the
configuration is read (webtext.core.config_file).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


def key(default: Any, description: str, *, affects_output: bool = True, file: bool = False, **bounds: Any) -> Any:
    """A field with its default, its comment in `--print-config` and its bounds."""
    if isinstance(default, (list, dict)):
        bounds["default_factory"] = default.copy
    else:
        bounds["default"] = default
    return Field(description=description, json_schema_extra={"affects_output": affects_output, "file": file}, **bounds)


class Section(BaseModel):
    """A table of the configuration: unknown keys and wrong types are refused, values do not change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def fingerprint_fields(self) -> dict[str, Any]:
        """The keys that affect the output of the build, as JSON values."""
        values = self.model_dump(mode="json")
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            if isinstance(info.json_schema_extra, dict) and info.json_schema_extra["affects_output"] is False:
                del values[name]
            elif isinstance(value, list) and value and isinstance(value[0], Section):
                values[name] = [item.fingerprint_fields() for item in value]
            elif isinstance(value, Section):
                values[name] = value.fingerprint_fields()
        return values


Share = Annotated[float, Field(ge=0, le=1)]
Day = Annotated[date, Field(strict=False)]  # TOML's date, or a string such as "2018-01-01"
