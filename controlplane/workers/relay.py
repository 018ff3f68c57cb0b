"""The relay as a thread of the worker (broker in memory) or as a process of its own (any other)."""

from __future__ import annotations

import logging
import signal
import threading

from celery import Celery

from controlplane.operations.pauses import Backoff
from controlplane.operations.relay import Relay, RelayLoop
from controlplane.operations.sweeper import Sweeper
from controlplane.persistence.watch import Watch
from controlplane.settings.model import Settings
from controlplane.workers.broker import celery_app, in_memory, publisher
from controlplane.workers.forks import ForkGuard
from controlplane.workers.topics import Build, rings

log = logging.getLogger(__name__)


class RelayThread:
    """Relay and sweeper beside a worker whose broker is in memory: started and stopped with it."""

    def __init__(self, settings: Settings, build: Build, app: Celery) -> None:
        self._settings = settings
        self._build = build
        self._app = app
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, **_: object) -> None:
        """Start, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
            self._thread.start()

    def stop(self, **_: object) -> None:
        """End the thread, and wait for it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        guard = ForkGuard().install()
        _relay_until(self._stop, self._settings, self._build, self._app, guard)


def run_relay(settings: Settings, build: Build) -> None:
    """Relay and sweep until SIGTERM or SIGINT.

    Raises:
        SystemExit: the broker is in memory, where only the worker's own process reaches it.
    """
    if in_memory(settings):
        raise SystemExit("controlplane relay needs ACRCTL_BROKER_URL; without it the worker relays by itself")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("relay ready")
    _relay_until(stop, settings, build, celery_app(settings), ForkGuard())
    log.info("relay stopped")


def _relay_until(
    stop: threading.Event, settings: Settings, build: Build, app: Celery, guard: ForkGuard
) -> None:
    backoff = Backoff()
    while not stop.is_set():
        try:
            with guard:
                loop = _loop(settings, build, app, guard)
            break
        except Exception as error:  # noqa: BLE001 - a relay outlives a database that is away
            log.warning("cannot start relaying, trying on: %s: %s", type(error).__name__, error)
            stop.wait(backoff.after_failure())
    else:
        return
    loop.run(stop)


def _loop(settings: Settings, build: Build, app: Celery, guard: ForkGuard) -> RelayLoop:
    work = build(settings)
    watch = Watch(work.database)
    guard.closes(work.database.dispose, watch.close)
    return RelayLoop(
        Relay(work.database, publisher(app)),
        Sweeper(work.database, work.plans, work.clock, patience=settings.sweep_interval),
        settings,
        guard=guard,
        fresh_broker=in_memory(settings),
        rings=rings(work),
        changed=watch.changed,
    )
