"""Processes forked from one that has imported what they need.

A local worker started as a new program spends 2 to 5 seconds of a processor on imports (Beam, Arrow, compiled kernels), in every stage
and for each worker. Here one process imports once for a whole build, and each worker is a fork of it. multiprocessing's own fork server
is not used because it imports the user's main module again, which a script without `if __name__ == "__main__"` does not survive.

    launcher ── stdin: modules to import ──▶ server ── fork ──▶ worker
    Beam ── runs `command()` as a subprocess: the client ── socket: environment, output files ──▲
"""

from __future__ import annotations

import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import weakref
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TextIO

from webtext.core.errors import WebtextError

# The client, a program of the standard library alone that starts in 20 ms. It stands for the forked process: it passes SIGTERM on, ends
# with its status, and where it is killed the forked process is killed.
CLIENT = """
import json, os, signal, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
request = json.dumps({"function": sys.argv[2], "arguments": sys.argv[3:], "directory": os.getcwd(), "environment": dict(os.environ)})
socket.send_fds(connection, [len(request.encode()).to_bytes(8, "little")], [0, 1, 2])
connection.sendall(request.encode())
pid = int.from_bytes(connection.recv(8), "little")
signal.signal(signal.SIGTERM, lambda number, _: os.kill(pid, number))
status = int(connection.recv(16) or b"1")
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
"""
LONGEST_PATH = 90  # bytes of a socket's path: systems take 104 (macOS) or 108 (Linux)


class ForkServer:
    """A server for this process; it ends with this object or this process, however that ends, and its forks with it."""

    def __init__(self, *modules: str) -> None:
        directory = tempfile.mkdtemp(prefix="webtext-")
        if len(os.fsencode(directory)) > LONGEST_PATH:
            os.rmdir(directory)
            directory = tempfile.mkdtemp(prefix="webtext-", dir="/tmp")
        self._path = str(Path(directory) / "fork")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._path)
            listener.listen(128)
            path = [entry for entry in sys.path if entry]  # an empty entry is the current directory
            program = f"import sys; sys.path[:] = {path!r}; from pipelines.fork_server import serve; serve({listener.fileno()})"
            reading, writing = os.pipe()
            self._modules = open(writing, "w", buffering=1)  # noqa: SIM115 - open as long as the server is wanted
            with open(reading) as stdin:
                server = subprocess.Popen([sys.executable, "-c", program], stdin=stdin, pass_fds=[listener.fileno()])
        weakref.finalize(self, _close, self._modules, server, os.getpid())
        self.preload(*modules)

    def preload(self, *modules: str) -> None:
        """Have the server import modules before it forks again. One that cannot be imported fails in the fork that needs it."""
        try:
            self._modules.writelines(f"{module}\n" for module in modules)
        except BrokenPipeError:
            raise WebtextError("the process that starts workers is gone (killed, or out of memory); run the same command again") from None

    def command(self, function: str) -> list[str]:
        """The command line of a process that runs `function` ("module:name"); arguments that are added to it become its sys.argv[1:]."""
        return [sys.executable, "-I", "-S", "-c", CLIENT, self._path, function]


def _close(modules: TextIO, server: subprocess.Popen[bytes], launcher: int) -> None:
    modules.close()
    if os.getpid() == launcher:  # and not a fork of it
        server.wait()


def serve(listening: int) -> None:
    """The server's loop. Single-threaded: a fork of a process with threads may inherit a lock that nobody releases."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal's processes; this one ends with its launcher
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    listener = socket.socket(fileno=listening)
    clients: dict[int, socket.socket] = {}  # by the process that was forked for it
    while True:
        watched: list[Any] = [0, woken, listener, *clients.values()]
        ready, _, _ = select.select(watched, [], [])
        # NB: in this order: a stage first says what to import and then starts its workers.
        if 0 in ready:
            modules = os.read(0, 65536)
            if not modules:
                break
            for module in modules.decode().split():
                _import(module)
            gc.freeze()  # else the collector of a fork visits, and so copies, all pages that it shares
            continue
        if woken in ready:
            os.read(woken, 4096)
            _answer_ended(clients)
        for pid, client in clients.items():
            if client in ready:  # it was killed
                os.kill(pid, signal.SIGKILL)
        if listener in ready:
            client, _ = listener.accept()
            # NB: read before the fork: from then on only the end of the client makes the connection readable.
            length, files, _, _ = socket.recv_fds(client, 8, 3)
            with client.makefile("rb") as stream:
                request = stream.read(int.from_bytes(length, "little"))
            pid = os.fork()
            if pid == 0:
                for inherited in (listener, client, *clients.values()):
                    inherited.close()
                _become(json.loads(request), files)
            for file in files:
                os.close(file)
            clients[pid] = client
            _tell(client, pid.to_bytes(8, "little"))
    for pid in clients:
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(Path(listener.getsockname()).parent)


def _import(module: str) -> None:
    try:
        import_module(module)
    except Exception:  # noqa: BLE001 - told here, and fails again in the fork that needs it
        traceback.print_exc()


def _answer_ended(clients: dict[int, socket.socket]) -> None:
    for pid in list(clients):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with clients.pop(pid) as client:
                _tell(client, b"%d" % os.waitstatus_to_exitcode(status))


def _tell(client: socket.socket, what: bytes) -> None:
    with suppress(OSError):  # the client was killed
        client.sendall(what)


def _become(request: dict[str, Any], files: list[int]) -> NoReturn:
    """In the fork: take over what the client has, and run its function to the end of the process."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = [request["function"], *request["arguments"]]
    module, _, name = request["function"].partition(":")
    try:
        getattr(import_module(module), name)(request["arguments"])
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
    except BaseException:  # noqa: BLE001 - what the interpreter does with it
        traceback.print_exc()
        status = 1
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.current_thread():
            thread.join()
    sys.stdout.flush()
    sys.stderr.flush()
    # NB: an interpreter that ends visits all objects of all modules, and would copy each page that it shares with the server: seconds.
    os._exit(status)
