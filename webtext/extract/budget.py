"""Work on a page in a child process that may hang, eat memory or die, at the cost of one record.

Parsers are loops in C that no exception reaches, and Beam runs tasks in threads, where signals do not work. So the function runs in a
process of its own, which is kept from page to page. Its budget is processor time, not the clock: the kernel ends it
(SIGPROF), and a page is not lost because the machine was busy. What the child does depends on the page alone: it has a fixed hash seed,
and a death that earlier pages may have prepared is tried again in a fresh child before it counts.
"""

from __future__ import annotations

import atexit
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Pipe
from typing import Any, NamedTuple

import psutil

from webtext.core.errors import WebtextError

IDLE_SECONDS = 60.0  # clock time without any processor time after which a child that sleeps is taken to do so for ever
MAX_RESIDENT_BYTES = 2**30  # bytes of resident memory after which a child is replaced: libraries leak
OUT_OF_MEMORY = 70  # status with which a child ends when an allocation failed
LAUNCH = """import pickle, sys
job = pickle.loads(bytes.fromhex(sys.argv[1]))
sys.path[:] = job[0]
from webtext.extract.child import main
main(*job[1:])"""


@dataclass(frozen=True)
class Limits:
    """What a call may take: `seconds` of processor time, `memory` bytes of address space of the whole child."""

    seconds: float
    memory: int


class CallFailed(Exception):
    """The call ended its process or ran out of its budget. `reason` is "timeout" or "crashed"."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class _ChildExited(Exception):
    """The child has ended; `status` as of subprocess."""

    def __init__(self, status: int) -> None:
        super().__init__(
            "out of memory" if status == OUT_OF_MEMORY else f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        )
        self.status = status


class Spent(NamedTuple):
    """What calls have cost: seconds of processor time, and bytes of memory at the highest."""

    seconds: float
    memory: int

    def __add__(self, other: Spent) -> Spent:  # type: ignore[override]  # of two runs, not of two tuples
        return Spent(self.seconds + other.seconds, max(self.memory, other.memory))


class Child:
    """A process that calls one function, `module:name`, again and again. Not for two threads at once."""

    def __init__(self, function: str, limits: Limits) -> None:
        self.spent = Spent(0.0, 0)  # since the child was taken from the pool
        self._function = function
        self._limits = limits
        self._start()

    def _start(self) -> None:
        self._calls = 0
        self._connection, theirs = Pipe()
        # The child holds the other end of this pipe, and the kernel ends it when ours is closed, which our death does.
        listening, self._lifeline = os.pipe()
        job = pickle.dumps((sys.path, self._function, theirs.fileno(), listening, self._limits.memory))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", LAUNCH, job.hex()],
                pass_fds=(theirs.fileno(), listening),
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONHASHSEED": "0"},
            )
        finally:
            theirs.close()
            os.close(listening)
        try:
            self._receive()
        except (_ChildExited, TimeoutError) as error:
            self.close()
            raise WebtextError(f"the process that extracts pages did not start ({error}); what it printed says why") from None

    def call(self, *arguments: Any) -> Any:
        """What the function returns. Raises CallFailed where it ended its process, was ended, or raised; the next call works again."""
        data = pickle.dumps((self._limits.seconds, arguments), pickle.HIGHEST_PROTOCOL)
        while True:
            if self._process.poll() is not None:
                self._release()
                self._start()
            fresh = self._calls == 0
            try:
                return self._ask(data)
            except _ChildExited as gone:
                if gone.status == -signal.SIGPROF:
                    raise CallFailed("timeout", f"more than {self._limits.seconds:g} s of processor time") from None
                if fresh:
                    raise CallFailed("crashed", str(gone)) from None

    def _ask(self, data: bytes) -> Any:
        self._calls += 1
        try:
            self._connection.send_bytes(data)
            kind, value, spent = self._receive()
        except (BrokenPipeError, ConnectionResetError):
            raise _ChildExited(self._end()) from None
        except TimeoutError as error:
            self.close()
            raise CallFailed("timeout", str(error)) from None
        self.spent += spent
        if spent.memory > MAX_RESIDENT_BYTES:
            self.close()
        if kind == "raised":
            raise CallFailed("crashed", value)
        return value

    def _receive(self) -> Any:
        """The child's next message. Raises _ChildExited, and TimeoutError where it neither works nor answers."""
        try:
            used = -1.0
            while not self._connection.poll(IDLE_SECONDS):
                before, used = used, self._used()
                if used == before and self._asleep():
                    raise TimeoutError(f"idle for {IDLE_SECONDS:g} s")
            return pickle.loads(self._connection.recv_bytes())
        except TimeoutError:
            raise
        except (EOFError, OSError):
            raise _ChildExited(self._end()) from None

    def _used(self) -> float:
        """Seconds of processor time that the child has had."""
        try:
            times = psutil.Process(self._process.pid).cpu_times()
        except psutil.NoSuchProcess:  # it has just ended, which its connection will tell
            return math.inf
        return float(times.user + times.system)

    def _asleep(self) -> bool:
        """Whether the child waits for something, and not just for a processor or a disk that others keep busy."""
        try:
            return psutil.Process(self._process.pid).status() not in (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP)
        except psutil.NoSuchProcess:
            return False

    def _end(self) -> int:
        """The status of a child that has closed its side."""
        try:
            return self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _release(self) -> None:
        if not self._connection.closed:
            self._connection.close()
            os.close(self._lifeline)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._release()


_idle: dict[tuple[str, Limits], list[Child]] = {}
_lock = threading.Lock()


def _forget() -> None:
    """In a process that was forked off: the children are the parent's."""
    global _lock
    _lock = threading.Lock()
    _idle.clear()


os.register_at_fork(after_in_child=_forget)


@contextmanager
def child_from_pool(function: str, limits: Limits) -> Iterator[Child]:
    """A child for the time of a task: an idle one of this process, or a new one. Starting one takes a second."""
    with _lock:
        waiting = _idle.get((function, limits), [])
        child = waiting.pop() if waiting else None
    child = child or Child(function, limits)
    child.spent = Spent(0.0, 0)
    try:
        yield child
    except BaseException:
        child.close()
        raise
    with _lock:
        _idle.setdefault((function, limits), []).append(child)


def close_idle() -> None:
    """End the children that wait for work."""
    with _lock:
        children = [child for waiting in _idle.values() for child in waiting]
        _idle.clear()
    for child in children:
        child.close()


atexit.register(close_idle)
