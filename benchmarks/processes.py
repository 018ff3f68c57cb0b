"""Processes of a side: waiting for them, stopping them, and the memory they hold together."""

from __future__ import annotations

import contextlib
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.programs import BenchmarkError

START_SECONDS = 30.0
_SAMPLE_SECONDS = 0.05
_KIB = 1024
MEGABYTE = 1_000_000


def free_ports(count: int) -> int:
    """Return the first of ``count`` neighbouring loopback ports that are all free."""
    for first in range(20_000 + secrets.randbelow(10_000), 60_000 - count, count):
        with contextlib.ExitStack() as opened, contextlib.suppress(OSError):
            for port in range(first, first + count):
                opened.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise BenchmarkError("No free ports on the loopback interface.")


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path, env: dict[str, str]) -> Iterator[int]:
    """Run a server until the block ends; give its process id once its port accepts connections."""
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env=env)
    try:
        _wait_for_port(process, port, log)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchmarkError(f"{process.args!r} did not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)


def peak_memory(root: int, action: Callable[[], object]) -> float:
    """Return the most resident memory, in MB, that a process and its descendants held during an action.

    Resident sizes are added up, so that memory shared between processes counts once for each: growth of
    shared memory is overstated, never hidden.
    """
    peak = memory(root)
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(_SAMPLE_SECONDS):
            peak = max(peak, memory(root))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        action()
    finally:
        over.set()
        watcher.join()
    return max(peak, memory(root))


def memory(root: int) -> float:
    """Return the resident memory of a process and its descendants, added up, in MB."""
    total = 0
    for process in _family(root):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{process}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * _KIB
    return total / MEGABYTE


def _family(root: int) -> set[int]:
    """Return a process and all its descendants."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    family = {root}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family
