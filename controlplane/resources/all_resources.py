"""Lists of tracked resources of every type, in a subscription or a group.

``az acr … -n NAME`` finds a registry's group with it. A caller without rights on the whole place sees what
they may read, and is refused when that is nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from controlplane.arm.contexts import Call
from controlplane.arm.declaration import ANY_CALLER, Endpoint
from controlplane.arm.fields import anything, items, model, nested, table, text
from controlplane.arm.paging import filter_of, page, page_of
from controlplane.arm.requests import Answer
from controlplane.domain.api_versions import RESOURCES
from controlplane.domain.filters import Filter, demanded, holds
from controlplane.domain.scopes import Scope, parse_scope
from controlplane.kernel.catalogue import RESOURCE_GROUP_NOT_FOUND, SUBSCRIPTION_NOT_FOUND
from controlplane.kernel.errors import Failure
from controlplane.persistence import resources as store
from controlplane.persistence.resources import ResourceRow, Where
from controlplane.services.graph import Services

READ = "Microsoft.Resources/subscriptions/resources/read"
_NAMES = frozenset({"resourcetype", "name", "location", "resourcegroup", "tagname", "tagvalue"})
_SHOWN = ("sku", "identity")

_RESOURCE = model(
    "GenericResourceExpanded",
    {
        "id": text(),
        "name": text(),
        "type": text(),
        "location": text(),
        "tags": table(text()),
        "sku": anything(),
        "identity": anything(),
    },
)
_PAGE = model("ResourceListResult", {"value": items(nested(_RESOURCE)), "nextLink": text()})


def _list(ctx: Call) -> Answer:
    services: Services = ctx.services
    tree = filter_of(ctx.query, _NAMES)
    limit, after = page_of(ctx.query)
    where = _where(ctx.scope, tree)
    everything = _allowed(ctx, READ, ctx.scope)
    if everything:
        _refuse_unknown(ctx)

    def keep(row: ResourceRow) -> bool:
        if row.location is None or row.group_key is None:
            return False
        if tree is not None and not holds(tree, partial(_values, row, tree)):
            return False
        scope = parse_scope(row.id)
        return everything or _allowed(ctx, f"{scope.type}/read", scope)

    rows, following = page(
        lambda last, size: store.page(ctx.tx, where, after=last, limit=size), keep, after, limit
    )
    if not rows and not everything and ctx.principal is not None:
        services.access.require(ctx.principal, READ, ctx.scope)
    return Answer(status=200, body={"value": [_document(row) for row in rows]}, next=following)


def _allowed(ctx: Call, action: str, scope: Scope) -> bool:
    services: Services = ctx.services
    return ctx.principal is not None and services.access.allowed(ctx.tx, ctx.principal, action, scope)


def _refuse_unknown(ctx: Call) -> None:
    if store.get(ctx.tx, f"/subscriptions/{ctx.scope.subscription}") is None:
        raise Failure(SUBSCRIPTION_NOT_FOUND, subscription=ctx.scope.subscription)
    if store.get(ctx.tx, ctx.scope.key) is None:
        raise Failure(RESOURCE_GROUP_NOT_FOUND, group=ctx.scope.group)


def _where(scope: Scope, tree: Filter | None) -> Where:
    """Ask the database for what the filter demands at least; the rest is looked at row by row."""
    kind = demanded(tree, "resourcetype")
    return Where(
        types=None if kind is None else [kind],
        subscription=scope.subscription,
        group_key=None if scope.group is None else scope.key,
        name=demanded(tree, "name"),
    )


def _values(row: ResourceRow, tree: Filter, name: str) -> Collection[str]:
    tags = {known.lower(): value.lower() for known, value in (row.tags or {}).items()}
    tag = demanded(tree, "tagname")
    known: dict[str, Collection[str]] = {
        "resourcetype": [row.type],
        "name": [row.name.lower()],
        "location": [row.location or ""],
        "resourcegroup": [(row.group_key or "").rpartition("/")[2]],
        "tagname": tags.keys(),
        "tagvalue": [value for label, value in tags.items() if tag in {None, label}],
    }
    return known[name]


def _document(row: ResourceRow) -> dict[str, Any]:
    shown = {name: row.members[name] for name in _SHOWN if row.members.get(name) is not None}
    kind = parse_scope(row.id).type
    whole = {"id": row.id, "name": row.name, "type": kind, "location": row.location}
    return whole | {"tags": dict(row.tags or {})} | shown


ENDPOINTS = tuple(
    Endpoint(
        method="GET",
        path=f"{place}/resources",
        operation_id=operation_id,
        permission=ANY_CALLER,
        api_versions=RESOURCES,
        run=_list,
        response=_PAGE,
        query=("$filter",),
        pages=True,
    )
    for place, operation_id in (
        ("/subscriptions/{subscriptionId}", "Resources_List"),
        (
            "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}",
            "Resources_ListByResourceGroup",
        ),
    )
)
