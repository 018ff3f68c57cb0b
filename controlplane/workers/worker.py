"""The worker: Celery's main process, its pool, and what is hung on their beginnings and ends."""

from __future__ import annotations

import socket
from functools import partial

from celery import Celery, signals

from controlplane.kernel import logs
from controlplane.settings.model import Settings
from controlplane.workers.broker import celery_app, in_memory
from controlplane.workers.process import PoolProcess, StopFlag
from controlplane.workers.relay import RelayThread
from controlplane.workers.topics import TOPICS, Build, Payload, Topic


def assemble(settings: Settings, build: Build) -> Celery:
    """Return a Celery application with its tasks; one per process, since Celery's signals are global."""
    app = celery_app(settings)
    stop = StopFlag()
    pool_process = PoolProcess(settings, build, stop)
    for topic in TOPICS.values():
        _register(app, topic, pool_process)
    signals.setup_logging.connect(partial(_log, settings), weak=False)
    signals.worker_process_init.connect(pool_process.prepare, weak=False)
    signals.worker_shutting_down.connect(stop.raise_it, weak=False)
    if in_memory(settings):
        relay = RelayThread(settings, build, app)
        signals.worker_ready.connect(relay.start, weak=False)
        signals.worker_shutdown.connect(relay.stop, weak=False)
    return app


def run_worker(settings: Settings, build: Build) -> int:
    """Run the worker until SIGTERM (operations are given back between steps); return its exit code."""
    worker = assemble(settings, build).Worker(
        hostname=f"worker@{socket.gethostname()}",
        concurrency=settings.worker_processes,
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _register(app: Celery, topic: Topic, pool_process: PoolProcess) -> None:
    @app.task(name=topic.task, shared=False)  # type: ignore[untyped-decorator]
    def take(payload: Payload) -> None:
        pool_process.handle(topic, payload)


def _log(settings: Settings, **_: object) -> None:
    """Keep Celery from setting up logging its own way."""
    logs.configure(settings.log_level, settings.log_format)
