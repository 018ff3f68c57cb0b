"""Actions on resources, and endpoints that belong to none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm import validation
from controlplane.arm.contexts import Call
from controlplane.arm.declaration import ANY_CALLER, Action, Endpoint, ResourceType
from controlplane.arm.fields import Shape
from controlplane.arm.mechanism import Mechanism, not_found, parent_of, refuse_busy, surroundings
from controlplane.arm.paging import refuse_unknown
from controlplane.arm.pipeline import accepted
from controlplane.arm.requests import Answer, Monitor, Request
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow


def act(mechanism: Mechanism, declared: ResourceType, action: Action, request: Request) -> Answer:
    """Call an action: 200 with its answer or 204 without one, or 202 when it is long-running."""
    mechanism.access.require(request.principal, declared.action_permission(action), request.scope)
    body = _body(action.request, request)
    writes = action.writes or action.long_running
    with mechanism.database.write() if writes else mechanism.database.read() as tx:
        surroundings(tx, declared, parent_of(request.scope), action.method, writing=writes)
        row = mechanism.find(mechanism.context(tx, request), declared, request.scope, lock=writes)
        if row is None:
            raise not_found(declared, request.scope)
        if writes:
            refuse_busy(tx, row)
        answer = None if action.run is None else action.run(_call(mechanism, tx, request, row, body))
        if not action.long_running:
            return _answer(_seen(action.response, answer, request))
        kind = f"{declared.type}/{action.name}/action"
        operation = accepted(
            mechanism,
            tx,
            request,
            row,
            kind=kind,
            given=answer,
            deadline=action.deadline,
            apart=mechanism.ids.uuid() if action.beside else "",
        )
        return Answer(status=202, operation=operation, monitor=Monitor.BOTH)


def call(mechanism: Mechanism, endpoint: Endpoint, request: Request) -> Answer:
    """Call an endpoint: 200 with its answer, or 204 without one."""
    if endpoint.permission != ANY_CALLER:
        mechanism.access.require(request.principal, endpoint.permission, request.scope)
    refuse_unknown(request.query, endpoint.query)
    body = _body(endpoint.request, request)
    with mechanism.database.write() if endpoint.writes else mechanism.database.read() as tx:
        answer = endpoint.run(_call(mechanism, tx, request, None, body))
    return answer if isinstance(answer, Answer) else _answer(_seen(endpoint.response, answer, request))


def _body(shape: Shape | None, request: Request) -> Mapping[str, Any]:
    return {} if shape is None else validation.read(shape, request.body(), request.api_version)


def _call(
    mechanism: Mechanism, tx: Transaction, request: Request, row: ResourceRow | None, body: Mapping[str, Any]
) -> Call:
    base = mechanism.context(tx, request)
    return Call(
        tx=tx,
        services=base.services,
        now=base.now,
        api_version=base.api_version,
        principal=base.principal,
        scope=request.scope,
        row=row,
        body=body,
        query=request.query,
        path=request.path,
    )


def _seen(shape: Shape | None, answer: Any, request: Request) -> Any:
    if shape is None or not isinstance(answer, Mapping):
        return answer
    return validation.shown(shape, answer, request.api_version)


def _answer(body: Any) -> Answer:
    return Answer(status=204 if body is None else 200, body=body)
