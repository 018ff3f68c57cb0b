"""The resource providers as ARM presents them: their types, their registration, and their operations.

All of it follows from the declarations. Providers are registered from the start: there is nothing to
register, and registering says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from controlplane.arm.declaration import ResourceType, Verb
from controlplane.arm.fields import flag, items, model, nested, text
from controlplane.arm.mechanism import Mechanism, surroundings
from controlplane.arm.paging import PAGING, refuse_unknown
from controlplane.arm.paths import SUBSCRIPTION
from controlplane.arm.requests import Answer, Request
from controlplane.arm.types import Types
from controlplane.domain.locations import display_name
from controlplane.domain.scopes import GROUP_TYPE
from controlplane.kernel.catalogue import INVALID_RESOURCE_NAMESPACE
from controlplane.kernel.errors import Failure
from controlplane.management.routes import Route
from controlplane.services.access import ABAC_RIGHTS, LEGACY_RIGHTS

ACR = "Microsoft.ContainerRegistry"
_READ = "Microsoft.Resources/subscriptions/providers/read"
_TITLES = {ACR: "Microsoft Container Registry"}

_TYPE = model(
    "ProviderResourceType",
    {
        "resourceType": text(),
        "locations": items(text()),
        "apiVersions": items(text()),
        "capabilities": text(),
    },
)
PROVIDER = model(
    "Provider",
    {
        "id": text(),
        "namespace": text(),
        "registrationState": text(),
        "registrationPolicy": text(),
        "resourceTypes": items(nested(_TYPE)),
    },
)
_PROVIDERS = model("ProviderListResult", {"value": items(nested(PROVIDER)), "nextLink": text()})
_DISPLAY = model(
    "OperationDisplayDefinition",
    {"provider": text(), "resource": text(), "operation": text(), "description": text()},
)
_OPERATION = model(
    "OperationDefinition",
    {"origin": text(), "name": text(), "isDataAction": flag(), "display": nested(_DISPLAY)},
)
_OPERATIONS = model("OperationListResult", {"value": items(nested(_OPERATION)), "nextLink": text()})


def routes_of(types: Types) -> Iterator[Route]:
    """Yield the routes of providers."""
    groups = types.get(GROUP_TYPE)
    provider = f"{SUBSCRIPTION}/providers/{{resourceProviderNamespace}}"
    table = (
        ("GET", f"{SUBSCRIPTION}/providers", "Providers_List", _list, _PROVIDERS),
        ("GET", provider, "Providers_Get", _get, PROVIDER),
        ("POST", f"{provider}/register", "Providers_Register", _get, PROVIDER),
    )
    for method, path, operation_id, handler, shape in table:
        yield Route(
            method=method,
            path=path,
            operation_id=operation_id,
            type_path="Microsoft.Resources/providers",
            api_versions=() if groups is None else groups.api_versions,
            handler=handler,
            scope_segments=SUBSCRIPTION.count("/"),
            responses={200: shape},
        )
    yield Route(
        method="GET",
        path=f"/providers/{ACR}/operations",
        operation_id="Operations_List",
        type_path=f"{ACR}/operations",
        api_versions=tuple(sorted({v for one in types if one.namespace == ACR for v in one.api_versions})),
        handler=partial(_operations, types),
        scope_segments=0,
        responses={200: _OPERATIONS},
        any_caller=True,
    )


def _list(mechanism: Mechanism, request: Request) -> Answer:
    refuse_unknown(request.query, PAGING)
    mechanism.access.require(request.principal, _READ, request.scope)
    _refuse_unknown_subscription(mechanism, request)
    names = sorted({declared.namespace for declared in mechanism.types})
    return Answer(status=200, body={"value": [_document(mechanism, request, name) for name in names]})


def _get(mechanism: Mechanism, request: Request) -> Answer:
    mechanism.access.require(request.principal, _READ, request.scope)
    _refuse_unknown_subscription(mechanism, request)
    wanted = request.path["resourceProviderNamespace"]
    known = {declared.namespace.lower(): declared.namespace for declared in mechanism.types}
    if wanted.lower() not in known:
        raise Failure(INVALID_RESOURCE_NAMESPACE, namespace=wanted)
    return Answer(status=200, body=_document(mechanism, request, known[wanted.lower()]))


def _refuse_unknown_subscription(mechanism: Mechanism, request: Request) -> None:
    with mechanism.database.read() as tx:
        surroundings(tx, next(iter(mechanism.types)), request.scope, "GET")


def _document(mechanism: Mechanism, request: Request, namespace: str) -> dict[str, Any]:
    own = [declared for declared in mechanism.types if declared.namespace == namespace]
    places = [display_name(name) for name in mechanism.settings.all_locations]
    return {
        "id": f"{request.scope.id}/providers/{namespace}",
        "namespace": namespace,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationFree",
        "resourceTypes": [_type(declared, places) for declared in own],
    }


def _type(declared: ResourceType, places: list[str]) -> dict[str, Any]:
    return {
        "resourceType": declared.type.partition("/")[2],
        "locations": places if declared.tracked else [],
        "apiVersions": list(reversed(declared.api_versions)),
        "capabilities": "SupportsTags, SupportsLocation" if declared.tracked else "None",
    }


def _operations(types: Types, _mechanism: Mechanism, request: Request) -> Answer:
    refuse_unknown(request.query, ())
    names = {name: False for declared in types if declared.namespace == ACR for name in _actions(declared)}
    names |= {e.permission: False for e in types.endpoints if e.permission.startswith(f"{ACR}/")}
    names |= dict.fromkeys(LEGACY_RIGHTS.values(), False) | dict.fromkeys(ABAC_RIGHTS.values(), True)
    rows = [_operation(name, data=data) for name, data in sorted(names.items())]
    return Answer(status=200, body={"value": rows})


def _actions(declared: ResourceType) -> Iterator[str]:
    words = {Verb.GET: "read", Verb.LIST: "read", Verb.PUT: "write", Verb.DELETE: "delete"}
    yield from dict.fromkeys(f"{declared.rbac}/{words[verb]}" for verb in words if verb in declared.verbs)
    yield from (declared.action_permission(action) for action in declared.actions)


def _operation(name: str, *, data: bool) -> Mapping[str, Any]:
    namespace, _, rest = name.partition("/")
    resource, _, verb = rest.rpartition("/")
    if verb == "action":
        resource, _, verb = resource.rpartition("/")
    display = {
        "provider": _TITLES.get(namespace, namespace),
        "resource": resource,
        "operation": verb,
        "description": f"Allows '{verb}' on {resource or namespace}.",
    }
    return {"name": name, "isDataAction": data, "origin": "user,system", "display": display}
