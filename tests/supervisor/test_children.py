"""Child processes: killed ones come back, stopped ones leave nothing behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.supervisor.children import Child, Program
from tests.support.waiting import eventually

# A program with a child of its own, which ignores SIGTERM. Both write their process ids.
FAMILY = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in sys.argv else signal.SIG_DFL)
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def child(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Child]:
    argv = (sys.executable, "-c", FAMILY, *getattr(request, "param", ()))
    child = Child(Program("family", argv, tmp_path / "family.log"))
    child.start()
    yield child
    child.finish(0)


def pids(child: Child, count: int) -> list[int]:
    log = child.program.log
    return [int(line) for line in eventually(lambda: _lines(log, count))][-2:]


def _lines(log: Path, count: int) -> list[str]:
    lines = log.read_text().splitlines()
    return lines if len(lines) >= count else []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_child_is_started_again_and_its_children_are_ended(child: Child) -> None:
    first = pids(child, 2)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    eventually(lambda: child.heal() and child.pid is not None)
    second = pids(child, 4)
    assert child.restarts == 1
    assert not set(first) & set(second)
    eventually(lambda: not any(map(alive, first)))
    assert all(map(alive, second))


def test_pauses_grow_while_a_program_keeps_ending(tmp_path: Path) -> None:
    child = Child(Program("short", (sys.executable, "-c", "raise SystemExit(3)"), tmp_path / "short.log"))
    began = time.monotonic()
    child.start()
    eventually(lambda: child.heal() and child.restarts == 3)
    assert time.monotonic() - began >= 0.1 + 0.2 + 0.4
    child.finish(time.monotonic() + 5)


@pytest.mark.parametrize("child", [("stubborn",)], indirect=True)
def test_a_child_that_ignores_sigterm_is_killed_with_its_family(child: Child) -> None:
    family = pids(child, 2)
    child.ask_to_stop()
    child.finish(time.monotonic() + 0.2)
    assert child.pid is None
    eventually(lambda: not any(map(alive, family)))


def test_output_is_appended_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "hello.log"
    for word in ("one", "two"):
        child = Child(Program("hello", (sys.executable, "-c", f"print('{word}')"), log))
        child.start()
        child.finish(time.monotonic() + 10)
    assert log.read_text().split() == ["one", "two"]
