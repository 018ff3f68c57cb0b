"""Killing processes at random, and starting them again as a service manager would."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import Process

# A program may end of its own accord this soon after one of its children was killed: its pool is
# then said to have failed to start, and starting it again is its manager's business.
_MOURNING = 10.0
# Without any progress for this long there is nothing to protect from the next kill.
_PATIENCE = 30.0


@dataclass
class Killer:
    """Kills one process after another with SIGKILL: a program's own, or one of its children.

    Every program is as likely as every other, however many children it has. Between two kills something
    must have been done, or a slow machine would see nothing but starts.
    """

    processes: Sequence[Process]
    chance: random.Random
    progress: Callable[[], int]
    pause: tuple[float, float] = (0.0, 1.5)
    kills: list[str] = field(default_factory=list)
    last: dict[str, float] = field(default_factory=dict)  # program -> when it or a child was killed

    def rage(self, stop: threading.Event) -> None:
        """Kill until told to stop."""
        while not stop.wait(self.chance.uniform(*self.pause)):
            process = self.chance.choice(self.processes)
            family = process.family()
            if family:
                self._kill(process.name, self.chance.choice(family))
                self._wait_for_progress(stop)

    def _kill(self, name: str, pid: int) -> None:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            self.last[name] = time.monotonic()
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, FileNotFoundError):  # it ended by itself meanwhile
            return
        self.kills.append(f"{name} {pid} {command[:60]}")

    def _wait_for_progress(self, stop: threading.Event) -> None:
        before, end = self.progress(), time.monotonic() + _PATIENCE
        while self.progress() == before and time.monotonic() < end:
            if stop.wait(0.1):
                return


@dataclass
class Keeper:
    """Starts its processes again whenever they end, what is left of their groups having been killed.

    A process that ends otherwise than by SIGKILL, or for a child's sake, is a fault: see ``surprises``.
    """

    processes: Sequence[Process]
    killer: Killer
    surprises: list[str] = field(default_factory=list)
    restarts: int = 0

    def keep(self, stop: threading.Event) -> None:
        """Look after the processes until told to stop."""
        while not stop.wait(0.1):
            for process in self.processes:
                if not process.running:
                    self._start_again(process)

    def _start_again(self, process: Process) -> None:
        code = process.child.returncode if process.child else None
        mourning = time.monotonic() - self.killer.last.get(process.name, -_MOURNING) < _MOURNING
        if code != -signal.SIGKILL and not mourning:
            self.surprises.append(f"{process.name} ended by itself with {code}:\n{process.tail()}")
        process.kill()
        process.start()
        self.restarts += 1


@dataclass
class Fire:
    """A keeper and a killer at work, each in a thread, over processes that are running already.

    ``progress`` returns a number that grows as the service gets something done.
    """

    processes: Sequence[Process]
    seed: int
    progress: Callable[[], int]
    keeper: Keeper = field(init=False)
    killer: Killer = field(init=False)

    def __post_init__(self) -> None:
        self.killer = Killer(self.processes, random.Random(self.seed), self.progress)
        self.keeper = Keeper(self.processes, self.killer)

    def during(self, work: Callable[[], None]) -> None:
        """Do some work under fire; afterwards everything runs again and nothing is killed any more."""
        calm, gone = threading.Event(), threading.Event()
        raging = threading.Thread(target=self.killer.rage, args=(calm,), daemon=True)
        keeping = threading.Thread(target=self.keeper.keep, args=(gone,), daemon=True)
        raging.start()
        keeping.start()
        try:
            work()
        finally:
            calm.set()
            raging.join()
            gone.set()
            keeping.join()
            for process in self.processes:
                if not process.running:
                    process.kill()
                    process.start()

    def report(self) -> str:
        """What was done, to repeat it by its seed."""
        return f"seed {self.seed}: {len(self.killer.kills)} kills, {self.keeper.restarts} restarts\n" + (
            "\n".join(self.killer.kills)
        )
