"""Operations for tests: accepting them, plans that note what happened to them, and what became of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from controlplane.kernel.clock import Clock, SystemClock
from controlplane.kernel.errors import ErrorRecord
from controlplane.kernel.ids import RandomIds
from controlplane.kernel.states import OperationStatus
from controlplane.operations.accept import Job, accept
from controlplane.operations.plans import Plan, Plans, Step, StepContext
from controlplane.persistence import operations as store
from controlplane.persistence import outbox
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.operations import OperationRow

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
KIND = "Toy/things/write"


def submit(
    database: Database,
    name: str = "thing",
    *,
    kind: str = KIND,
    clock: Clock | None = None,
    given: Mapping[str, Any] | None = None,
    deadline: float = 600,
) -> str:
    """Accept an operation on the resource ``name``; return its id."""
    resource = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Toy/things/{name}"
    job = Job(
        kind=kind,
        resource_key=resource.lower(),
        resource_id=resource,
        subscription=SUBSCRIPTION,
        location="eastus",
        deadline=deadline,
        input=given or {},
        previous=None,
        caller={"name": "tester"},
    )
    with database.write() as tx:
        return accept(tx, job, clock or SystemClock(), RandomIds()).id


def look(database: Database, operation_id: str) -> OperationRow:
    """Return an operation as stored now."""
    with database.read() as tx:
        row = store.get(tx, operation_id)
    assert row is not None, f"operation {operation_id} is gone"
    return row


def doorbells(database: Database) -> list[str]:
    """Ids of the operations that doorbells in the outbox name, oldest first."""
    with database.read() as tx:
        return [str(row.payload["id"]) for row in outbox.take(tx, 10_000)]


def empty_outbox(database: Database) -> None:
    """Take away what is in the outbox, as a relay does."""
    with database.write() as tx:
        outbox.delete(tx, [row.id for row in outbox.take(tx, 10_000)])


class Witness:
    """Notes every completion, and in which order steps ran. Safe to share between threads."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.ends: list[tuple[str, OperationStatus, str | None]] = []
        self._lock = threading.Lock()

    def completed(
        self, _tx: Transaction, row: OperationRow, status: OperationStatus, error: ErrorRecord | None
    ) -> None:
        """Note an end; the plan's ``complete``."""
        with self._lock:
            self.ends.append((row.id, status, error.code if error else None))

    def step(self, name: str, action: Callable[[StepContext], Any] | None = None) -> Step:
        """Return a step that notes that it ran, does ``action`` and records its answer."""

        def run(ctx: StepContext) -> Any:
            with self._lock:
                self.steps.append(name)
            return action(ctx) if action else name

        return Step(name, run)

    def plans(self, *steps: Step, kind: str = KIND, **more: Any) -> Plans:
        """Return the plans of a deployment that knows one kind of operation."""
        return Plans({kind: Plan(kind, steps, self.completed, **more)})


def names(rows: Sequence[OperationRow]) -> list[str]:
    """Ids of some operations."""
    return [row.id for row in rows]
