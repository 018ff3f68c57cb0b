"""What is known of the request being served: ids, the caller, and whether anyone asked for authorisation."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

from flask import g
from werkzeug.datastructures import Headers

from controlplane.arm.contexts import Access
from controlplane.domain.principals import Principal
from controlplane.domain.scopes import Scope
from controlplane.persistence.database import Transaction


@dataclass(slots=True)
class RequestState:
    """One request's own facts."""

    request_id: str
    correlation_id: str
    client_request_id: str | None
    echo_client_id: bool
    began: float = field(default_factory=time.perf_counter)
    principal: Principal | None = None
    authorised: bool = False
    public: bool = False


def begin(headers: Headers) -> RequestState:
    """Start keeping facts about a request; ids of the client are taken over when they are UUIDs."""
    request_id = str(uuid.uuid4())
    client_id = _uuid(headers.get("x-ms-client-request-id"))
    state = RequestState(
        request_id=request_id,
        correlation_id=_uuid(headers.get("x-ms-correlation-request-id")) or client_id or request_id,
        client_request_id=client_id,
        echo_client_id=headers.get("x-ms-return-client-request-id", "").lower() == "true",
    )
    g.request_state = state
    return state


def current() -> RequestState:
    """Return the facts about the request being served."""
    state: RequestState = g.request_state
    return state


class WitnessedAccess:
    """An access evaluator that notes that it was asked, so that a route that forgot to ask is found out."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def require(self, principal: Principal, action: str, scope: Scope) -> None:
        """Return when the caller may do it.

        Raises:
            Failure: AUTHORIZATION_FAILED.
        """
        current().authorised = True
        self._access.require(principal, action, scope)

    def require_in(self, tx: Transaction, principal: Principal, action: str, scope: Scope) -> None:
        """Return when the caller may do it, asking in the caller's transaction.

        Raises:
            Failure: AUTHORIZATION_FAILED.
        """
        current().authorised = True
        self._access.require_in(tx, principal, action, scope)

    def allowed(self, tx: Transaction, principal: Principal, action: str, scope: Scope) -> bool:
        """Tell whether the caller may do it."""
        current().authorised = True
        return self._access.allowed(tx, principal, action, scope)


def _uuid(text: str | None) -> str | None:
    try:
        return str(uuid.UUID(text)) if text else None
    except ValueError:
        return None
