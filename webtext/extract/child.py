"""The other side of webtext.extract.budget: a process that answers calls until its parent is gone."""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import pickle
import re
import resource
import select
import signal
import sys
import threading
import time
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from webtext.core.memory import peak_memory
from webtext.extract.budget import OUT_OF_MEMORY, Spent

DEPTH = 10_000  # nested calls: pages nest to 2,048, and engines walk them recursively


def main(name: str, pipe: int, lifeline: int, memory: int) -> None:
    """Answer calls that come over the file descriptor `pipe`; `lifeline` is a pipe whose other end the parent holds."""
    _die_with_parent(lifeline)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # macOS refuses it: there only MAX_RESIDENT_BYTES bounds the memory, after each page
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    sys.setrecursionlimit(DEPTH)
    logging.disable(logging.CRITICAL)  # libraries log every malformed page
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    module, _, attribute = name.partition(":")
    function = getattr(import_module(module), attribute)
    gc.freeze()
    connection = Connection(pipe)
    connection.send_bytes(pickle.dumps("ready"))
    while True:
        try:
            seconds, arguments = pickle.loads(connection.recv_bytes())
        except EOFError:
            return
        start = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, seconds)
        answer = _answer(function, arguments)
        signal.setitimer(signal.ITIMER_PROF, 0)
        spent = Spent(time.process_time() - start, peak_memory())
        connection.send_bytes(pickle.dumps((*answer, spent), pickle.HIGHEST_PROTOCOL))


def _answer(function: Any, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    try:
        return "returned", function(*arguments)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)  # what is left of this process is not to be relied on
    except Exception as error:  # noqa: BLE001 - whatever a library raises over a page costs that page and is on its record
        # NB: a message may name an object by its address, which is another in each run.
        return "raised", re.sub(r"0x[0-9a-f]+", "0x…", f"{type(error).__name__}: {error}")[:200]


def _die_with_parent(lifeline: int) -> None:
    """Have the kernel end this process when the other end of a pipe is closed: SIGIO, whose default is to terminate.

    NB: Linux's PR_SET_PDEATHSIG would fire when the *thread* that started the child ends, and threads come and go in a Beam worker. A
    thread that waits here would not run while a C loop holds the interpreter; where the system is not Linux, whose pipes send no
    signal, a thread does it, and the budget of processor time ends such a loop.
    """
    if sys.platform != "linux":
        threading.Thread(target=_exit_at_end, args=(lifeline,), daemon=True).start()
        return
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    gone, _, _ = select.select([lifeline], [], [], 0)
    if gone:  # before this was set up
        sys.exit(1)


def _exit_at_end(lifeline: int) -> None:
    os.read(lifeline, 1)  # nothing is ever written: it returns when the other end is closed
    os._exit(1)
