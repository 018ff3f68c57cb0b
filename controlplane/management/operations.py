"""Operations over HTTP: their status and result where ARM's clients look, their list, and cancelling them.

An operation outlives its resource, and the roles that were assigned at the resource end with it. So an
operation may be seen by whoever may read its resource or its subscription's operations, and always by the
caller who started it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.arm.fields import choice, items, model, moment, nested, text, whole
from controlplane.arm.mechanism import Mechanism
from controlplane.arm.paging import filter_of, page_of, refuse_unknown, token
from controlplane.arm.paths import SUBSCRIPTION
from controlplane.arm.requests import Answer, Monitor, Request
from controlplane.arm.types import Types
from controlplane.domain.filters import demanded
from controlplane.domain.scopes import parse_scope
from controlplane.kernel import catalogue
from controlplane.kernel.catalogue import INVALID_PARAMETER, OPERATION_NOT_FOUND
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import Detail, ErrorKind, Failure
from controlplane.kernel.states import OperationStatus
from controlplane.management.documentation import ERROR_DETAIL
from controlplane.management.operation_paths import STATUSES, operation_path
from controlplane.management.routes import Route
from controlplane.operations import queries
from controlplane.persistence.database import Transaction
from controlplane.persistence.operations import OperationRow

NAMESPACE = "Microsoft.ContainerRegistry"
READ = f"{NAMESPACE}/operationStatuses/read"
CANCEL = f"{NAMESPACE}/operationStatuses/cancel/action"

STATUS = model(
    "OperationStatus",
    {
        "id": text(),
        "name": text(),
        "status": choice(OperationStatus),
        "operation": text(doc="What is done, as the RBAC action that was needed for it."),
        "resourceId": text(),
        "startTime": moment(),
        "endTime": moment(),
        "percentComplete": whole(),
        "attempt": whole(doc="How often a worker has taken it up."),
        "properties": nested(model("OperationOutcome", {}), doc="The result, once it has succeeded."),
        "error": nested(ERROR_DETAIL),
    },
)
PAGE = model("OperationStatusListResult", {"value": items(nested(STATUS)), "nextLink": text()})

_STATUSES = {kind.code: kind.status for kind in vars(catalogue).values() if isinstance(kind, ErrorKind)}
# What a result may be answered with: clients repeat requests that are answered otherwise.
_FINAL = frozenset({400, 403, 404, 409, 412})
_CONFLICT = 409


def routes_of(types: Types) -> Iterator[Route]:
    """Yield the routes of operations; they take every api-version that may have started one."""
    versions = tuple(sorted({version for declared in types for version in declared.api_versions}))
    provider = f"{SUBSCRIPTION}/providers/{NAMESPACE}"
    own = f"{provider}/operationStatuses"
    regional = f"{provider}/locations/{{location}}"
    table = (
        ("GET", f"{regional}/operationStatuses/{{operationId}}", "Operations_Status", show, 200),
        ("GET", f"{regional}/operationResults/{{operationId}}", "Operations_Result", result, 200),
        ("GET", f"{SUBSCRIPTION}/operationStatuses/{{operationId}}", "Operations_GroupStatus", show, 200),
        ("GET", f"{SUBSCRIPTION}/operationResults/{{operationId}}", "Operations_GroupResult", result, 200),
        ("GET", own, "Operations_ListStatuses", list_page, 200),
        ("GET", f"{own}/{{operationId}}", "Operations_GetStatus", show, 200),
        ("POST", f"{own}/{{operationId}}/cancel", "Operations_Cancel", cancel, 202),
    )
    for method, path, operation_id, handler, status in table:
        lists, results = handler is list_page, handler is result
        yield Route(
            method=method,
            path=path,
            operation_id=operation_id,
            type_path=f"{NAMESPACE}/operationStatuses",
            api_versions=versions,
            handler=handler,
            scope_segments=SUBSCRIPTION.count("/"),
            responses={202: None, 204: None} if results else {status: PAGE if lists else STATUS},
            queries=("$filter", "$top", "$skiptoken") if lists else (),
        )


def show(mechanism: Mechanism, request: Request) -> Answer:
    """Show an operation's status: 200 however it stands, as ARM has it."""
    operation = _found(mechanism, request)
    running = not operation.status.terminal
    return Answer(
        status=200,
        body=document(operation, mechanism.settings.location),
        operation=operation if running else None,
        monitor=Monitor.STATUS,
    )


def result(mechanism: Mechanism, request: Request) -> Answer:
    """Answer 202 while it runs, then what the call would have answered had it been done at once."""
    operation = _found(mechanism, request)
    if not operation.status.terminal:
        return Answer(status=202, operation=operation, monitor=Monitor.BOTH)
    if operation.status is OperationStatus.SUCCEEDED:
        return Answer(status=204 if operation.result is None else 200, body=operation.result)
    raise _failure(operation.error or {})


