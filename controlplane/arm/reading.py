"""GET, HEAD and lists.

Whoever may read at the place of a list sees all of it. Whoever may not sees those of its resources that
they may read, and is refused when there are none: an empty list tells nothing, a refusal neither.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence

from controlplane.arm import documents, preconditions
from controlplane.arm.contexts import Context, Listing
from controlplane.arm.declaration import ResourceType
from controlplane.arm.mechanism import Mechanism, not_found, parent_of, surroundings
from controlplane.arm.requests import Answer, Request
from controlplane.domain.principals import Principal
from controlplane.domain.scopes import Scope, parse_scope
from controlplane.kernel.catalogue import INVALID_PARAMETER
from controlplane.kernel.errors import Failure
from controlplane.persistence import resources as store
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow, Where

PAGE = 100
_LONGEST_PAGE = 1000
PAGING = ("$top", "$skiptoken")

Keep = Callable[[ResourceRow], bool]


def get(mechanism: Mechanism, declared: ResourceType, request: Request) -> Answer:
    """Show a resource: 200, or 304 when the caller has it already."""
    mechanism.access.require(request.principal, f"{declared.rbac}/read", request.scope)
    with mechanism.database.read() as tx:
        ctx = mechanism.context(tx, request)
        surroundings(tx, declared, parent_of(request.scope), "GET")
        row = mechanism.find(ctx, declared, request.scope)
        if row is None:
            raise not_found(declared, request.scope)
        tag = preconditions.etag(row)
        known = request.conditions.if_none_match
        if known is not None and preconditions.matches(known, row):
            return Answer(status=304, etag=tag)
        return Answer(status=200, body=documents.document(declared, row, ctx), etag=tag)


def head(mechanism: Mechanism, declared: ResourceType, request: Request) -> Answer:
    """Tell whether a resource is there: 204 or 404, without a body either way."""
    mechanism.access.require(request.principal, f"{declared.rbac}/read", request.scope)
    with mechanism.database.read() as tx:
        surroundings(tx, declared, parent_of(request.scope), "HEAD")
        row = mechanism.find(mechanism.context(tx, request), declared, request.scope)
    return Answer(status=404 if row is None else 204)


def list_below(mechanism: Mechanism, declared: ResourceType, request: Request) -> Answer:
    """Show a page of the resources of a type below a parent; ``request.scope`` is the parent's."""
    where = Where(types=[declared.key], parent_key=request.scope.key)
    return _list(mechanism, declared, request, where)


def list_across(mechanism: Mechanism, declared: ResourceType, request: Request) -> Answer:
    """Show a page of the resources of a type in a subscription."""
    where = Where(types=[declared.key], subscription=request.scope.subscription)
    return _list(mechanism, declared, request, where)


def _list(mechanism: Mechanism, declared: ResourceType, request: Request, where: Where) -> Answer:
    refuse_unknown_queries(request, (*declared.queries, *PAGING))
    action = f"{declared.rbac}/read"
    with mechanism.database.read() as tx:
        ctx = mechanism.context(tx, request)
        keep = visible(mechanism, tx, request.principal, action, request.scope)
        if keep is None:
            surroundings(tx, declared, request.scope, "GET")
        rows, after = _rows(declared, ctx, request, where, keep or _all)
        if not rows and keep is not None:
            mechanism.access.require(request.principal, action, request.scope)
        return Answer(
            status=200,
            body={"value": [documents.document(declared, row, ctx) for row in rows]},
            next=after,
        )


def _rows(
    declared: ResourceType, ctx: Context, request: Request, where: Where, keep: Keep
) -> tuple[list[ResourceRow], str | None]:
    limit, after = page_of(request)
    if declared.lifecycle.items is None:
        return page(lambda last, size: store.page(ctx.tx, where, after=last, limit=size), keep, after, limit)
    listing = Listing(
        tx=ctx.tx,
        services=ctx.services,
        now=ctx.now,
        api_version=ctx.api_version,
        principal=ctx.principal,
        scope=request.scope,
        query=request.query,
    )
    rows = sorted(declared.lifecycle.items(listing), key=lambda row: row.key)
    return page(lambda last, size: [row for row in rows if row.key > last][:size], keep, after, limit)


def visible(
    mechanism: Mechanism, tx: Transaction, principal: Principal, action: str, scope: Scope
) -> Keep | None:
    """Return which rows a caller may see, None when it is all of them."""
    if mechanism.access.allowed(tx, principal, action, scope):
        return None
    return lambda row: mechanism.access.allowed(tx, principal, action, parse_scope(row.id))


def page(
    fetch: Callable[[str, int], Sequence[ResourceRow]], keep: Keep, after: str, limit: int
) -> tuple[list[ResourceRow], str | None]:
    """Fill a page with the rows that are kept, fetching as often as it takes; tell where the next begins."""
    rows: list[ResourceRow] = []
    while True:
        batch = fetch(after, limit + 1)
        for row in batch:
            after = row.key
            if not keep(row):
                continue
            if len(rows) == limit:
                return rows, _token(rows[-1].key)
            rows.append(row)
        if len(batch) <= limit:
            return rows, None


def page_of(request: Request) -> tuple[int, str]:
    """Return the size of the page that is asked for and the key it begins after.

    Raises:
        Failure: INVALID_PARAMETER, ``$top`` is no positive number or ``$skiptoken`` none of ours.
    """
    top = request.query.get("$top")
    if top is None:
        limit = PAGE
    elif top.isascii() and top.isdigit() and int(top[:9]) > 0:
        limit = min(int(top[:9]), _LONGEST_PAGE)
    else:
        raise Failure(
            INVALID_PARAMETER, reason=f"$top must be a positive number, not '{top}'.", target="$top"
        )
    token = request.query.get("$skiptoken")
    return limit, "" if token is None else _after(token)


def refuse_unknown_queries(request: Request, known: Sequence[str]) -> None:
    """Refuse OData parameters that would otherwise be ignored.

    Raises:
        Failure: INVALID_PARAMETER.
    """
    for name in request.query:
        if name.startswith("$") and name not in known:
            raise Failure(
                INVALID_PARAMETER, reason=f"The query parameter '{name}' is not supported here.", target=name
            )


def _all(_: ResourceRow) -> bool:
    return True


def _token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _after(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, ValueError):
        raise Failure(
            INVALID_PARAMETER, reason="The skip token is not one of this service.", target="$skiptoken"
        ) from None
