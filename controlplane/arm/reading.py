"""GET, HEAD and lists.

Whoever may read at the place of a list sees all of it. Whoever may not sees those of its resources that
they may read, and is refused when there are none: an empty list tells nothing, a refusal neither.
"""

from __future__ import annotations

from collections.abc import Sequence

from controlplane.arm import documents, preconditions
from controlplane.arm.contexts import Context, Listing
from controlplane.arm.declaration import ResourceType
from controlplane.arm.mechanism import Mechanism, not_found, parent_of, surroundings
from controlplane.arm.paging import PAGING, Keep, page, page_of, refuse_unknown
from controlplane.arm.requests import Answer, Request
from controlplane.domain.scopes import parse_scope
from controlplane.persistence import resources as store
from controlplane.persistence.resources import ResourceRow, Where


def get(mechanism: Mechanism, declared: ResourceType, request: Request) -> Answer:
    """Show a resource: 200, or 304 when the caller has it already."""
    with mechanism.database.read() as tx:
        ctx = mechanism.context(tx, request)
        row = _seen(mechanism, declared, request, ctx)
        if row is None:
            raise not_found(declared, request.scope)
        tag = preconditions.etag(row)
        known = request.conditions.if_none_match
        if known is not None and preconditions.matches(known, row):
            return Answer(status=304, etag=tag)
        return Answer(status=200, body=documents.document(declared, row, ctx), etag=tag)


def head(mechanism: Mechanism, declared: ResourceType, request: Request) -> Answer:
    """Tell whether a resource is there: 204 or 404, without a body either way."""
    with mechanism.database.read() as tx:
        row = _seen(mechanism, declared, request, mechanism.context(tx, request))
    return Answer(status=404 if row is None else 204)


def _seen(mechanism: Mechanism, declared: ResourceType, request: Request, ctx: Context) -> ResourceRow | None:
    """Return the resource that is asked for, to a caller who may see it."""
    action, sees = f"{declared.rbac}/read", declared.lifecycle.sees
    may = mechanism.access.allowed(ctx.tx, request.principal, action, request.scope)
    if not may and (sees is None or not sees(ctx, request.scope)):
        mechanism.access.require_in(ctx.tx, request.principal, action, request.scope)
    surroundings(ctx.tx, declared, parent_of(request.scope), "GET")
    return mechanism.find(ctx, declared, request.scope)


def list_below(mechanism: Mechanism, declared: ResourceType, request: Request) -> Answer:
    """Show a page of the resources of a type below a parent; ``request.scope`` is the parent's."""
    where = Where(types=[declared.key], parent_key=request.scope.key)
    return _list(mechanism, declared, request, where)


def list_across(mechanism: Mechanism, declared: ResourceType, request: Request) -> Answer:
    """Show a page of the resources of a type in a subscription."""
    where = Where(types=[declared.key], subscription=request.scope.subscription)
    return _list(mechanism, declared, request, where)


def _list(mechanism: Mechanism, declared: ResourceType, request: Request, where: Where) -> Answer:
    refuse_unknown(request.query, (*declared.queries, *PAGING))
    action = f"{declared.rbac}/read"
    with mechanism.database.read() as tx:
        ctx = mechanism.context(tx, request)
        keep = _visible(mechanism, declared, request, ctx)
        if keep is None:
            surroundings(tx, declared, request.scope, "GET")
        rows, after = _rows(declared, ctx, request, where, keep or _all)
        if not rows and keep is not None and declared.lifecycle.sees is None:
            mechanism.access.require_in(tx, request.principal, action, request.scope)
        return Answer(
            status=200,
            body={"value": [documents.document(declared, row, ctx) for row in rows]},
            next=after,
        )


def _rows(
    declared: ResourceType, ctx: Context, request: Request, where: Where, keep: Keep
) -> tuple[list[ResourceRow], str | None]:
    limit, after = page_of(request.query)
    lifecycle = declared.lifecycle
    listing = Listing(
        tx=ctx.tx,
        services=ctx.services,
        now=ctx.now,
        api_version=ctx.api_version,
        principal=ctx.principal,
        scope=request.scope,
        query=request.query,
    )
    if lifecycle.items is not None:
        rows = _by_key(lifecycle.items(listing))
        return page(lambda last, size: [row for row in rows if row.key > last][:size], keep, after, limit)
    own = [] if lifecycle.built_in is None else _by_key(lifecycle.built_in(listing))

    def fetch(last: str, size: int) -> list[ResourceRow]:
        stored = store.page(ctx.tx, where, after=last, limit=size)
        return _by_key([*stored, *(row for row in own if row.key > last)])[:size] if own else stored

    return page(fetch, keep, after, limit)


def _by_key(rows: Sequence[ResourceRow]) -> list[ResourceRow]:
    return sorted(rows, key=lambda row: row.key)


def _visible(mechanism: Mechanism, declared: ResourceType, request: Request, ctx: Context) -> Keep | None:
    """Return which rows a caller may see, None when it is all of them."""
    action, sees, principal = f"{declared.rbac}/read", declared.lifecycle.sees, request.principal
    if mechanism.access.allowed(ctx.tx, principal, action, request.scope):
        return None

    def keep(row: ResourceRow) -> bool:
        scope = parse_scope(row.id)
        return mechanism.access.allowed(ctx.tx, principal, action, scope) or (
            sees is not None and sees(ctx, scope)
        )

    return keep


def _all(_: ResourceRow) -> bool:
    return True
