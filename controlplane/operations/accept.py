"""Accepting an operation: in the transaction that changes its resource, together with its doorbell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controlplane.kernel.catalogue import CONFLICT
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import Failure
from controlplane.kernel.ids import Ids
from controlplane.kernel.states import OperationStatus
from controlplane.operations import doorbell
from controlplane.persistence import operations as store
from controlplane.persistence.database import Transaction
from controlplane.persistence.operations import OperationRow

_TRIES = 5

APART = "#"
"""What follows it in a resource key sets an operation apart from others on the same resource."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done.

    Attributes:
        kind: names the plan, for example ``Microsoft.ContainerRegistry/registries/write``.
        resource_key: lower-cased id of the resource; it may have one live operation.
        resource_id: the id as given.
        subscription: for listing; None for an operation outside subscriptions.
        location: region, shown in the address of the result.
        deadline: seconds after which the operation fails.
        input: what the steps need, JSON.
        previous: the resource as it was, to revert to, JSON.
        caller: who asked, JSON, for systemData and the activity log.
    """

    kind: str
    resource_key: str
    resource_id: str
    subscription: str | None
    location: str | None
    deadline: float
    input: Mapping[str, Any]
    previous: Mapping[str, Any] | None
    caller: Mapping[str, Any]


def accept(tx: Transaction, job: Job, clock: Clock, ids: Ids) -> OperationRow:
    """Store an operation and ring for it; both become real when the caller's transaction commits.

    The transaction is the one that also writes the resource's non-terminal state.

    Raises:
        Failure: CONFLICT, another operation is under way on the resource.
    """
    now = clock.now()
    row = OperationRow(
        id=ids.uuid(),
        kind=job.kind,
        resource_key=job.resource_key,
        resource_id=job.resource_id,
        subscription=job.subscription,
        location=job.location,
        status=OperationStatus.ACCEPTED,
        attempt=0,
        lease_until=None,
        deadline=now + timedelta(seconds=job.deadline),
        rung_at=now,
        not_before=now,
        checkpoints={},
        input=job.input,
        previous=job.previous,
        result=None,
        error=None,
        percent=0,
        cancel_requested=False,
        caller=job.caller,
        created_at=now,
        started_at=None,
        ended_at=None,
    )
    _insert(tx, row)
    doorbell.ring(tx, row.id, doorbell.DEFAULT_QUEUE, now)
    return row


def _insert(tx: Transaction, row: OperationRow) -> None:
    """Insert, or name the operation that is in the way; that one may end between the two looks."""
    for _ in range(_TRIES):
        if store.insert(tx, row):
            return
        other = store.live(tx, row.resource_key)
        if other is not None:
            raise Failure(CONFLICT, operation=other.id, resource=row.resource_id)
    raise Failure(CONFLICT, operation="unknown", resource=row.resource_id)
