"""The declaration of a resource type: a value from which everything else about the type follows.

One file under ``resources/`` declares one type as its module attribute ``RESOURCE`` (and routes that
belong to no type as ``ENDPOINTS``). Routes, validation, authorisation, ETags, gates, quotas, references,
long-running operations, paging, the OpenAPI document and the test matrix are derived. Presence means
behaviour: a type with provision steps has a long-running PUT, one without answers at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

from controlplane.arm.contexts import Call, Context, Listing, ResourceStepContext, Validation
from controlplane.arm.fields import Shape
from controlplane.domain.scopes import GROUP_TYPE, Scope
from controlplane.domain.tiers import Feature
from controlplane.kernel.errors import Failure
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow


class Kind(Enum):
    """Where a type's ids lie, and which members its resources have at the top level."""

    TRACKED = "tracked"  # below a group or another resource, with location and tags
    PROXY = "proxy"  # below another resource, without them
    EXTENSION = "extension"  # attached to any scope: {scope}/providers/{type}/{name}
    SCOPE = "scope"  # itself a scope without `providers`: subscription, resource group


class Verb(StrEnum):
    """What can be done to resources of a type, besides its actions."""

    GET = "get"
    HEAD = "head"
    LIST = "list"  # under the parent
    LIST_ALL = "list_all"  # under the subscription
    PUT = "put"
    PATCH = "patch"
    DELETE = "delete"


READ_ONLY = frozenset({Verb.GET, Verb.LIST})
CRUD = frozenset({Verb.GET, Verb.LIST, Verb.PUT, Verb.PATCH, Verb.DELETE})


@dataclass(frozen=True, slots=True)
class NameRule:
    """Which names a type takes: ``pattern`` must match all of it; ``words`` says the rule to a person."""

    pattern: str
    words: str


class OnDelete(Enum):
    """What the end of a referenced resource means for the one that refers to it."""

    RESTRICT = "restrict"  # refused while it is referred to
    CLEAR = "clear"  # the member is removed


@dataclass(frozen=True, slots=True)
class Reference:
    """A member of ``properties`` (one level deep) that holds the id of another resource.

    The id must exist, and lie under the same parent unless ``elsewhere``.
    """

    member: str
    type: str
    on_delete: OnDelete = OnDelete.RESTRICT
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class ResourceStep:
    """One named, idempotent unit of a long-running verb; ``run`` returns a JSON value that is recorded."""

    name: str
    run: Callable[[ResourceStepContext], Any]


@dataclass(frozen=True, slots=True)
class Action:
    """A call on a resource: ``{method} {id}/{name}``.

    Without ``steps`` it is answered at once by ``run``, in a writing transaction when ``writes``. With
    ``steps`` it is long-running: ``run`` (optional) checks the call and returns what the operation's
    input is, with secrets sealed; the result of the step ``answer`` is what the result endpoint shows in
    the end (None: 204). ``permission`` is the full RBAC action; None derives ``{type}/{name}/action``
    (``…/read`` for GET).
    """

    name: str
    operation_id: str
    run: Callable[[Call], Any] | None = None
    method: str = "POST"
    request: Shape | None = None
    response: Shape | None = None
    permission: str | None = None
    writes: bool = False
    steps: tuple[ResourceStep, ...] = ()
    answer: str | None = None
    since: str | None = None
    deadline: str = "operation_deadline"
    """The setting that says how many seconds the operation may take."""
    beside: bool = False
    """Whether it may be under way several times, and beside a write: it leaves the resource as it is."""

    @property
    def long_running(self) -> bool:
        """Tell whether it is answered with 202."""
        return bool(self.steps)


ANY_CALLER = "any authenticated caller"
"""In place of a permission: everyone who has authenticated may call it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route of the management plane that belongs to no resource, such as checkNameAvailability.

    ``path`` has ARM's parameters in braces; ``{subscriptionId}`` and ``{resourceGroupName}`` give the
    scope that ``permission`` (a full RBAC action, or ANY_CALLER) is asked for. ``run`` returns the JSON
    body and may return None for 204. ``query`` names the ``$…`` parameters it takes; others are refused.
    """

    method: str
    path: str
    operation_id: str
    permission: str
    api_versions: tuple[str, ...]
    run: Callable[[Call], Any]
    request: Shape | None = None
    response: Shape | None = None
    query: tuple[str, ...] = ()
    writes: bool = False


def _accept(_: Validation) -> None:
    """Accept what the schema accepts."""


def _nothing(_tx: Transaction, _row: ResourceRow, _ctx: Context) -> None:
    """Do nothing."""


def _nothing_saved(_tx: Transaction, _before: ResourceRow | None, _after: ResourceRow, _ctx: Context) -> None:
    """Do nothing."""


