"""The identity a resource asks for with its member ``identity``: a service principal of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.domain.scopes import Scope
from controlplane.kernel.catalogue import FEATURE_NOT_SUPPORTED
from controlplane.kernel.errors import Failure
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow
from controlplane.services.directory import Directory

MEMBER = "identity"
_SYSTEM_ASSIGNED, _NONE = "SystemAssigned", "None"


def is_wanted(identity: Mapping[str, Any] | None) -> bool:
    """Tell whether the member asks for an identity of the resource's own.

    Raises:
        Failure: FEATURE_NOT_SUPPORTED for user-assigned identities.
    """
    kind = (identity or {}).get("type") or _NONE
    if kind not in {_NONE, _SYSTEM_ASSIGNED} or (identity or {}).get("userAssignedIdentities"):
        raise Failure(
            FEATURE_NOT_SUPPORTED,
            feature="A user-assigned identity",
            hint=f"Use the identity type '{_SYSTEM_ASSIGNED}' or '{_NONE}'.",
            target="identity.type",
        )
    return bool(kind == _SYSTEM_ASSIGNED)


def give(tx: Transaction, directory: Directory, scope: Scope, members: dict[str, Any]) -> None:
    """Give a resource the identity that its members ask for, and show it there.

    One that is not wanted any more ends with ``settle``, once the write has succeeded.

    Raises:
        Failure: FEATURE_NOT_SUPPORTED for user-assigned identities.
    """
    if is_wanted(members.pop(MEMBER, None)):
        principal = directory.ensure_identity(tx, scope.key, scope.name)
        members[MEMBER] = {
            "type": _SYSTEM_ASSIGNED,
            "principalId": principal.id,
            "tenantId": directory.tenant_id(),
        }


def settle(tx: Transaction, directory: Directory, row: ResourceRow) -> None:
    """End the identity of a resource that has been written without one."""
    if MEMBER not in row.members:
        directory.remove_identity(tx, row.key)
