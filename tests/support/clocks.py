"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Time as the test says."""

    def __init__(self, start: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the current time."""
        return self._now

    def pass_by(self, seconds: float) -> datetime:
        """Let time pass; return what it is then."""
        self._now += timedelta(seconds=seconds)
        return self._now
