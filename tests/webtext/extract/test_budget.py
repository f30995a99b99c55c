"""Pages that hang, crash and eat memory, in real child processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webtext.extract.pages import article, paragraphs
from webtext.core.config import ExtractSection
from webtext.core.errors import WebtextError
from webtext.extract.budget import CallFailed, Child, Limits, child_from_pool, close_idle
from webtext.extract.phases import FUNCTION

HERE = "tests.webtext.extract.hostile:"
LIMITS = Limits(seconds=0.5, memory=2 * 2**30)


@pytest.fixture(autouse=True)
def _no_children_left() -> Iterator[None]:
    yield
    close_idle()


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return status != "Z"


def eventually(condition: object, seconds: float = 120.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def test_a_child_is_kept_from_call_to_call_and_hashes_alike_in_all() -> None:
    with child_from_pool(HERE + "identity", LIMITS) as child:
        first, second = child.call(), child.call()
    with child_from_pool(HERE + "identity", LIMITS) as child:
        third = child.call()
    other = Child(HERE + "identity", LIMITS)
    fourth = other.call()
    other.close()
    assert first[0] == second[0] == third[0] != fourth[0]
    assert [first[2], second[2], third[2], fourth[2]] == [1, 2, 3, 1]
    assert first[1] == fourth[1]


@pytest.mark.parametrize(
    ("name", "reason", "detail"),
    [
        ("backtrack", "timeout", "more than 0.5 s of processor time"),
        ("segfault", "crashed", "signal SIGSEGV"),
        ("gluttony", "crashed", "out of memory"),
        ("raising", "crashed", "ValueError: odd page at 0x…"),
    ],
)
def test_a_call_that_dies_costs_that_call(name: str, reason: str, detail: str) -> None:
    with child_from_pool(HERE + name, LIMITS) as child:
        for _ in range(2):  # and the next call has a process again
            with pytest.raises(CallFailed) as failure:
                child.call()
            assert (failure.value.reason, failure.value.detail) == (reason, detail)


def test_time_of_the_clock_is_not_held_against_a_page() -> None:
    with child_from_pool(HERE + "sleep", LIMITS) as child:
        child.call(1.2)


def test_a_call_that_sleeps_for_ever_has_an_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with child_from_pool(HERE + "sleep", LIMITS) as child:
        child.call(0.0)
        monkeypatch.setattr("webtext.extract.budget.IDLE_SECONDS", 0.5)
        with pytest.raises(CallFailed, match="idle"):
            child.call(100.0)
        monkeypatch.undo()
        child.call(0.0)


def test_a_child_that_gets_no_processor_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that is busy with other work: it is ready to run, and its processor time stands still."""
    with child_from_pool(HERE + "backtrack", Limits(seconds=1.0, memory=2**31)) as child:
        monkeypatch.setattr("webtext.extract.budget.IDLE_SECONDS", 0.05)
        monkeypatch.setattr(child, "_used", lambda: 0.0)
        with pytest.raises(CallFailed, match="processor time"):
            child.call()


def test_a_child_that_works_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with child_from_pool(HERE + "backtrack", Limits(seconds=1.5, memory=2**31)) as child:
        monkeypatch.setattr("webtext.extract.budget.IDLE_SECONDS", 1.0)
        with pytest.raises(CallFailed, match="processor time"):
            child.call()


def test_a_death_that_earlier_calls_prepared_is_not_held_against_a_page() -> None:
    with child_from_pool(HERE + "second_time_unlucky", LIMITS) as child:
        assert [child.call() for _ in range(3)] == [1, 1, 1]


def test_what_libraries_print_does_not_disturb_the_answers() -> None:
    with child_from_pool(HERE + "chatter", LIMITS) as child:
        assert [child.call() for _ in range(3)] == ["fine"] * 3


def test_large_arguments_pass() -> None:
    with child_from_pool(HERE + "length", LIMITS) as child:
        assert child.call("x" * 30_000_000) == 30_000_000


def test_threads_have_a_child_each() -> None:
    pids: list[int] = []
    meet = threading.Barrier(2, timeout=900)

    def work() -> None:
        with child_from_pool(HERE + "identity", LIMITS) as child:
            meet.wait()
            pids.append(child.call()[0])
            meet.wait()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(pids)) == 2


def test_a_child_outlives_the_thread_that_started_it() -> None:
    pids: list[int] = []

    def work() -> None:
        with child_from_pool(HERE + "identity", LIMITS) as child:
            pids.append(child.call()[0])

    for _ in range(2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        time.sleep(0.1)
    assert pids[0] == pids[1]


def test_memory_of_the_parent_is_not_held_against_a_child() -> None:
    """A child of a large worker would else be replaced after every page: it takes a second to start one."""
    ballast = bytearray(os.urandom(1)) * 300_000_000
    with child_from_pool(HERE + "identity", LIMITS) as child:
        child.call()
        assert 1_000_000 < child.spent.memory < len(ballast) / 2


@pytest.mark.parametrize("busy", [True, False])
def test_a_child_dies_with_its_parent_even_in_a_loop_in_c(tmp_path: Path, busy: bool) -> None:
    told = tmp_path / "pid"
    function, argument = ("started", repr(str(told))) if busy else ("identity", "")
    program = (
        "from webtext.extract.budget import *\n"
        f"child = Child('{HERE}{function}', Limits(100.0, 2**31))\n"
        f"answer = child.call({argument})\n"
        f"open({str(told)!r}, 'w').write(str(answer[0]))\n"
        "import time; time.sleep(100)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program])
    assert eventually(lambda: told.exists() and told.read_text())
    pid = int(told.read_text())
    assert alive(pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert eventually(lambda: not alive(pid))


def test_a_child_that_cannot_start_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WebtextError, match="did not start"):
        Child("webtext.no_such_module:f", LIMITS)
    assert "no_such_module" in capfd.readouterr().err


def test_a_call_costs_less_than_a_millisecond() -> None:
    """Of processor time, in the best of some rounds: in the others this machine may have been busy with something else."""
    page = "x" * 100_000
    rounds = []
    with child_from_pool(HERE + "length", LIMITS) as child:
        for _ in range(5):
            before = time.process_time()
            for _ in range(40):
                child.call(page)
            rounds.append((time.process_time() - before) / 40)
    assert min(rounds) < 1e-3


def test_the_first_page_does_not_pay_for_what_is_loaded_once() -> None:
    """Of processor time: the model and the kernels take 0.5 s to load, and half a minute to compile where they are new."""
    child = Child(FUNCTION, Limits(seconds=30.0, memory=4 * 2**30))
    try:
        child.call(article("A story", paragraphs(1)).encode(), "text/html", "http://example.org/", ExtractSection())
        assert child.spent.seconds < 0.2
    finally:
        child.close()


def test_where_pipes_send_no_signal_a_thread_ends_the_child() -> None:
    """On systems other than Linux."""
    listening, held = os.pipe()
    program = "import sys, time; from webtext.extract import child; sys.platform = 'darwin'; "
    program += f"child._die_with_parent({listening}); time.sleep(100)"
    process = subprocess.Popen([sys.executable, "-c", program], pass_fds=(listening,))
    os.close(listening)
    assert process.poll() is None
    os.close(held)
    assert process.wait(60) == 1
