"""What the routes of types that a service does not have answer: each call what is true.

A list of what cannot exist is empty, one that is asked for by name is not found, and there is nothing to
delete. Whatever would make, change or use one is refused with one error that names the feature.
"""

from __future__ import annotations

from controlplane.arm.absent import AbsentOperation, AbsentType
from controlplane.arm.declaration import Verb
from controlplane.arm.mechanism import Mechanism, parent_of, surroundings
from controlplane.arm.paging import PAGING, refuse_unknown
from controlplane.arm.requests import Answer, Request
from controlplane.kernel.catalogue import CHILD_NOT_FOUND, FEATURE_NOT_SUPPORTED, PARENT_NOT_FOUND
from controlplane.kernel.errors import Failure
from controlplane.persistence import resources as store


def answer(mechanism: Mechanism, absent: AbsentType, operation: AbsentOperation, request: Request) -> Answer:
    """Answer an operation; ``request.scope`` is the parent of what cannot exist.

    Raises:
        Failure: AUTHORIZATION_FAILED, what is wrong with the parent, CHILD_NOT_FOUND or
            FEATURE_NOT_SUPPORTED.
    """
    mechanism.access.require(request.principal, operation.permission, request.scope)
    _refuse_unknown_parent(mechanism, absent, operation, request)
    if operation.verb is Verb.LIST:
        refuse_unknown(request.query, (*absent.queries, *PAGING))
        return Answer(status=200, body={"value": []})
    if operation.verb is Verb.DELETE:
        return Answer(status=204)
    if operation.verb is Verb.GET:
        raise Failure(CHILD_NOT_FOUND, name=list(request.path.values())[-1])
    raise Failure(FEATURE_NOT_SUPPORTED, feature=absent.feature, hint=absent.hint)


def _refuse_unknown_parent(
    mechanism: Mechanism, absent: AbsentType, operation: AbsentOperation, request: Request
) -> None:
    scope, above = request.scope, mechanism.types.by_key[absent.parent.lower()]
    with mechanism.database.read() as tx:
        surroundings(tx, above, parent_of(scope), operation.method)
        if store.get(tx, scope.key) is None:
            parent = f"{scope.type}/{scope.name}"
            raise Failure(
                PARENT_NOT_FOUND, verb=operation.method, type=absent.type, name=scope.name, parent=parent
            )
