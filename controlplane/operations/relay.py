"""The relay: takes messages out of the outbox and publishes them.

Its loop is shared with the sweeper and with whatever else rings for work that is due.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Any, Protocol

from controlplane.operations.pauses import Backoff
from controlplane.operations.sweeper import Sweeper
from controlplane.persistence import outbox
from controlplane.persistence.database import Database
from controlplane.settings.model import Settings

log = logging.getLogger(__name__)

Publish = Callable[[str, Mapping[str, Any]], None]

BATCH = 100
_DUE_INTERVAL = 0.1  # seconds between looks for operations whose pause is over
_RING_INTERVAL = 1.0  # seconds between looks for other work that is due


class Ring(Protocol):
    """Puts messages into the outbox for work that is due or whose message was lost; returns how many.

    ``every``: each message sent before is lost, as when a broker has just started empty.
    """

    def __call__(self, *, every: bool = False) -> int:
        """Ring. It may raise anything: it is called again, after a pause that grows."""
        ...


class Relay:
    """Publishes the outbox, oldest first. A message is deleted after it was published, never before.

    Args:
        database: where the outbox is.
        publish: hands a topic and its payload to the broker; raises anything when it cannot.
    """

    def __init__(self, database: Database, publish: Publish) -> None:
        self._database = database
        self._publish = publish

    def pass_once(self) -> int:
        """Publish one batch; return how many messages went out.

        Twice: a message goes out twice, which everybody behind the broker bears. Dies midway: likewise.

        Raises:
            DatabaseUnavailableError: the outbox cannot be reached.
            Exception: whatever ``publish`` raised; what went out before it is deleted.
        """
        with self._database.read() as tx:
            rows = [] if outbox.is_empty(tx) else outbox.take(tx, BATCH)
        sent: list[int] = []
        try:
            for row in rows:
                self._publish(row.topic, row.payload)
                sent.append(row.id)
        finally:
            if sent:
                with self._database.write() as tx:
                    outbox.delete(tx, sent)
        return len(sent)


class Errand:
    """Work done over and over, with a pause after a failure that grows while failures go on."""

    def __init__(self, work: Callable[[], int], trouble: str) -> None:
        self._work = work
        self._trouble = trouble
        self._backoff = Backoff()
        self._not_before = 0.0

    @property
    def failing(self) -> bool:
        """Tell whether the last attempt failed."""
        return self._backoff.failures > 0

    def attempt(self) -> int:
        """Do the work unless it is paused; return what it returned, or 0. Never raises for its sake."""
        if time.monotonic() < self._not_before:
            return 0
        try:
            done = self._work()
        except Exception as error:  # noqa: BLE001 - every failure of broker or database is survived
            level = logging.DEBUG if self.failing else logging.WARNING
            log.log(level, "cannot %s, trying on: %s: %s", self._trouble, type(error).__name__, error)
            self._not_before = time.monotonic() + self._backoff.after_failure()
            return 0
        if self._backoff.after_success():
            log.warning("recovered: can %s again", self._trouble)
        return done


class Rings:
    """Calls each ring once a second. One that fails is paused, and none of the others with it."""

    def __init__(self, rings: Mapping[str, Ring], *, every: bool) -> None:
        self._errands = [
            Errand(_forgetting(ring, every=every), f"ring for {topic}") for topic, ring in rings.items()
        ]
        self._next = 0.0

    def attempt(self) -> None:
        """Call what is to be called now. Never raises for its sake."""
        if self._errands and time.monotonic() >= self._next:
            self._next = time.monotonic() + _RING_INTERVAL
            for errand in self._errands:
                errand.attempt()


class RelayLoop:
    """Runs a relay, a sweeper and rings until told to stop; outlives every failure of database and broker.

    While the broker is away nothing is rung again: the doorbells are in the outbox already. While nothing
    is written to the database, nothing is looked for that only a write can bring.

    Args:
        relay: publishes.
        sweeper: repairs.
        settings: pauses.
        guard: held while anything touches the database (see ``workers.forks``).
        fresh_broker: the broker starts empty, so every earlier doorbell is lost.
        rings: ring for work other than operations, by topic.
        changed: tells whether the database may have been written to since it was asked last.
    """

    def __init__(  # noqa: PLR0913 - a loop has these parts
        self,
        relay: Relay,
        sweeper: Sweeper,
        settings: Settings,
        *,
        guard: AbstractContextManager[Any] | None = None,
        fresh_broker: bool = False,
        rings: Mapping[str, Ring] = MappingProxyType({}),
        changed: Callable[[], bool] = lambda: True,
    ) -> None:
        self._sweeper = sweeper
        self._idle = settings.relay_interval
        self._sweep_interval = settings.sweep_interval
        self._guard = guard or nullcontext()
        self._fresh = fresh_broker
        self._changed = changed
        self._publishing = Errand(relay.pass_once, "publish the outbox")
        self._repairing = Errand(self._repair, "sweep operations")
        self._rings = Rings(rings, every=fresh_broker)
        self._next_due = self._next_sweep = 0.0
        self._unsent = self._unseen = True  # what a write may have brought and nobody has looked at

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set."""
        while not stop.is_set():
            stop.wait(self.round())

    def round(self) -> float:
        """Do what is due now; return how many seconds to wait before the next round."""
        with self._guard:
            if self._changed():
                self._unsent = self._unseen = True
            sent = self._publish() if self._unsent else 0
            if time.monotonic() >= self._next_due:
                self._repairing.attempt()
            if not self._publishing.failing:
                self._rings.attempt()
        return 0.0 if sent == BATCH else self._idle

    def _publish(self) -> int:
        sent = self._publishing.attempt()
        self._unsent = sent > 0 or self._publishing.failing
        return sent

    def _repair(self) -> int:
        now = time.monotonic()
        self._next_due = now + _DUE_INTERVAL
        rung = 0
        if not self._publishing.failing and (self._unseen or not self._sweeper.quiet):
            rung = self._sweeper.ring_due()
            self._unseen = False
        if now >= self._next_sweep:
            rung += self._sweep()
            self._next_sweep = now + self._sweep_interval
        return rung

    def _sweep(self) -> int:
        self._sweeper.end_overdue()
        if self._publishing.failing:
            return 0
        rung = self._sweeper.ring_lost(every=self._fresh)
        self._fresh = False
        return rung


def _forgetting(ring: Ring, *, every: bool) -> Callable[[], int]:
    """Return a ring that takes what was rung before for lost until it has succeeded once."""
    lost = every

    def call() -> int:
        nonlocal lost
        rung = ring(every=lost)
        lost = False
        return rung

    return call
