"""The topics of the outbox: what a worker does with a message, and what is rung again. One row a topic.

A message is a doorbell: it names what to look at, and may come twice, late, or never. What there is to do
is in the database, and a topic says with ``due`` how the relay finds what was lost or has become due. So a
topic consists of a table with columns like ``due_at``, ``rung_at`` and ``lease_until``, and two functions:

- ``due`` reads what is due and nobody holds, stamps ``rung_at`` by compare-and-set, and puts messages into
  the outbox in the same transaction (``services.upkeep.Upkeep.ring`` is an example);
- ``handle`` claims by compare-and-set with a lease, does the work, and writes fenced by the claim.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from controlplane.kernel.clock import Clock
from controlplane.operations import doorbell
from controlplane.operations.engine import Engine
from controlplane.operations.plans import Plans
from controlplane.operations.relay import Ring
from controlplane.persistence.database import Database
from controlplane.services import content_events, content_replication, upkeep
from controlplane.services.graph import Services
from controlplane.services.upkeep import Upkeep
from controlplane.services.webhooks import DELIVERIES_TOPIC
from controlplane.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Product:
    """What a process can do beyond operations."""

    services: Services
    upkeep: Upkeep


@dataclass(frozen=True, slots=True)
class Work:
    """What a working process is given. It is built in that process and never carried over a fork.

    Without a ``product`` it carries out operations and nothing else.
    """

    database: Database
    plans: Plans
    clock: Clock
    product: Product | None = None


Build = Callable[[Settings], Work]
Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Worker:
    """What a handler is given: the process's engine and product, and whether it is asked to end.

    A handler that sees ``stopping`` gives back what it has claimed.
    """

    work: Work
    engine: Engine
    stopping: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Topic:
    """Messages of one meaning: the queue they wait in, the function that takes one, what is rung again.

    ``handle`` must bear a message that comes twice, late, or speaks of something that is gone.
    ``due`` makes, of what a process works with, the function that the relay calls every second: it rings for
    what is due or was lost, and returns how often. It reads first and writes only if there is need.
    Operations have none: their sweeper, which also ends what is overdue, belongs to the relay itself.
    """

    name: str
    queue: str
    handle: Callable[[Worker, Payload], None]
    due: Callable[[Product], Ring] | None = None

    @property
    def task(self) -> str:
        """Name of the Celery task."""
        return f"controlplane.{self.name}"


def _operation(worker: Worker, payload: Payload) -> None:
    worker.engine.run(str(payload["id"]))


def _chore(worker: Worker, payload: Payload) -> None:
    if worker.work.product is not None:
        worker.work.product.upkeep.run(str(payload["name"]), worker.stopping)


def _ring_chores(product: Product) -> Ring:
    return product.upkeep.ring


def _tell(worker: Worker, payload: Payload) -> None:
    product = worker.work.product
    while product is not None and product.services.webhooks.fan_out(int(payload["registry"])):
        pass


def _ring_events(product: Product) -> Ring:
    return product.services.webhooks.ring


def _deliver(worker: Worker, _payload: Payload) -> None:
    if worker.work.product is not None:
        worker.work.product.services.deliverer.run_all(worker.stopping)


def _ring_deliveries(product: Product) -> Ring:
    return product.services.deliverer.ring


def _replicate(worker: Worker, payload: Payload) -> None:
    if worker.work.product is not None:
        worker.work.product.services.replicator.run_all(str(payload["region"]), worker.stopping)


def _ring_replication(product: Product) -> Ring:
    return product.services.replicator.ring


# Kinds of work, for operators who give some of them workers of their own.
UPKEEP = "upkeep"
DELIVERIES = "deliveries"
REPLICATION = "replication"
QUEUES = (doorbell.DEFAULT_QUEUE, UPKEEP, DELIVERIES, REPLICATION)

TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        topic.name: topic
        for topic in (
            Topic(doorbell.TOPIC, doorbell.DEFAULT_QUEUE, _operation),
            Topic(upkeep.TOPIC, UPKEEP, _chore, _ring_chores),
            Topic(content_events.TOPIC, DELIVERIES, _tell, _ring_events),
            Topic(DELIVERIES_TOPIC, DELIVERIES, _deliver, _ring_deliveries),
            Topic(content_replication.TOPIC, REPLICATION, _replicate, _ring_replication),
        )
    }
)


def rings(work: Work) -> Mapping[str, Ring]:
    """Return what the relay of a process calls, by topic."""
    product = work.product
    if product is None:
        return {}
    return {topic.name: topic.due(product) for topic in TOPICS.values() if topic.due is not None}


def queue_of(topic: Topic, payload: Payload) -> str:
    """Return the queue of a message: the one it names, if it is one of ours, or its topic's."""
    named = payload.get("queue")
    return named if named in QUEUES else topic.queue
