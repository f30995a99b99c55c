"""The commands of the README work as printed."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from tests.end_to_end.commands import ROOT, line_of
from tests.end_to_end.conftest import Demo

COMMANDS = re.findall(r"^\.venv/bin/webtext (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)


def test_every_command_of_the_readme_works_as_printed(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "README.md").symlink_to(ROOT / "README.md")
    # NB: a copy, because one of the commands tokenizes anew.
    subprocess.run(["cp", "-a", str(demo.build), str(tmp_path / "demo-build")], check=True)
    assert len(COMMANDS) >= 6
    for command in COMMANDS:
        ended = subprocess.run(line_of(*shlex.split(command)), cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False)
        assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
        assert ended.stdout.strip(), command
    assert (tmp_path / "from-archive" / "report.html").exists()
