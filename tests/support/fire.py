"""Killing processes at random, and starting them again as a service manager would."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import Process


@dataclass
class Keeper:
    """Starts its processes again whenever they end, what is left of their groups having been killed.

    A process that ends otherwise than by SIGKILL while it is kept is a fault of its own: see ``surprises``.
    """

    processes: Sequence[Process]
    chance: random.Random
    surprises: list[str] = field(default_factory=list)
    restarts: int = 0

    def keep(self, stop: threading.Event) -> None:
        """Look after the processes until told to stop."""
        while not stop.wait(0.05):
            for process in self.processes:
                if not process.running:
                    stop.wait(self.chance.uniform(0, 0.5))
                    self._start_again(process)

    def _start_again(self, process: Process) -> None:
        code = process.child.returncode if process.child else None
        if code != -signal.SIGKILL:
            self.surprises.append(f"{process.name} ended by itself with {code}:\n{process.tail()}")
        process.kill()
        process.start()
        self.restarts += 1


@dataclass
class Killer:
    """Kills one process after another with SIGKILL: a program's own, or one of its children.

    Every program is as likely as every other, however many children it has.
    """

    processes: Sequence[Process]
    chance: random.Random
    pause: tuple[float, float] = (0.8, 2.5)
    kills: list[str] = field(default_factory=list)

    def rage(self, stop: threading.Event) -> None:
        """Kill until told to stop."""
        while not stop.wait(self.chance.uniform(*self.pause)):
            process = self.chance.choice(self.processes)
            family = process.family()
            if family:
                self._kill(process.name, self.chance.choice(family))

    def _kill(self, name: str, pid: int) -> None:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, FileNotFoundError):  # it ended by itself meanwhile
            return
        self.kills.append(f"{name} {pid} {command[:60]}")


@dataclass
class Fire:
    """A keeper and a killer at work, each in a thread, over processes that are running already."""

    processes: Sequence[Process]
    seed: int
    keeper: Keeper = field(init=False)
    killer: Killer = field(init=False)

    def __post_init__(self) -> None:
        self.keeper = Keeper(self.processes, random.Random(self.seed))
        self.killer = Killer(self.processes, random.Random(self.seed + 1))

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
