"""What the running supervisor says about itself, for `status` and for a second `up`."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from controlplane.supervisor.places import PRIVATE_FILE, Places, write_file

_TRIES = 6


class AlreadyRunningError(Exception):
    """Another supervisor holds this state folder."""


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """One supervised process. ``since`` is seconds since the epoch; ``pid`` is unset while it is down."""

    name: str
    pid: int | None
    since: float
    restarts: int


@dataclass(frozen=True, slots=True)
class Report:
    """The supervisor and everything it runs."""

    pid: int
    since: float
    version: str
    endpoint: str
    processes: tuple[ProcessReport, ...]
    login_ports: tuple[int, ...]

    def save(self, places: Places) -> None:
        """Write it to the state folder."""
        write_file(places.report, json.dumps(asdict(self)).encode())

    @classmethod
    def load(cls, places: Places) -> Report | None:
        """Read what the last supervisor wrote, if it wrote anything."""
        try:
            stored: dict[str, Any] = json.loads(places.report.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        processes = tuple(ProcessReport(**process) for process in stored.pop("processes"))
        ports = tuple(stored.pop("login_ports"))
        return cls(**stored, processes=processes, login_ports=ports)


@contextmanager
def supervising(places: Places) -> Iterator[None]:
    """Hold the state folder for this process. The kernel gives it back however the process ends.

    Raises:
        AlreadyRunningError: another process holds it.
    """
    descriptor = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        _lock(descriptor, places)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


@contextmanager
def starting(places: Places) -> Iterator[None]:
    """Let one start at a time go on; others wait."""
    with (places.run / "up.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock(descriptor: int, places: Places) -> None:
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.05)  # somebody may just have looked whether it is held
    raise AlreadyRunningError(f"a supervisor already runs in {places.root}")


def running_pid(places: Places) -> int | None:
    """Return the process id of the supervisor that holds the state folder, or None."""
    try:
        descriptor = os.open(places.lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, 32).strip()
        return int(text) if text.isdigit() else 0
    else:
        return None
    finally:
        os.close(descriptor)
