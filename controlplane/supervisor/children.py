"""Child processes: started, watched, restarted with growing pauses, stopped with all that they started."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_log = logging.getLogger(__name__)

STOP_SECONDS = 8.0  # from SIGTERM to SIGKILL
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
STEADY_AFTER = 20.0  # a child that lived this long starts again without a pause to speak of


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, and the file its output is appended to."""

    name: str
    argv: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)


class Child:
    """One program that is to be running. Times are seconds of ``time.monotonic``."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.restarts = -1
        self.since = 0.0  # wall clock, for people
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = FIRST_PAUSE
        self._due = 0.0

    @property
    def pid(self) -> int | None:
        """Process id, or None while it does not run."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it in a session of its own, so that it can be ended with everything it started."""
        with self.program.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs
                self.program.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.program.environment},
                start_new_session=True,
            )
        self._started = time.monotonic()
        self.since = time.time()
        self.restarts += 1
        _log.info("%s started, pid %d", self.program.name, self._process.pid)

    def heal(self) -> bool:
        """Start it again if it has died and its pause is over; tell whether anything changed."""
        if self._process is not None:
            return self._notice_death()
        if time.monotonic() < self._due:
            return False
        self.start()
        return True

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def finish(self, deadline: float) -> None:
        """Wait for its end until the deadline, then kill it and whatever it left behind."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline - time.monotonic()))
        if self._process.returncode is None:
            _log.warning("%s did not stop in time and is killed", self.program.name)
        _kill_group(self._process.pid)
        self._process.wait()
        self._process = None

    def _notice_death(self) -> bool:
        process = self._process
        # WNOWAIT keeps the process id ours until its group has been killed as well.
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if process is None or os.waitid(os.P_PID, process.pid, flags) is None:
            return False
        _kill_group(process.pid)
        code = process.wait()
        now = time.monotonic()
        self._pause = FIRST_PAUSE if now - self._started > STEADY_AFTER else self._pause
        self._due = now + self._pause
        _log.error(
            "%s (pid %d) ended with %s; it starts again in %.1f s",
            self.program.name,
            process.pid,
            f"signal {-code}" if code < 0 else f"exit code {code}",
            self._pause,
        )
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self._process = None
        return True


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
