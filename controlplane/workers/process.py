"""One process of the worker's pool: it builds what it needs after the fork, and takes messages."""

from __future__ import annotations

import logging
import mmap
import time

from controlplane.operations.engine import Engine
from controlplane.persistence.database import DatabaseUnavailableError
from controlplane.settings.model import Settings
from controlplane.workers.topics import Build, Payload, Topic, Worker

log = logging.getLogger(__name__)


class StopFlag:
    """A flag that a process raises and its forked children see."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def raise_it(self, **_: object) -> None:
        """Tell all processes to come to an end."""
        self._shared[0] = 1

    def raised(self) -> bool:
        """Tell whether this process is to come to an end."""
        return self._shared[0] == 1


class PoolProcess:
    """The state of a pool process. The parent makes one and uses it for nothing: children inherit it bare."""

    def __init__(self, settings: Settings, build: Build, stop: StopFlag) -> None:
        self._settings = settings
        self._build = build
        self._stop = stop
        self._worker: Worker | None = None

    def prepare(self, **_: object) -> None:
        """Build everything ahead of the first message. A database that is away is met again then."""
        try:
            self._ready()
        except Exception as error:  # noqa: BLE001 - a pool process that cannot start yet must not crash and loop
            log.warning("not ready yet, trying again with the next message: %s", error)

    def handle(self, topic: Topic, payload: Payload) -> None:
        """Take one message. One that cannot be taken now is dropped: the relay rings again."""
        try:
            worker = self._ready()
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("a message of topic %s is left to the relay: %s", topic.name, error)
            return
        try:
            topic.handle(worker, payload)
        except DatabaseUnavailableError as error:
            log.warning("a message of topic %s is left to its lease, no database: %s", topic.name, error)

    def _ready(self) -> Worker:
        if self._worker is None:
            began = time.monotonic()
            work = self._build(self._settings)
            engine = Engine(work.database, work.plans, work.clock, self._settings, self._stop.raised)
            self._worker = Worker(work, engine, self._stop.raised)
            log.debug("ready in %.3f s", time.monotonic() - began)
        return self._worker
