"""DELETE: at once, or as an operation when the type or something below it has work to do at its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from controlplane.arm import documents, gates, preconditions
from controlplane.arm.contexts import Context
from controlplane.arm.declaration import Kind, ResourceType, Verb
from controlplane.arm.mechanism import Mechanism, parent_of, refuse_busy, surroundings
from controlplane.arm.pipeline import MovedError, accepted, started_over
from controlplane.arm.requests import Answer, Monitor, Request
from controlplane.arm.types import Types
from controlplane.kernel.states import ProvisioningState
from controlplane.persistence import resources as store
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow, Where


def delete(mechanism: Mechanism, declared: ResourceType, request: Request) -> Answer:
    """Delete a resource: 202 with an operation, 200 when it is done at once, 204 when there is none."""
    mechanism.access.require(request.principal, f"{declared.rbac}/delete", request.scope)

    def attempt() -> Answer:
        with mechanism.database.write() as tx:
            return _delete(mechanism, declared, request, tx)

    return started_over(declared, request, attempt)


def _delete(mechanism: Mechanism, declared: ResourceType, request: Request, tx: Transaction) -> Answer:
    ctx = mechanism.context(tx, request)
    surroundings(tx, declared, parent_of(request.scope), "DELETE", writing=True)
    row = mechanism.find(ctx, declared, request.scope, lock=True)
    preconditions.check(request.conditions, row)
    if row is None:
        return Answer(status=204)
    refuse_busy(tx, row)
    declared.lifecycle.ending(tx, row, ctx)
    gates.refuse_if_referred(mechanism.types, tx, row)
    if mechanism.types.deletes_slowly(declared):
        marked = mark(tx, declared, row, ctx)
        operation = accepted(mechanism, tx, request, marked, kind=f"{declared.type}/delete")
        return Answer(status=202, operation=operation, monitor=Monitor.BOTH)
    body = documents.document(declared, row, ctx) if declared.delete_shows else None
    for nested, below in list(descendants(mechanism.types, tx, declared, row)):
        refuse_busy(tx, below)
        remove(mechanism.types, tx, nested, below, ctx)
    remove(mechanism.types, tx, declared, row, ctx)
    return Answer(status=declared.deleted, body=body)


def mark(tx: Transaction, declared: ResourceType, row: ResourceRow, ctx: Context) -> ResourceRow:
    """Put a resource into the state Deleting.

    Raises:
        MovedError: it was changed since it was read.
    """
    marked = store.update(tx, replace(row, provisioning_state=ProvisioningState.DELETING))
    if marked is None:
        raise MovedError
    declared.lifecycle.deleting(tx, marked, ctx)
    return marked


def remove(types: Types, tx: Transaction, declared: ResourceType, row: ResourceRow, ctx: Context) -> None:
    """Remove a resource whose descendants are gone, with its side tables and what refers to it.

    Raises:
        MovedError: it was changed since it was read.
    """
    if not store.delete(tx, row.key, row.version):
        raise MovedError
    declared.lifecycle.removed(tx, row, ctx)
    gates.clear_references(types, tx, row)


def descendants(
    types: Types, tx: Transaction, declared: ResourceType, row: ResourceRow
) -> Iterator[tuple[ResourceType, ResourceRow]]:
    """Yield everything below a resource, what lies deepest first; what is attached to it counts as below."""
    attached = [one for one in types if one.kind is Kind.EXTENSION and Verb.PUT in one.verbs]
    below = {one.key: one for one in [*types.children(declared), *attached]}
    if not below:
        return
    for child in list(store.every(tx, Where(types=list(below), parent_key=row.key))):
        yield from descendants(types, tx, below[child.type], child)
        yield below[child.type], child
