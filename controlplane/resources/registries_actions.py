"""What can be called on a registry beside its verbs: credentials and usage."""

from __future__ import annotations

from typing import Any

from controlplane.arm.contexts import Call
from controlplane.arm.declaration import Action
from controlplane.arm.fields import choice, items, model, nested, text, whole
from controlplane.kernel.catalogue import ADMIN_USER_DISABLED
from controlplane.kernel.errors import Failure
from controlplane.persistence import registries as store
from controlplane.persistence.registries import RegistryRow
from controlplane.resources.registries_activity import ACTIVITY
from controlplane.resources.registries_import import IMPORT
from controlplane.resources.registries_tokens import GENERATE
from controlplane.services import registries
from controlplane.services.graph import Services
from controlplane.services.registry_credentials import AdminUser, PasswordName

_PASSWORD = model("RegistryPassword", {"name": choice(PasswordName), "value": text()})
_CREDENTIALS = model(
    "RegistryListCredentialsResult", {"username": text(), "passwords": items(nested(_PASSWORD))}
)
_REGENERATE = model("RegenerateCredentialParameters", {"name": choice(PasswordName, required=True)})
_USAGE = model(
    "RegistryUsage",
    {"name": text(), "limit": whole(), "currentValue": whole(), "unit": choice(("Count", "Bytes"))},
)
_USAGES = model("RegistryUsageListResult", {"value": items(nested(_USAGE))})


def _admin_user(ctx: Call) -> AdminUser:
    services: Services = ctx.services
    return AdminUser(services.vault, services.ids, services.clock)


def _registry(ctx: Call) -> RegistryRow:
    row = store.by_key(ctx.tx, ctx.resource.key)
    if row is None:
        raise LookupError(f"{ctx.resource.id} has no registry")
    return row


def _with_admin_user(ctx: Call) -> RegistryRow:
    row = _registry(ctx)
    if not row.admin_enabled:
        raise Failure(ADMIN_USER_DISABLED, id=ctx.resource.id)
    return row


def _list_credentials(ctx: Call) -> dict[str, Any]:
    row = _with_admin_user(ctx)
    passwords = [{"name": one.name, "value": one.value} for one in _admin_user(ctx).show(ctx.tx, row.id)]
    return {"username": ctx.resource.name, "passwords": passwords}


def _regenerate_credential(ctx: Call) -> dict[str, Any]:
    _admin_user(ctx).renew(ctx.tx, _with_admin_user(ctx).id, PasswordName(ctx.body["name"]))
    return _list_credentials(ctx)


def _list_usages(ctx: Call) -> dict[str, Any]:
    return {"value": registries.usages(ctx.tx, _registry(ctx))}


ACTIONS = (
    ACTIVITY,
    IMPORT,
    Action("listCredentials", "Registries_ListCredentials", _list_credentials, response=_CREDENTIALS),
    Action(
        "regenerateCredential",
        "Registries_RegenerateCredential",
        _regenerate_credential,
        request=_REGENERATE,
        response=_CREDENTIALS,
        writes=True,
    ),
    GENERATE,
    Action("listUsages", "Registries_ListUsages", _list_usages, method="GET", response=_USAGES),
)
