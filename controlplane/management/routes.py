"""Every route that follows from the declarations, as data: where, which method, what it calls and shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from controlplane.arm import actions, deletion, paths, pipeline, reading, shapes
from controlplane.arm.declaration import ANY_CALLER, Action, Endpoint, Kind, ResourceType, Verb
from controlplane.arm.fields import Shape
from controlplane.arm.mechanism import Mechanism
from controlplane.arm.paging import PAGING
from controlplane.arm.requests import Answer, Request
from controlplane.arm.types import Types

Handler = Callable[[Mechanism, Request], Answer]
Responses = dict[int, Shape | None]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    ``path`` has ARM's parameters in braces; the first ``scope_segments`` segments of a request's path are
    the scope it is about (None: all of them). ``responses`` is the schema of the body by status, None for
    no body.
    """

    method: str
    path: str
    operation_id: str
    type_path: str
    api_versions: tuple[str, ...]
    handler: Handler
    scope_segments: int | None
    responses: Responses
    request: Shape | None = None
    queries: tuple[str, ...] = ()
    long_running: bool = False
    conditional: bool = False
    any_caller: bool = False
    absent: str = ""
    """What the route would be about, where this service does not have it."""
    root: bool = False
    """Whether it is the form of an extension's route at the root scope; documented with the other."""

    @property
    def group(self) -> str:
        """What the route is filed under in the OpenAPI document."""
        return self.operation_id.partition("_")[0]


def routes_of(types: Types) -> Iterator[Route]:
    """Yield every route; more particular methods of a path come first."""
    for declared in types:
        for route in _of_type(types, declared):
            yield route
            if declared.kind is Kind.EXTENSION:
                yield _at_root(route)
    for endpoint in types.endpoints:
        yield _of_endpoint(types, endpoint)


def _of_type(types: Types, declared: ResourceType) -> Iterator[Route]:
    maker = _Maker(types, declared)
    yield from maker.verbs()
    for action in declared.actions:
        yield maker.action(action)


@dataclass(frozen=True, slots=True)
class _Maker:
    types: Types
    declared: ResourceType

    def verbs(self) -> Iterator[Route]:
        declared, item = self.declared, paths.item(self.types, self.declared)
        whole = shapes.resource(declared)
        slow, slow_delete = bool(declared.lifecycle.provision), self.types.deletes_slowly(declared)
        shown = whole if declared.delete_shows else None
        gone: Responses = {202: None} if slow_delete else {declared.deleted: shown}
        below, across = paths.collection(self.types, declared), paths.across(declared)
        page: Responses = {200: shapes.page(declared)}
        written: Responses = {declared.replaced: whole, 201: whole}
        table = (
            _Row(Verb.HEAD, "HEAD", item, reading.head, {204: None}),
            _Row(Verb.GET, "GET", item, reading.get, {200: whole}),
            _Row(Verb.PUT, "PUT", item, pipeline.put, written, shapes.body(declared), slow=slow),
            _Row(Verb.PATCH, "PATCH", item, pipeline.patch, {200: whole}, shapes.patch(declared), slow=slow),
            _Row(Verb.DELETE, "DELETE", item, deletion.delete, gone | {204: None}, slow=slow_delete),
            _Row(Verb.LIST, "GET", below, reading.list_below, page),
            _Row(Verb.LIST_ALL, "GET", across, reading.list_across, page),
        )
        yield from (self._route(row) for row in table if row.verb in declared.verbs)

    def action(self, action: Action) -> Route:
        declared = self.declared
        shown: Responses = {} if action.response is None else {200: action.response}
        if not shown and not action.long_running:
            shown = {204: None}
        versions = tuple(known for known in declared.api_versions if known >= (action.since or ""))

        def handler(mechanism: Mechanism, request: Request) -> Answer:
            return actions.act(mechanism, declared, action, request)

        item = paths.item(self.types, declared)
        return Route(
            method=action.method,
            path=f"{item}/{action.name}",
            operation_id=action.operation_id,
            type_path=declared.type,
            api_versions=versions,
            handler=handler,
            scope_segments=-1,
            request=action.request,
            responses={202: None, **shown} if action.long_running else shown,
            long_running=action.long_running,
        )

    def _route(self, row: _Row) -> Route:
        declared = self.declared
        lists = row.verb in {Verb.LIST, Verb.LIST_ALL}
        last = 1 if self._nested_words() else 3  # `tokens`, or `providers/Namespace/type`

        def handler(mechanism: Mechanism, asked: Request) -> Answer:
            return row.run(mechanism, declared, asked)

        return Route(
            method=row.method,
            path=row.path,
            operation_id=declared.operations.get(row.verb) or f"{declared.plural}_{_WORDS[row.verb]}",
            type_path=declared.type,
            api_versions=declared.api_versions,
            handler=handler,
            scope_segments=-last if lists else None,
            responses=row.responses,
            request=row.request,
            queries=(*declared.queries, *PAGING) if lists else (),
            long_running=row.slow,
            conditional=not lists,
        )

    def _nested_words(self) -> bool:
        """Tell whether the type's last word alone follows its parent's path."""
        depth = self.declared.type.count("/")
        return self.declared.kind is Kind.SCOPE or (depth > 1 and self.declared.kind is not Kind.EXTENSION)


@dataclass(frozen=True, slots=True)
class _Row:
    """One verb in the table of verbs."""

    verb: Verb
    method: str
    path: str
    run: Callable[[Mechanism, ResourceType, Request], Answer]
    responses: Responses
    request: Shape | None = None
    slow: bool = False


_WORDS = {
    Verb.GET: "Get",
    Verb.HEAD: "CheckExistence",
    Verb.LIST: "List",
    Verb.LIST_ALL: "ListBySubscription",
    Verb.PUT: "Create",
    Verb.PATCH: "Update",
    Verb.DELETE: "Delete",
}


def _of_endpoint(types: Types, endpoint: Endpoint) -> Route:
    known = [paths.SUBSCRIPTION, paths.GROUP, *(paths.item(types, declared) for declared in types)]
    above = max((path for path in known if endpoint.path.startswith(f"{path}/")), key=len, default="")
    namespace = endpoint.path.rpartition("/providers/")[2] if "/providers/" in endpoint.path else ""
    return Route(
        method=endpoint.method,
        path=endpoint.path,
        operation_id=endpoint.operation_id,
        type_path=namespace or "Microsoft.Resources",
        api_versions=endpoint.api_versions,
        handler=lambda mechanism, request: actions.call(mechanism, endpoint, request),
        scope_segments=above.count("/"),
        request=endpoint.request,
        responses={200: endpoint.response},
        queries=endpoint.query,
        any_caller=endpoint.permission == ANY_CALLER,
    )


def _at_root(route: Route) -> Route:
    return replace(route, path=route.path.removeprefix(paths.ANY_SCOPE), root=True)
