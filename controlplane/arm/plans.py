"""What the operations of the mechanism do: the declared steps, and the resource's end state.

A worker builds these from the same declarations as the web process builds its routes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from controlplane.arm import deletion
from controlplane.arm.contexts import Context
from controlplane.arm.declaration import Action, ResourceStep, ResourceType
from controlplane.arm.pipeline import MovedError
from controlplane.arm.types import Types
from controlplane.kernel.catalogue import NESTED_RESOURCE_BUSY
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import ErrorRecord, Failure
from controlplane.kernel.states import OperationStatus, ProvisioningState
from controlplane.operations import queries
from controlplane.operations.accept import APART
from controlplane.operations.plans import Plan, Plans, Step, StepContext
from controlplane.persistence import resources as store
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.operations import OperationRow
from controlplane.persistence.resources import ResourceRow

_MOST = 90  # percent; the rest is left to the type's own steps


def plans_of(types: Types, database: Database, services: Any, clock: Clock) -> Plans:
    """Return the plan of every operation that the types may ask for."""
    maker = _Maker(types, database, services, clock)
    return Plans({plan.kind: plan for declared in types for plan in maker.of(declared)})


class RunningResourceStep:
    """What a resource's step is given: the engine's context, the object graph and the resource."""

    def __init__(self, engine: StepContext, database: Database, services: Any, key: str) -> None:
        self._engine = engine
        self._database = database
        self._key = key
        self.services = services

    @property
    def operation(self) -> OperationRow:
        """The operation as claimed."""
        return self._engine.operation

    @property
    def results(self) -> Mapping[str, Any]:
        """Recorded results of the steps that ended before, by step name."""
        return self._engine.results

    @property
    def row(self) -> ResourceRow:
        """The resource as stored now.

        Raises:
            LookupError: it is gone.
        """
        with self._database.read() as tx:
            row = store.get(tx, self._key)
        if row is None:
            raise LookupError(self._key)
        return row

    def write(self) -> AbstractContextManager[Transaction]:
        """Open a writing transaction that is fenced."""
        return self._engine.write()

    def progress(self, percent: int) -> None:
        """Record progress and renew the lease."""
        self._engine.progress(percent)


@dataclass(frozen=True, slots=True)
class _Maker:
    types: Types
    database: Database
    services: Any
    clock: Clock

    def of(self, declared: ResourceType) -> Iterator[Plan]:
        lifecycle = declared.lifecycle
        if lifecycle.provision:
            yield Plan(
                kind=f"{declared.type}/write",
                steps=self._steps(lifecycle.provision),
                complete=lambda tx, op, status, _: self._end_write(declared, tx, op, status),
            )
        if self.types.deletes_slowly(declared):
            nested = Step("nested resources", lambda engine: self._end_nested(declared, engine))
            yield Plan(
                kind=f"{declared.type}/delete",
                steps=[nested, *self._steps(lifecycle.deprovision)],
                complete=lambda tx, op, status, _: self._end_delete(declared, tx, op, status),
            )
        for action in declared.actions:
            if action.long_running:
                yield Plan(
                    kind=f"{declared.type}/{action.name}/action",
                    steps=self._steps(action.steps),
                    complete=_leave,
                    result=_result_of(action),
                )

    def _steps(self, declared: Sequence[ResourceStep]) -> list[Step]:
        return [Step(step.name, self._bound(step)) for step in declared]

    def _bound(self, step: ResourceStep) -> Callable[[StepContext], Any]:
        return lambda engine: step.run(
            self._running(engine, engine.operation.resource_key.partition(APART)[0])
        )

    def _running(self, engine: StepContext, key: str) -> RunningResourceStep:
        return RunningResourceStep(engine, self.database, self.services, key)

    def _context(self, tx: Transaction, operation: OperationRow) -> Context:
        version = str(operation.input["apiVersion"])
        return Context(tx=tx, services=self.services, now=self.clock.now(), api_version=version)

    def _end_write(
        self, declared: ResourceType, tx: Transaction, operation: OperationRow, status: OperationStatus
    ) -> None:
        """Succeeded; or reverted to what it was; or, when it was new, failed for the caller to look at."""
        row = store.get(tx, operation.resource_key, lock=True)
        if row is None:
            return
        ctx = self._context(tx, operation)
        if status is OperationStatus.SUCCEEDED or operation.previous is None:
            ended = _moved(tx, replace(row, provisioning_state=ProvisioningState(status.value)))
        else:
            state = ProvisioningState(operation.previous["provisioning_state"])
            ended = _moved(tx, replace(row, **{**operation.previous, "provisioning_state": state}))
            declared.lifecycle.saved(tx, row, ended, ctx)
        declared.lifecycle.settled(tx, ended, ctx)

    def _end_delete(
        self, declared: ResourceType, tx: Transaction, operation: OperationRow, status: OperationStatus
    ) -> None:
        row = store.get(tx, operation.resource_key, lock=True)
        if row is None:
            return
        ctx = self._context(tx, operation)
        if status is OperationStatus.SUCCEEDED:
            deletion.remove(self.types, tx, declared, row, ctx)
            return
        ended = _moved(tx, replace(row, provisioning_state=ProvisioningState(status.value)))
        declared.lifecycle.settled(tx, ended, ctx)

    def _end_nested(self, declared: ResourceType, engine: StepContext) -> int:
        """End everything below a resource, the deepest first, by its own steps; return how many.

        Twice: what is gone is not found again. Dies midway: the next attempt finds the rest. Nothing can be
        added meanwhile, as the resource is in the state Deleting.
        """
        with self.database.read() as tx:
            row = store.get(tx, engine.operation.resource_key)
            below = [] if row is None else list(deletion.descendants(self.types, tx, declared, row))
        for place, (nested, child) in enumerate(below):
            self._end_one(nested, child.key, engine)
            engine.progress(_MOST * (place + 1) // len(below))
        return len(below)

    def _end_one(self, declared: ResourceType, key: str, engine: StepContext) -> None:
        with engine.write() as tx:
            row = store.get(tx, key, lock=True)
            if row is None:
                return
            live = queries.live(tx, key)
            if live is not None:
                raise Failure(NESTED_RESOURCE_BUSY, operation=live.id, resource=row.id, retryable=True)
            if declared.lifecycle.deprovision:
                deletion.mark(tx, declared, row, self._context(tx, engine.operation))
        for step in declared.lifecycle.deprovision:
            step.run(self._running(engine, key))
        with engine.write() as tx:
            row = store.get(tx, key, lock=True)
            if row is not None:
                deletion.remove(self.types, tx, declared, row, self._context(tx, engine.operation))


def _moved(tx: Transaction, row: ResourceRow) -> ResourceRow:
    """Write a row that the transaction has locked."""
    written = store.update(tx, row)
    if written is None:
        raise MovedError
    return written


def _leave(_tx: Transaction, _op: OperationRow, _status: OperationStatus, _error: ErrorRecord | None) -> None:
    """Leave the resource as it is: an action is not about its state."""


def _result_of(action: Action) -> Callable[[OperationRow, Mapping[str, Any]], Any] | None:
    name = action.answer
    return None if name is None else lambda _operation, results: results.get(name)
