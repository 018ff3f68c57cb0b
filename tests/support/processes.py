"""Real processes for tests: each with a log file and a process group, and ended with its children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Process:
    """One program, which may be started again after it was ended.

    ``env`` is added to the environment. Everything it prints is appended to ``log``.
    """

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    child: subprocess.Popen[bytes] | None = None

    def start(self) -> Process:
        """Start the program in a process group of its own."""
        with self.log.open("ab") as out:
            self.child = subprocess.Popen(
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.env},
                cwd=ROOT,
                start_new_session=True,
            )
        return self

    @property
    def pid(self) -> int:
        """Process id of the program itself, which is also its group's."""
        if self.child is None:
            raise AssertionError(f"{self.name} was never started")
        return self.child.pid

    @property
    def running(self) -> bool:
        """Tell whether the program still runs."""
        return self.child is not None and self.child.poll() is None

    def family(self) -> list[int]:
        """Process ids of the program and of all its descendants, oldest first."""
        return [self.pid, *descendants(self.pid)] if self.running else []

    def kill(self) -> None:
        """End the program with SIGKILL, its children with it, and reap it."""
        if self.child is None:
            return
        signal_group(self.pid, signal.SIGKILL)
        self.child.wait()

    def stop(self, within: float = 15.0) -> int:
        """Ask the program to end (SIGTERM); return its exit code.

        Raises:
            AssertionError: it did not end in time (it is killed then).
        """
        if self.child is None:
            return 0
        if self.running:
            self.child.send_signal(signal.SIGTERM)
        try:
            code = self.child.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} ignored SIGTERM for {within} s:\n{self.tail()}") from None
        signal_group(self.pid, signal.SIGKILL)
        return code

    def output(self) -> str:
        """Everything the program printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines: int = 40) -> str:
        """The end of what the program printed."""
        return "\n".join(self.output().splitlines()[-lines:])

    def wait_for(self, text: str, within: float = 20.0) -> None:
        """Wait until the program has printed ``text``.

        Raises:
            AssertionError: it did not, or it ended before.
        """

        def seen() -> bool:
            if text in self.output():
                return True
            assert self.running, f"{self.name} ended early:\n{self.tail()}"
            return False

        eventually(seen, within=within, what=f"{self.name} printing {text!r}:\n{self.tail()}")


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module in this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def signal_group(group: int, number: signal.Signals) -> None:
    """Signal a process group, which may have ended already."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def descendants(pid: int) -> list[int]:
    """Process ids below a process, parents first."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(text) for text in task.read_text().split()]
        except OSError:  # it ended meanwhile
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found
