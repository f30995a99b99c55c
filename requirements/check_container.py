"""Carry out the steps of the Dockerfile in an empty root, where no container engine is at hand. Needs root and debootstrap.

    python requirements/check_container.py /tmp/root

In place of Beam's image stands a minimal Debian with the same Python, with the same Beam from the package index and nothing else.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
RELEASES = {"3.11": "bookworm", "3.13": "trixie"}  # of Debian, by their Python
PASSED_ON = re.compile(r"^(PIP_|SSL_|REQUESTS_)|^(HTTPS?|NO)_PROXY$", re.IGNORECASE)
CHECK = """
import importlib.util, pipelines.worker_main, pipelines.stages
from importlib import import_module
for stage in ("links", "fetch", "extract", "dedup", "ngrams", "overlap", "tokenizer", "tokenize"):
    import_module(f"pipelines.{stage}")
assert importlib.util.find_spec("torch") is None
from pipelines.versions import versions
print(versions())
"""


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """(INSTRUCTION, rest) with comments dropped and lines joined."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    for line in filter(None, map(str.strip, joined.splitlines())):
        name, _, rest = line.partition(" ")
        yield name.upper(), rest.strip()


def inside(root: Path, command: list[str], environment: dict[str, str]) -> None:
    print("+", shlex.join(command)[:200], flush=True)
    subprocess.run(["chroot", root, *command], env=environment, check=True)


def base(root: Path, image: str, environment: dict[str, str]) -> None:
    """Stand in for `apache/beam_pythonX.Y_sdk:VERSION`."""
    found = re.fullmatch(r"apache/beam_python(\d+\.\d+)_sdk:([\d.]+)", image)
    if found is None or found[1] not in RELEASES:
        sys.exit(f"Dockerfile: FROM {image}: not an image of Beam for Python {' or '.join(RELEASES)}")
    subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=python3,python3-pip,python3-venv,ca-certificates", RELEASES[found[1]], root],
        check=True,
    )
    for name in ("etc/resolv.conf", "etc/pip.conf", "etc/ssl/certs/ca-certificates.crt"):
        if Path("/", name).exists():
            shutil.copy(Path("/", name), root / name)
    inside(root, ["python3", "-m", "venv", "/opt/python"], environment)
    inside(root, ["python", "-m", "pip", "install", "--quiet", f"apache-beam=={found[2]}"], environment)


def main() -> None:
    root = Path(sys.argv[1])
    environment = {name: value for name, value in os.environ.items() if PASSED_ON.search(name)}
    environment |= {"PATH": "/opt/python/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root", "LANG": "C.UTF-8"}
    for name, rest in instructions((HERE / "Dockerfile").read_text()):
        if name == "FROM":
            base(root, rest, environment)
        elif name == "ENV":
            environment |= dict(word.split("=", 1) for word in shlex.split(rest))
        elif name == "COPY":
            *sources, target = shlex.split(rest)
            to = root / target.lstrip("/")
            (to if target.endswith("/") else to.parent).mkdir(parents=True, exist_ok=True)
            for pattern in sources:
                files = sorted(HERE.glob(pattern))
                if not files:
                    sys.exit(f"Dockerfile: COPY {pattern}: no such file; run `make wheel` first")
                for file in files:
                    shutil.copy(file, to)
        elif name == "RUN":
            inside(root, ["sh", "-c", rest], environment)
        elif name != "LABEL":
            sys.exit(f"Dockerfile: {name}: not known here")
    inside(root, ["python", "-I", "-c", CHECK], environment)
    inside(root, ["webtext", "--help"], environment)
    inside(root, ["webtext-worker", "--help"], environment)


if __name__ == "__main__":
    main()
