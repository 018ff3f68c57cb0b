"""Celery's configuration, and publishing to its broker."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from celery import Celery
from kombu.entity import Queue

from controlplane.operations.relay import Publish
from controlplane.settings.model import Settings
from controlplane.workers.topics import QUEUES, TOPICS, queue_of

_IN_MEMORY = "memory://localhost/"

# Celery is the process pool: it keeps no results, and nothing rests on its delivery.
_FIXED: Mapping[str, Any] = MappingProxyType(
    {
        "task_serializer": "json",
        "accept_content": ["json"],
        "result_backend": None,
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "task_default_queue": QUEUES[0],
        "task_create_missing_queues": False,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_redirect_stdouts": False,
        "worker_pool": "prefork",
        "worker_pool_start_method": "fork",
        # How long a dead process's task counts as running; a result that arrives later is no loss.
        "worker_lost_wait": 1.0,
        # A connection that comes back finds its tasks running on; the lease keeps them from running twice.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # One retry, at once: it mends a pooled connection that broke. The relay does the waiting.
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0, "interval_max": 0},
    }
)

# A broker that vanishes without a word is noticed in seconds. Nothing is acknowledged to Redis: a lost
# acknowledgement would take a place in the pool for good, and two of them would stop a worker that has two.
# What a dead worker held is rung again by the sweeper, not after a visibility timeout.
_REDIS: Mapping[str, Any] = MappingProxyType(
    {
        "socket_connect_timeout": 5,
        "socket_timeout": 10,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "retry_on_timeout": True,
        "ack_emulation": False,
    }
)


def in_memory(settings: Settings) -> bool:
    """Tell whether the broker lives in the worker's own process."""
    return (settings.broker_url or _IN_MEMORY).startswith("memory")


def celery_app(settings: Settings) -> Celery:
    """Make the Celery application; connects to nothing."""
    app = Celery("controlplane", set_as_current=False)
    app.conf.update(
        _FIXED,
        broker_url=settings.broker_url or _IN_MEMORY,
        broker_transport="controlplane.workers.in_process:Transport" if in_memory(settings) else None,
        broker_transport_options=_transport_options(settings),
        task_queues=[Queue(name) for name in QUEUES],  # type: ignore[no-untyped-call]
        worker_concurrency=settings.worker_processes,
    )
    return app


def publisher(app: Celery) -> Publish:
    """Return the function that hands a message of the outbox to the broker.

    It raises what kombu or the broker's client raise when the broker cannot be reached, and LookupError
    for a topic this version does not know: that message stays for a relay that does.
    """

    def publish(name: str, payload: Mapping[str, Any]) -> None:
        topic = TOPICS[name]
        app.send_task(topic.task, (dict(payload),), queue=queue_of(topic, payload), ignore_result=True)

    return publish


def _transport_options(settings: Settings) -> dict[str, Any]:
    return dict(_REDIS) if (settings.broker_url or "").startswith(("redis", "rediss")) else {}
