"""Our packages: their version, and that Python imports them and not others of the same names."""

from __future__ import annotations

import platform
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from webtext.core.errors import WebtextError

PACKAGES = ("webtext", "pipelines", "tokenizer", "model")
ROOT = Path(__file__).resolve().parents[2]  # the directory with all of them: a checkout or site-packages


# Libraries whose rules, tables or compression affect the output.
LIBRARIES = (
    "charset-normalizer", "ftfy", "langdetect", "lxml", "newspaper3k", "numpy", "pyarrow", "pycld2", "regex", "tldextract",
    "trafilatura", "w3lib", "zstandard",
)  # fmt: skip


def version() -> str:
    return metadata.version("webtext")


def library_versions() -> dict[str, str]:
    """The versions of webtext, Python and the libraries that affect the output, by name."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in ("webtext", *LIBRARIES)}}


@lru_cache(maxsize=1)  # a worker checks at the start of every phase
def check_packages() -> None:
    """Raises WebtextError where one of our packages is hidden or overwritten by another one of its name.

    `tokenizer`, `model` and `pipelines` are names that others use too, on PyPI and for files of their own.
    """
    for name in PACKAGES:
        spec = find_spec(name)
        found = Path(spec.origin).resolve() if spec and spec.origin else None
        if found != ROOT / name / "__init__.py" or (name != "webtext" and _installed_by_others(name)):
            raise WebtextError(
                f"another package named `{name}` hides or overwrites webtext's own ({found or 'a directory without code'}); "
                f"rename or uninstall it (`pip uninstall {name}`), or install webtext into an environment of its own"
            )


def _installed_by_others(name: str) -> bool:
    """Whether the distribution of that name is installed and has a package of that name: both write to the same directory."""
    with suppress(metadata.PackageNotFoundError):
        return any(file.parts[0] in (name, f"{name}.py") for file in metadata.distribution(name).files or ())
    return False
