"""Waiting for what happens elsewhere: polling with a deadline, never a fixed sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], *, within: float = 10.0, every: float = 0.02, what: str = "") -> T:
    """Return the first true value of ``probe``, asked every ``every`` seconds.

    Raises:
        AssertionError: it stayed false for ``within`` seconds; the last value is named.
    """
    end = time.monotonic() + within
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"not within {within} s: {what or probe}; last answer {value!r}")
        time.sleep(every)
