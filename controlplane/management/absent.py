"""The routes of types that this service does not have; see ``arm.absent`` for what they answer."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.arm import absent_answers, paths
from controlplane.arm.absent import AbsentOperation, AbsentType
from controlplane.arm.declaration import Verb
from controlplane.arm.fields import anything, items, model, text
from controlplane.arm.paging import PAGING
from controlplane.arm.types import Types
from controlplane.management.routes import Responses, Route

_NOTHING = model("EmptyListResult", {"value": items(anything()), "nextLink": text()})
_RESPONSES: dict[Verb | None, Responses] = {Verb.LIST: {200: _NOTHING}, Verb.DELETE: {204: None}}


def routes_of(types: Types) -> Iterator[Route]:
    """Yield the routes of every type that is declared as absent."""
    for declared in types.absent:
        above = paths.item(types, types.by_key[declared.parent.lower()])
        for operation in declared.operations(above):
            yield _route(declared, operation, above)


def _route(declared: AbsentType, operation: AbsentOperation, above: str) -> Route:
    lists = operation.verb is Verb.LIST
    return Route(
        method=operation.method,
        path=operation.path,
        operation_id=operation.operation_id,
        type_path=declared.type,
        api_versions=operation.api_versions,
        handler=lambda mechanism, request: absent_answers.answer(mechanism, declared, operation, request),
        scope_segments=above.count("/"),
        responses=_RESPONSES.get(operation.verb, {}),
        queries=(*declared.queries, *PAGING) if lists else (),
        absent=declared.feature,
    )
