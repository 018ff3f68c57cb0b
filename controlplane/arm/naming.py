"""Names and ids of resources that are about to be created."""

from __future__ import annotations

import re

from controlplane.arm.declaration import Kind, ResourceType
from controlplane.domain.scopes import GROUP_TYPE, SUBSCRIPTION_TYPE, Scope
from controlplane.kernel.catalogue import INVALID_RESOURCE_NAME
from controlplane.kernel.errors import Failure
from controlplane.persistence.resources import ResourceRow

_SCOPES = {GROUP_TYPE.lower(), SUBSCRIPTION_TYPE.lower()}


def check(declared: ResourceType, scope: Scope) -> None:
    """Refuse a name that the type does not take.

    Raises:
        Failure: INVALID_RESOURCE_NAME.
    """
    if re.fullmatch(declared.name.pattern, scope.name) is None:
        raise Failure(INVALID_RESOURCE_NAME, name=scope.name, rule=declared.name.words, target="name")


def new_id(declared: ResourceType, parent: ResourceRow | None, name: str) -> str:
    """Return the id of a new resource: its parent's as stored, the type's words, the name as given."""
    above = "" if parent is None else parent.id
    last = declared.type.rpartition("/")[2]
    if declared.kind is Kind.SCOPE or (declared.kind is not Kind.EXTENSION and not _in_scope(parent)):
        return f"{above}/{last}/{name}"
    return f"{above}/providers/{declared.type}/{name}"


def _in_scope(parent: ResourceRow | None) -> bool:
    return parent is None or parent.type in _SCOPES
