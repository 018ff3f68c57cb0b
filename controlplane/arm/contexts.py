"""What the hooks of a resource type are given.

``services`` is the product's object graph (``controlplane.services.graph.Services``); the mechanism hands
it through without knowing it. ``principal`` is None where a worker acts for an operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from controlplane.domain.principals import Principal
from controlplane.domain.scopes import Scope
from controlplane.operations.plans import StepContext
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow


@dataclass(slots=True, kw_only=True)
class Context:
    """The least a hook is given: the transaction it runs in, and the object graph."""

    tx: Transaction
    services: Any
    now: datetime
    api_version: str
    principal: Principal | None = None


@dataclass(slots=True)
class Draft:
    """A resource about to be written, complete with defaults; a ``validate`` hook may change it."""

    location: str | None
    tags: dict[str, str] | None
    members: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Validation(Context):
    """A write that is checked: the row as it is (None: it is created) and as it would become.

    ``scope`` is the resource's id read apart; ``parent`` is the parent's row (registry, group,
    subscription; for an extension the row it is attached to, None at the root scope). ``given`` is the
    request's body as sent, for rules about what was named at all.
    """

    scope: Scope
    before: ResourceRow | None
    after: Draft
    parent: ResourceRow | None
    given: Mapping[str, Any]

    @property
    def creating(self) -> bool:
        """Tell whether the resource does not exist yet."""
        return self.before is None


@dataclass(slots=True, kw_only=True)
class Listing(Context):
    """A list request: where (the parent's scope) and with which query parameters."""

    scope: Scope
    query: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Call(Context):
    """An action or an endpoint that is called.

    ``scope`` is what it is called on and ``row`` that resource's row (None for endpoints that belong to
    no resource); ``body`` is the checked body, ``query`` the query parameters, ``path`` the path's.
    """

    scope: Scope
    row: ResourceRow | None
    body: Mapping[str, Any]
    query: Mapping[str, str]
    path: Mapping[str, str]

    @property
    def resource(self) -> ResourceRow:
        """The resource an action is called on."""
        if self.row is None:
            raise LookupError(f"{self.scope.id} is no resource")
        return self.row


class ResourceStepContext(StepContext, Protocol):
    """What a provision, deprovision or action step is given, beyond what every step is."""

    @property
    def services(self) -> Any:
        """The object graph."""
        ...

    @property
    def row(self) -> ResourceRow:
        """The resource the step works for, as stored now.

        Under a cascading delete this is the child, while ``operation`` is that of the ancestor.
        """
        ...


class Access(Protocol):
    """Who may do what; the application passes the one evaluator of both planes."""

    def require(self, principal: Principal, action: str, scope: Scope) -> None:
        """Return when the caller may do it.

        Raises:
            Failure: AUTHORIZATION_FAILED.
        """
        ...

    def require_in(self, tx: Transaction, principal: Principal, action: str, scope: Scope) -> None:
        """Do what ``require`` does, in the caller's transaction: a second one could wait for the first."""
        ...

    def allowed(self, tx: Transaction, principal: Principal, action: str, scope: Scope) -> bool:
        """Tell whether the caller may do it."""
        ...
