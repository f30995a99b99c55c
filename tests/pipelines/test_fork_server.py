"""Processes forked from a server, seen from the client that stands for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipelines.fork_server import ForkServer
from tests.end_to_end.commands import ROOT

HERE = "tests.pipelines.test_fork_server"


def tell(arguments: list[str]) -> None:
    """What a forked process sees."""
    print(sys.argv[1:] == arguments, *arguments, os.getcwd(), os.environ.get("COLOUR"), sys.stdin.read())  # noqa: T201
    print("an error", file=sys.stderr)  # noqa: T201


def end(arguments: list[str]) -> None:
    if arguments[0] == "raises":
        raise ValueError("what went wrong")
    if arguments[0] == "signal":
        os.kill(os.getpid(), signal.SIGTERM)
    sys.exit(int(arguments[0]) if arguments[0].isdigit() else arguments[0] or None)


def sleep(arguments: list[str]) -> None:
    Path(arguments[0]).write_text(str(os.getpid()))
    time.sleep(600)


def wait_for_sigterm(arguments: list[str]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    Path(arguments[0]).touch()
    time.sleep(600)


@pytest.fixture(scope="module")
def server() -> ForkServer:
    return ForkServer("no_such_module", HERE)


def run(server: ForkServer, function: str, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    line = [*server.command(f"{HERE}:{function}"), *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]


def awaited(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.01)


def running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_it_has_what_its_client_has(server: ForkServer, tmp_path: Path) -> None:
    ended = run(server, "tell", "a", "b c", input="typed", cwd=tmp_path, env={"COLOUR": "grün"})
    assert ended.stdout == f"True a b c {tmp_path} grün typed\n"
    assert ended.stderr == "an error\n"
    assert ended.returncode == 0


@pytest.mark.parametrize(("how", "status", "said"), [("0", 0, ""), ("3", 3, ""), ("a text", 1, "a text\n"), ("signal", -15, "")])
def test_its_client_ends_as_it_ends(server: ForkServer, how: str, status: int, said: str) -> None:
    ended = run(server, "end", how)
    assert (ended.returncode, ended.stderr) == (status, said)


def test_a_trace_is_printed(server: ForkServer) -> None:
    ended = run(server, "end", "raises")
    assert ended.returncode == 1
    assert ended.stderr.endswith("ValueError: what went wrong\n")


def test_what_cannot_be_imported_fails_in_the_fork(server: ForkServer) -> None:
    ended = subprocess.run(server.command("no_such_module:main"), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "No module named 'no_such_module'" in ended.stderr


def test_it_ends_with_its_client(server: ForkServer, tmp_path: Path) -> None:
    client = subprocess.Popen([*server.command(f"{HERE}:sleep"), str(tmp_path / "pid")])
    awaited(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    pid = int((tmp_path / "pid").read_text())
    assert running(pid)
    client.kill()
    client.wait()
    awaited(lambda: not running(pid))
    assert run(server, "end", "0").returncode == 0


def test_it_is_terminated_through_its_client(server: ForkServer, tmp_path: Path) -> None:
    client = subprocess.Popen([*server.command(f"{HERE}:wait_for_sigterm"), str(tmp_path / "ready")])
    awaited((tmp_path / "ready").exists)
    client.terminate()
    assert client.wait() == 7


def test_all_end_with_the_launcher(tmp_path: Path) -> None:
    """Killed, as nothing else tells it."""
    program = f"""
import subprocess
from pipelines.fork_server import ForkServer
server = ForkServer("{HERE}")
print(server.command("")[-2], flush=True)
subprocess.run([*server.command("{HERE}:sleep"), "{tmp_path / "pid"}"])
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    launcher = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None
    socket = Path(launcher.stdout.readline().strip())
    awaited(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    assert socket.exists()
    launcher.kill()
    launcher.communicate()
    awaited(lambda: not running(int((tmp_path / "pid").read_text())) and not socket.parent.exists())


def test_a_server_that_is_let_go_leaves_nothing() -> None:
    server = ForkServer()
    socket = Path(server.command("")[-2])
    assert run(server, "end", "0").returncode == 0
    del server
    assert not socket.parent.exists()
