"""Lists of tracked resources of every type, in a subscription or a group.

``az acr … -n NAME`` finds a registry's group with it. A caller without rights on the whole place sees what
they may read, and is refused when that is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from controlplane.arm.fields import anything, items, model, moment, nested, table, text
from controlplane.arm.mechanism import Mechanism
from controlplane.arm.paging import PAGING, filter_of, page, page_of, refuse_unknown
from controlplane.arm.paths import GROUP, SUBSCRIPTION
from controlplane.arm.requests import Answer, Request
from controlplane.arm.types import Types
from controlplane.domain.api_versions import RESOURCES
from controlplane.domain.filters import Filter, demanded, holds
from controlplane.domain.scopes import Scope, parse_scope
from controlplane.kernel.catalogue import (
    INVALID_PARAMETER,
    RESOURCE_GROUP_NOT_FOUND,
    SUBSCRIPTION_NOT_FOUND,
)
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import Failure
from controlplane.management.routes import Route
from controlplane.persistence import resources as store
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow, Where

READ = "Microsoft.Resources/subscriptions/resources/read"
_NAMES = frozenset({"resourcetype", "name", "location", "resourcegroup", "tagname", "tagvalue"})
_SHOWN = ("sku", "identity")
# What ``$expand`` may ask for, by its name in lower case.
_EXPANDED: Mapping[str, Callable[[ResourceRow], dict[str, Any]]] = {
    "createdtime": lambda row: {"createdTime": rfc3339(row.created_at)},
    "changedtime": lambda row: {"changedTime": row.system_data.get("lastModifiedAt")},
    "provisioningstate": lambda row: {"provisioningState": row.provisioning_state.value},
}

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
        "createdTime": moment(),
        "changedTime": moment(),
        "provisioningState": text(),
    },
)
PAGE = model("ResourceListResult", {"value": items(nested(_RESOURCE)), "nextLink": text()})


def routes_of(_: Types) -> Iterator[Route]:
    """Yield the routes of both lists."""
    for place, operation_id in ((SUBSCRIPTION, "Resources_List"), (GROUP, "Resources_ListByResourceGroup")):
        yield Route(
            method="GET",
            path=f"{place}/resources",
            operation_id=operation_id,
            type_path="Microsoft.Resources/resources",
            api_versions=RESOURCES,
            handler=list_page,
            scope_segments=place.count("/"),
            responses={200: PAGE},
            queries=("$filter", "$expand", *PAGING),
        )


def list_page(mechanism: Mechanism, request: Request) -> Answer:
    """Show a page of resources."""
    refuse_unknown(request.query, ("$filter", "$expand", *PAGING))
    tree, more = filter_of(request.query, _NAMES), _expanded(request.query)
    limit, after = page_of(request.query)
    where = _where(request.scope, tree)
    with mechanism.database.read() as tx:
        everything = mechanism.access.allowed(tx, request.principal, READ, request.scope)
        if everything:
            _refuse_unknown_place(tx, request.scope)

        def keep(row: ResourceRow) -> bool:
            if row.location is None or row.group_key is None:
                return False
            if tree is not None and not holds(tree, partial(_values, row, tree)):
                return False
            scope = parse_scope(row.id)
            action = f"{scope.type}/read"
            return everything or mechanism.access.allowed(tx, request.principal, action, scope)

        rows, following = page(
            lambda last, size: store.page(tx, where, after=last, limit=size), keep, after, limit
        )
    if not rows and not everything:
        mechanism.access.require(request.principal, READ, request.scope)
    return Answer(status=200, body={"value": [_document(row, more) for row in rows]}, next=following)


def _refuse_unknown_place(tx: Transaction, scope: Scope) -> None:
    if store.get(tx, f"/subscriptions/{scope.subscription}") is None:
        raise Failure(SUBSCRIPTION_NOT_FOUND, subscription=scope.subscription)
    if store.get(tx, scope.key) is None:
        raise Failure(RESOURCE_GROUP_NOT_FOUND, group=scope.group)


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


def _expanded(query: Mapping[str, str]) -> list[str]:
    words = [word.strip().lower() for word in query.get("$expand", "").split(",") if word.strip()]
    for word in words:
        if word not in _EXPANDED:
            raise Failure(INVALID_PARAMETER, reason=f"$expand cannot show '{word}'.", target="$expand")
    return words


def _document(row: ResourceRow, more: list[str]) -> dict[str, Any]:
    shown = {name: row.members[name] for name in _SHOWN if row.members.get(name) is not None}
    kind = parse_scope(row.id).type
    whole: dict[str, Any] = {"id": row.id, "name": row.name, "type": kind, "location": row.location}
    whole |= {"tags": dict(row.tags or {}), **shown}
    for word in more:
        whole |= _EXPANDED[word](row)
    return whole