def _as_stored(row: ResourceRow, _api_version: str, _ctx: Context) -> Mapping[str, Any]:
    return row.properties


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The hooks of a type, in the order they run. Each runs inside the transaction of the write.

    ``validate`` refuses by raising a Failure, and may complete ``ctx.after``. ``saved`` writes side
    tables, also when an update is reverted (then with the rows exchanged). ``ending`` refuses a DELETE of
    the resource itself by raising a Failure (not one that cascades from above). ``deleting`` runs when a
    long-running delete is accepted, ``settled`` when an operation has ended and the row is in its
    terminal state (succeeded or failed; not when it was removed), ``removed`` when the row is gone.
    ``view`` returns the properties to show. ``taken`` names the error for a unique side-table row that
    exists already.

    ``provision`` and ``deprovision`` make PUT/PATCH and DELETE long-running. ``provisions`` (optional)
    tells whether a particular write needs its steps; without need it is answered at once.

    ``find`` and ``items`` replace the resources table for types whose rows are (partly) data of the
    service; ``built_in`` returns the few rows that a list shows beside those of the table. ``sees`` tells
    whether a caller without the permission to read a resource sees it all the same; a list of a type that
    has it may be empty.
    """

    validate: Callable[[Validation], None] = _accept
    saved: Callable[[Transaction, ResourceRow | None, ResourceRow, Context], None] = _nothing_saved
    ending: Callable[[Transaction, ResourceRow, Context], None] = _nothing
    deleting: Callable[[Transaction, ResourceRow, Context], None] = _nothing
    settled: Callable[[Transaction, ResourceRow, Context], None] = _nothing
    removed: Callable[[Transaction, ResourceRow, Context], None] = _nothing
    view: Callable[[ResourceRow, str, Context], Mapping[str, Any]] = _as_stored
    view_members: Callable[[ResourceRow, str, Context], Mapping[str, Any]] | None = None
    taken: Callable[[Scope], Failure] | None = None
    provision: tuple[ResourceStep, ...] = ()
    deprovision: tuple[ResourceStep, ...] = ()
    provisions: Callable[[ResourceRow | None, ResourceRow], bool] | None = None
    find: Callable[[Context, Scope], ResourceRow | None] | None = None
    items: Callable[[Listing], Sequence[ResourceRow]] | None = None
    built_in: Callable[[Listing], Sequence[ResourceRow]] | None = None
    sees: Callable[[Context, Scope], bool] | None = None


@dataclass(frozen=True, slots=True)
class ResourceType:
    """Everything about one ARM resource type.

    ``type`` is the full type path (``Microsoft.ContainerRegistry/registries/tokens``), ``parent`` the
    type it lies below (the group type for top-level ones, the subscription type for groups, ``""`` for
    subscriptions; extensions have none). ``model`` names the resource in the OpenAPI document, ``plural``
    its operation group; names are never guessed. ``properties`` is the schema of the member of that name;
    ``members`` that of further top-level members (sku, identity), None when there are none.
    ``api_versions`` are oldest first. ``permission`` replaces the type path in RBAC actions. ``gate`` is
    the tier feature the registry must have, ``quota`` the attribute of TierLimits that caps the number
    per registry. ``queries`` are further query parameters of its lists (``$filter``); paging's are always
    known.
    """

    type: str
    model: str
    plural: str
    api_versions: tuple[str, ...]
    properties: Shape | None
    name: NameRule
    kind: Kind = Kind.PROXY
    parent: str = GROUP_TYPE
    members: Shape | None = None
    verbs: frozenset[Verb] = CRUD
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    actions: tuple[Action, ...] = ()
    references: tuple[Reference, ...] = ()
    gate: Feature | None = None
    quota: str | None = None
    permission: str | None = None
    queries: tuple[str, ...] = ()
    own: bool = False
    """Whether the type is this service's own, so that Azure has no model and no operations of it."""
    name_parameter: str = "name"
    located: bool = False
    """Whether a type that is not tracked has location and tags all the same (resource groups)."""
    missing: Callable[[Scope], Failure] | None = None
    """The error for a resource that is not there, where it is not ResourceNotFound."""
    create_models: tuple[str, str] | None = None
    """Names of the models of a PUT body and its properties, where they are not those of the resource. The
    secret members are then in these alone."""
    operations: Mapping[str, str] = field(default_factory=dict, hash=False)
    """operationId by verb where it is not ``{plural}_{Get|List|…}``."""
    replaced: int = 200
    """Status of a PUT on a resource that exists; clients of some types accept 201 only."""
    deleted: int = 200
    """Status of a DELETE that is done at once; clients of some types accept 204 only."""
    delete_shows: bool = False
    """Whether a DELETE that is done at once answers with the resource as it was."""
    envelope: tuple[str, ...] = ("id", "name", "type")
    shows_state: bool = True
    """Whether ``properties`` shows ``provisioningState``."""
    shows_system_data: bool = True

    @property
    def key(self) -> str:
        """The type path in lower case, the form it is stored and looked up by."""
        return self.type.lower()

    @property
    def rbac(self) -> str:
        """What RBAC actions on the type begin with."""
        return self.permission or self.type

    @property
    def namespace(self) -> str:
        """The resource provider."""
        return self.type.partition("/")[0]

    @property
    def tracked(self) -> bool:
        """Tell whether resources have location and tags."""
        return self.located or self.kind is Kind.TRACKED

    def action_permission(self, action: Action) -> str:
        """Return the RBAC action a call needs."""
        ending = "read" if action.method == "GET" else "action"
        return action.permission or f"{self.rbac}/{action.name}/{ending}"
