"""The doorbell: the message that tells some worker to look at an operation."""

from __future__ import annotations

from datetime import datetime

from controlplane.persistence import outbox
from controlplane.persistence.database import Transaction

TOPIC = "operations"
DEFAULT_QUEUE = "provision"


def ring(tx: Transaction, operation_id: str, queue: str, now: datetime) -> None:
    """Ask for a look at an operation, by a worker that takes this kind of work (``queue``)."""
    outbox.put(tx, TOPIC, {"id": operation_id, "queue": queue}, now)
