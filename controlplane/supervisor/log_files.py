"""Log files of the supervised processes: kept small, shown, followed.

A file is rotated by copying and emptying it: its writer appends and never has to open it again, and goes on
writing when nobody is there to read. Lines written in the instant between the two are lost.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

LIMIT = 16 * 1024 * 1024
KEPT = 3
_LOOK = 0.3


def rotate(folder: Path, limit: int = LIMIT, kept: int = KEPT) -> None:
    """Put aside every log that has grown beyond ``limit`` bytes; ``kept`` old ones remain of each."""
    for log in folder.glob("*.log"):
        if log.stat().st_size > limit:
            for age in range(kept - 1, 0, -1):
                older = log.with_suffix(f".log.{age}")
                if older.exists():
                    older.replace(log.with_suffix(f".log.{age + 1}"))
            shutil.copyfile(log, log.with_suffix(".log.1"))
            with log.open("r+b") as file:
                file.truncate(0)


def tail(log: Path, lines: int) -> list[str]:
    """Return the last lines of a file, few or none if it is short or missing."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - lines * 400))
            return file.read().decode(errors="replace").splitlines()[-lines:] if lines else []
    except FileNotFoundError:
        return []


def follow(logs: list[Path], pause: float = _LOOK) -> Iterator[tuple[Path, str]]:
    """Yield every whole line that is added to the files from now on, without end."""
    places = {log: log.stat().st_size if log.exists() else 0 for log in logs}
    while True:
        idle = True
        for log in logs:
            for line, place in _new_lines(log, places[log]):
                idle = False
                places[log] = place
                yield log, line
        if idle:
            time.sleep(pause)


def _new_lines(log: Path, place: int) -> Iterator[tuple[str, int]]:
    try:
        with log.open("rb") as file:
            if file.seek(0, 2) < place:  # emptied by a rotation
                place = 0
            file.seek(place)
            for raw in file:
                if not raw.endswith(b"\n"):
                    return
                place += len(raw)
                yield raw.decode(errors="replace").rstrip("\n"), place
    except FileNotFoundError:
        return
