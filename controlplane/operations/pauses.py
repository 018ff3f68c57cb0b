"""How long to wait before trying again: growing, capped, and spread so that many do not return at once."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from datetime import timedelta

_FIRST_RETRY = 0.2
_LONGEST_RETRY = 30.0
_DOUBLINGS = 20  # more would overflow nothing but patience


def before_retry(operation_id: str, attempt: int) -> timedelta:
    """Return the pause before an operation's next attempt: 0.2 s, doubled each time, at most 30 s.

    Between half and all of it, by the operation and attempt, so that the same question has one answer.
    """
    whole = min(_LONGEST_RETRY, _FIRST_RETRY * 2.0 ** min(max(attempt - 1, 0), _DOUBLINGS))
    spread = zlib.crc32(f"{operation_id}:{attempt}".encode()) / 2**32
    return timedelta(seconds=whole * (0.5 + spread / 2))


class Backoff:
    """Pauses, in seconds, of something that fails again and again; each is between half and all of its cap.

    Args:
        first: cap of the first pause.
        longest: cap of every pause.
        spread: source of numbers from 0 to 1.
    """

    def __init__(
        self, first: float = 0.1, longest: float = 5.0, spread: Callable[[], float] = random.random
    ) -> None:
        self._first = first
        self._longest = longest
        self._spread = spread
        self.failures = 0

    def after_failure(self) -> float:
        """Count a failure and return how long to wait."""
        whole = min(self._longest, self._first * 2.0 ** min(self.failures, _DOUBLINGS))
        self.failures += 1
        return whole * (0.5 + self._spread() / 2)

    def after_success(self) -> bool:
        """Start over; tell whether there was a failure to recover from."""
        recovered, self.failures = self.failures > 0, 0
        return recovered
