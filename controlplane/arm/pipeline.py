"""The only PUT of the system. PATCH is a JSON merge patch and then that PUT.

One transaction holds everything a write does: the checks, the row, its side tables and, when the type has
something to provision, the operation with its doorbell. Writers that meet start over from what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from controlplane.arm import documents, gates, naming, preconditions
from controlplane.arm.contexts import Validation
from controlplane.arm.declaration import ResourceType
from controlplane.arm.drafts import draft, row_of
from controlplane.arm.mechanism import Mechanism, not_found, parent_of, refuse_busy, surroundings
from controlplane.arm.requests import Answer, Monitor, Request
from controlplane.kernel.catalogue import CONFLICT
from controlplane.kernel.errors import Failure
from controlplane.kernel.states import ProvisioningState
from controlplane.operations.accept import APART, Job, accept
from controlplane.persistence import resources as store
from controlplane.persistence.database import Transaction, UniqueViolationError
from controlplane.persistence.operations import OperationRow
from controlplane.persistence.resources import ResourceRow

_TRIES = 5


class MovedError(Exception):
    """What was read has been changed by another; nothing was written."""


def put(mechanism: Mechanism, declared: ResourceType, request: Request) -> Answer:
    """Create a resource or replace it. 201 or 200; with an operation when there is work to do."""
    return _write(mechanism, declared, request, patch=False)


def patch(mechanism: Mechanism, declared: ResourceType, request: Request) -> Answer:
    """Change a resource by a JSON merge patch. 200; with an operation when there is work to do."""
    return _write(mechanism, declared, request, patch=True)


def started_over(declared: ResourceType, request: Request, attempt: Callable[[], Answer]) -> Answer:
    """Run one attempt at a write, again when another writer was faster.

    Raises:
        Failure: what the attempt raises, the type's own error for a name in use, or CONFLICT at last.
    """
    for _ in range(_TRIES):
        try:
            return attempt()
        except MovedError:
            continue
        except UniqueViolationError as error:
            if _is_row(error):
                continue
            if declared.lifecycle.taken is None:
                raise
            raise declared.lifecycle.taken(request.scope) from error
    raise Failure(CONFLICT, operation="unknown", resource=request.scope.id)


def _write(mechanism: Mechanism, declared: ResourceType, request: Request, *, patch: bool) -> Answer:
    mechanism.access.require(request.principal, f"{declared.rbac}/write", request.scope)
    naming.check(declared, request.scope)
    given = request.body()

    def attempt() -> Answer:
        with mechanism.database.write() as tx:
            return _Attempt(mechanism, declared, request, tx).run(given, patch=patch)

    return started_over(declared, request, attempt)


class _Attempt:
    """One attempt at a write, inside its transaction."""

    def __init__(
        self, mechanism: Mechanism, declared: ResourceType, request: Request, tx: Transaction
    ) -> None:
        self.mechanism = mechanism
        self.declared = declared
        self.request = request
        self.tx = tx

    def run(self, given: Mapping[str, Any], *, patch: bool) -> Answer:
        ctx = self._checked(given, patch=patch)
        row = row_of(self.declared, self.request.scope, ctx, ProvisioningState.SUCCEEDED)
        slow = self._needs_provisioning(ctx.before, row)
        if slow:
            state = ProvisioningState.CREATING if ctx.creating else ProvisioningState.UPDATING
            row = row_of(self.declared, self.request.scope, ctx, state)
        row = self._stored(ctx.before, row)
        self.declared.lifecycle.saved(self.tx, ctx.before, row, ctx)
        return Answer(
            status=201 if ctx.creating else self.declared.replaced,
            body=documents.document(self.declared, row, ctx),
            etag=preconditions.etag(row),
            operation=self._accepted(ctx.before, row) if slow else None,
            monitor=Monitor.STATUS if slow else None,
        )

    def _checked(self, given: Mapping[str, Any], *, patch: bool) -> Validation:
        declared, request, tx = self.declared, self.request, self.tx
        verb = "PATCH" if patch else "PUT"
        parent = surroundings(tx, declared, parent_of(request.scope), verb, writing=True)
        base = self.mechanism.context(tx, request)
        before = self.mechanism.find(base, declared, request.scope, lock=True)
        preconditions.check(request.conditions, before)
        if before is None and patch:
            raise not_found(declared, request.scope)
        refuse_busy(tx, before)
        available = self.mechanism.settings.all_locations
        ctx = Validation(
            tx=tx,
            services=base.services,
            now=base.now,
            api_version=base.api_version,
            principal=base.principal,
            scope=request.scope,
            before=before,
            after=draft(declared, before, given, request.api_version, available, patch=patch),
            parent=parent,
            given=given,
        )
        gates.check_tier(declared, ctx)
        declared.lifecycle.validate(ctx)
        gates.check_references(self.mechanism.types, declared, ctx)
        return ctx

    def _needs_provisioning(self, before: ResourceRow | None, after: ResourceRow) -> bool:
        lifecycle = self.declared.lifecycle
        if not lifecycle.provision:
            return False
        sound = before is not None and before.provisioning_state is ProvisioningState.SUCCEEDED
        return not sound or lifecycle.provisions is None or lifecycle.provisions(before, after)

    def _stored(self, before: ResourceRow | None, row: ResourceRow) -> ResourceRow:
        if before is None:
            store.insert(self.tx, row)
            return row
        written = store.update(self.tx, row)
        if written is None:
            raise MovedError
        return written

    def _accepted(self, before: ResourceRow | None, row: ResourceRow) -> OperationRow:
        return accepted(
            self.mechanism,
            self.tx,
            self.request,
            row,
            kind=f"{self.declared.type}/write",
            previous=None if before is None else changeable(before),
        )


def accepted(  # noqa: PLR0913 - what an operation is made of
    mechanism: Mechanism,
    tx: Transaction,
    request: Request,
    row: ResourceRow,
    *,
    kind: str,
    given: Mapping[str, Any] | None = None,
    previous: Mapping[str, Any] | None = None,
    deadline: str = "operation_deadline",
    apart: str = "",
) -> OperationRow:
    """Accept an operation on a resource in the transaction that writes it.

    ``deadline`` names the setting that says how many seconds it may take; ``apart`` sets it apart from the
    one operation that a resource may have otherwise.
    """
    principal = request.principal
    name, actor = principal.actor
    job = Job(
        kind=kind,
        resource_key=f"{row.key}{APART}{apart}" if apart else row.key,
        resource_id=row.id,
        subscription=row.subscription,
        location=row.location or mechanism.settings.location,
        input={"apiVersion": request.api_version, **(given or {})},
        previous=previous,
        caller={
            "objectId": principal.object_id,
            "actor": name,
            "actorType": actor,
            "correlation": request.correlation,
        },
        deadline=getattr(mechanism.settings, deadline),
    )
    return accept(tx, job, mechanism.clock, mechanism.ids)


def changeable(row: ResourceRow) -> dict[str, Any]:
    """Return what an update may change of a row, as JSON, to revert to."""
    return {
        "tags": row.tags,
        "members": row.members,
        "properties": row.properties,
        "system_data": row.system_data,
        "provisioning_state": row.provisioning_state.value,
    }


def _is_row(error: UniqueViolationError) -> bool:
    """Tell whether the resource itself was created by another meanwhile."""
    return "pk_resources" in error.constraint or "resources.key" in error.constraint
