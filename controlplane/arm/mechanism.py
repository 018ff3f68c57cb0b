"""What every request of the mechanism needs: types, database, who may do what, and how to find things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from controlplane.arm.contexts import Access, Context
from controlplane.arm.declaration import Kind, ResourceType
from controlplane.arm.requests import Request
from controlplane.arm.types import Types
from controlplane.domain.scopes import GROUP_TYPE, SUBSCRIPTION_TYPE, Scope, parse_scope
from controlplane.kernel.catalogue import (
    CHILD_NOT_FOUND,
    CONFLICT,
    GROUP_BEING_DELETED,
    PARENT_NOT_FOUND,
    RESOURCE_GROUP_NOT_FOUND,
    RESOURCE_NOT_FOUND,
    SUBSCRIPTION_NOT_FOUND,
)
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import Failure
from controlplane.kernel.ids import Ids
from controlplane.kernel.states import ProvisioningState
from controlplane.operations import queries
from controlplane.persistence import resources as store
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.resources import ResourceRow
from controlplane.settings.model import Settings

_SCOPES = frozenset({SUBSCRIPTION_TYPE.lower(), GROUP_TYPE.lower()})


@dataclass(frozen=True, slots=True)
class Mechanism:
    """The parts the mechanism is made of; ``services`` is the product's object graph, never opened here."""

    types: Types
    database: Database
    access: Access
    services: Any
    clock: Clock
    ids: Ids
    settings: Settings

    def context(self, tx: Transaction, request: Request) -> Context:
        """Return what a hook is given at least."""
        return Context(
            tx=tx,
            services=self.services,
            now=self.clock.now(),
            api_version=request.api_version,
            principal=request.principal,
        )

    def find(
        self, ctx: Context, declared: ResourceType, scope: Scope, *, lock: bool = False
    ) -> ResourceRow | None:
        """Return a resource, stored or provided by the service; None when there is none."""
        if declared.lifecycle.find is not None:
            return declared.lifecycle.find(ctx, scope)
        row = store.get(ctx.tx, scope.key, lock=lock)
        return row if row is not None and row.type == declared.key else None


def surroundings(
    tx: Transaction, declared: ResourceType, parent: Scope, verb: str, *, writing: bool = False
) -> ResourceRow | None:
    """Return the row below which resources of a type lie, having checked everything above it.

    ``parent`` is its scope; None is returned for the root. With ``writing`` the row is locked until the
    transaction ends, and must be able to take children.

    Raises: Failure: SUBSCRIPTION_NOT_FOUND, RESOURCE_GROUP_NOT_FOUND, PARENT_NOT_FOUND,
    GROUP_BEING_DELETED or CONFLICT.
    """
    if parent.subscription is None:
        return None
    subscription_id = f"/subscriptions/{parent.subscription}"
    row = store.get(tx, subscription_id)
    if row is None:
        raise Failure(SUBSCRIPTION_NOT_FOUND, subscription=parent.subscription)
    if parent.group is not None:
        row = _group(tx, f"{subscription_id}/resourceGroups/{parent.group}", writing=writing)
        if row is None:
            raise Failure(RESOURCE_GROUP_NOT_FOUND, group=parent.group)
    if parent.key != row.key:
        row = store.get(tx, parent.key, lock=writing)
        if row is None:
            path = f"{parent.type}/{parent.name}"
            raise Failure(PARENT_NOT_FOUND, verb=verb, type=declared.type, name=parent.name, parent=path)
        if writing:
            _refuse_closed(tx, declared, row)
    return row


def _refuse_closed(tx: Transaction, declared: ResourceType, parent: ResourceRow) -> None:
    """Refuse a child of what is not there yet, and anything below what is being deleted."""
    if declared.kind is not Kind.EXTENSION and parent.provisioning_state is ProvisioningState.CREATING:
        refuse_busy(tx, parent)
    above: ResourceRow | None = parent
    while above is not None and above.type not in _SCOPES:
        if above.provisioning_state is ProvisioningState.DELETING:
            refuse_busy(tx, above)
        above = store.get(tx, above.parent_key)


def refuse_busy(tx: Transaction, row: ResourceRow | None) -> None:
    """Refuse to write what an operation is under way on.

    Raises:
        Failure: CONFLICT.
    """
    if row is not None and not row.provisioning_state.terminal:
        live = queries.live(tx, row.key)
        raise Failure(CONFLICT, operation="unknown" if live is None else live.id, resource=row.id)


def not_found(declared: ResourceType, scope: Scope) -> Failure:
    """Return the error for a resource that is not there."""
    if declared.missing is not None:
        return declared.missing(scope)
    if declared.type == SUBSCRIPTION_TYPE:
        return Failure(SUBSCRIPTION_NOT_FOUND, subscription=scope.subscription)
    if declared.type == GROUP_TYPE:
        return Failure(RESOURCE_GROUP_NOT_FOUND, group=scope.group)
    if declared.parent == GROUP_TYPE and declared.kind is not Kind.EXTENSION:
        return Failure(RESOURCE_NOT_FOUND, type=declared.type, name=scope.name, group=scope.group)
    return Failure(CHILD_NOT_FOUND, name=scope.name)


def parent_of(scope: Scope) -> Scope:
    """Return the scope above a resource."""
    return scope.parent or parse_scope("/")


def _group(tx: Transaction, group_id: str, *, writing: bool) -> ResourceRow | None:
    row = store.get(tx, group_id.lower(), lock=writing)
    if row is not None and writing and row.provisioning_state is ProvisioningState.DELETING:
        raise Failure(GROUP_BEING_DELETED, group=row.name)
    return row