def list_page(mechanism: Mechanism, request: Request) -> Answer:
    """List operations of a subscription, newest first; ``$filter=resourceId eq '…'`` takes one resource's."""
    refuse_unknown(request.query, ("$filter", "$top", "$skiptoken"))
    resource = _resource_filter(request)
    limit, marker = page_of(request.query)
    with mechanism.database.read() as tx:
        everything = mechanism.access.allowed(tx, request.principal, READ, request.scope)
        page = queries.page(
            tx, request.scope.subscription, resource_key=resource, marker=marker or None, limit=limit
        )
        rows = [row for row in page.rows if everything or _may_see(mechanism, tx, request, row)]
    if not rows and not everything:
        mechanism.access.require(request.principal, READ, request.scope)
    body = {"value": [document(row, mechanism.settings.location) for row in rows]}
    return Answer(status=200, body=body, next=None if page.next is None else token(page.next))


def cancel(mechanism: Mechanism, request: Request) -> Answer:
    """Ask an operation to end: 202, it ends before its next step, or 409 when it has ended already."""
    operation = _found(mechanism, request)
    mechanism.access.require(request.principal, CANCEL, parse_scope(operation.resource_id))
    with mechanism.database.write() as tx:
        asked = queries.request_cancel(tx, operation.id, mechanism.clock.now())
    body = document(asked, mechanism.settings.location)
    return Answer(status=202, body=body, operation=asked, monitor=Monitor.STATUS)


def document(operation: OperationRow, region: str) -> dict[str, Any]:
    """Return ARM's status document; ``error`` only of an operation that has ended without success."""
    ended, done = operation.ended_at, operation.status is OperationStatus.SUCCEEDED
    body: dict[str, Any] = {
        "id": operation_path(operation, STATUSES, region),
        "name": operation.id,
        "status": operation.status.value,
        "operation": operation.kind,
        "resourceId": operation.resource_id,
        "startTime": rfc3339(operation.created_at),
        "percentComplete": operation.percent,
        "attempt": operation.attempt,
    }
    if ended is not None:
        body["endTime"] = rfc3339(ended)
    if done and operation.result is not None:
        body["properties"] = operation.result
    if (
        ended is not None
        and operation.error is not None
        and operation.status is not OperationStatus.SUCCEEDED
    ):
        body["error"] = dict(operation.error)
    return body


def _found(mechanism: Mechanism, request: Request) -> OperationRow:
    """Return the operation of a path; refuse before telling whether there is one."""
    operation_id = request.path["operationId"].lower()
    with mechanism.database.read() as tx:
        row = queries.get(tx, operation_id)
        mine = row is not None and row.subscription == request.scope.subscription
        if row is not None and mine and _may_see(mechanism, tx, request, row):
            return row
    mechanism.access.require(request.principal, READ, request.scope)
    if row is None or not mine:
        raise Failure(OPERATION_NOT_FOUND, id=operation_id)
    return row


def _may_see(mechanism: Mechanism, tx: Transaction, request: Request, row: OperationRow) -> bool:
    scope = parse_scope(row.resource_id)
    declared = mechanism.types.get(_type_of(row.kind))
    base = _type_of(row.kind) if declared is None else declared.rbac
    actions = (READ, f"{base}/operationStatuses/read", f"{base}/read")
    if any(mechanism.access.allowed(tx, request.principal, action, scope) for action in actions):
        return True
    return row.caller.get("objectId") == request.principal.object_id


def _type_of(kind: str) -> str:
    """Return the type path of ``{type}/write``, ``{type}/delete`` or ``{type}/{name}/action``."""
    base = kind.rpartition("/")[0]
    return base.rpartition("/")[0] if kind.endswith("/action") else base


def _resource_filter(request: Request) -> str | None:
    tree = filter_of(request.query, {"resourceid"})
    if tree is None:
        return None
    resource = demanded(tree, "resourceid")
    if resource is None:
        reason = "$filter must read: resourceId eq '{id}'."
        raise Failure(INVALID_PARAMETER, reason=reason, target="$filter")
    return resource


def _failure(error: Mapping[str, Any]) -> Failure:
    """Return the failure that an operation ended with, under a status that no client repeats."""
    code = str(error.get("code", "OperationFailed"))
    known = _STATUSES.get(code, _CONFLICT)
    kind = ErrorKind(code, known if known in _FINAL else _CONFLICT, "{message}", provider=True)
    details = [
        Detail(str(one.get("code")), str(one.get("message")), one.get("target"))
        for one in error.get("details", ())
    ]
    message = str(error.get("message", ""))
    return Failure(kind, message=message, target=error.get("target"), details=details)
