"""A sign of life on stderr while waiting, on a terminal only."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from cli.lro import Waiting

FRAMES = "|/-\\"
FRAME_SECONDS = 0.1
_ERASE = "\r\x1b[K"
T = TypeVar("T")


class Spinner:
    """Draws one turning line; its sleep is what makes it turn."""

    def __init__(self) -> None:
        self._frames = itertools.cycle(FRAMES)
        self._text = ""

    def progress(self, status: str, _seconds: float) -> None:
        """Remember what the service said last."""
        self._text = status

    def sleep(self, seconds: float) -> None:
        """Sleep in small steps, drawing after each."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            sys.stderr.write(f"{_ERASE}{next(self._frames)} {self._text} ..")
            sys.stderr.flush()
            time.sleep(min(FRAME_SECONDS, left))


def counted(items: Sequence[T], what: str, *, quiet: bool = False) -> Iterator[T]:
    """Yield items, showing on a terminal how many of them are done."""
    if quiet or not sys.stderr.isatty():
        yield from items
        return
    try:
        for number, item in enumerate(items, 1):
            sys.stderr.write(f"{_ERASE}{what} {number} of {len(items)} ..")
            sys.stderr.flush()
            yield item
    finally:
        sys.stderr.write(_ERASE)
        sys.stderr.flush()


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Waiting]:
    """Offer a way of waiting that shows progress where someone can see it, and clears the line at the end."""
    if quiet or not sys.stderr.isatty():
        yield Waiting()
        return
    spinner = Spinner()
    try:
        yield Waiting(sleep=spinner.sleep, progress=spinner.progress)
    finally:
        sys.stderr.write(_ERASE)
        sys.stderr.flush()
