"""The topics of the outbox, and what a worker does with a message of each. One row a topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from controlplane.kernel.clock import Clock
from controlplane.operations import doorbell
from controlplane.operations.engine import Engine
from controlplane.operations.plans import Plans
from controlplane.persistence.database import Database
from controlplane.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Work:
    """What a working process is given. It is built in that process and never carried over a fork."""

    database: Database
    plans: Plans
    clock: Clock


Build = Callable[[Settings], Work]
Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Topic:
    """Messages of one meaning: the queue they wait in, and the function that takes one.

    ``handle`` must bear a message that comes twice, late, or speaks of something that is gone.
    """

    name: str
    queue: str
    handle: Callable[[Engine, Payload], None]

    @property
    def task(self) -> str:
        """Name of the Celery task."""
        return f"controlplane.{self.name}"


def _operation(engine: Engine, payload: Payload) -> None:
    engine.run(str(payload["id"]))


# Kinds of work, for operators who give some of them workers of their own.
QUEUES = (doorbell.DEFAULT_QUEUE,)

TOPICS: Mapping[str, Topic] = MappingProxyType(
    {topic.name: topic for topic in (Topic(doorbell.TOPIC, doorbell.DEFAULT_QUEUE, _operation),)}
)


def queue_of(topic: Topic, payload: Payload) -> str:
    """Return the queue of a message: the one it names, if it is one of ours, or its topic's."""
    named = payload.get("queue")
    return named if named in QUEUES else topic.queue
