"""Where a type is served: path templates with ARM's parameters in braces."""

from __future__ import annotations

from controlplane.arm.declaration import Kind, ResourceType
from controlplane.arm.types import Types
from controlplane.domain.scopes import GROUP_TYPE, SUBSCRIPTION_TYPE

SUBSCRIPTION = "/subscriptions/{subscriptionId}"
GROUP = SUBSCRIPTION + "/resourceGroups/{resourceGroupName}"
ANY_SCOPE = "/{scope}"
_SCOPES = {SUBSCRIPTION_TYPE.lower(): SUBSCRIPTION, GROUP_TYPE.lower(): GROUP}


def item(types: Types, declared: ResourceType) -> str:
    """Return the path of one resource."""
    if declared.kind is Kind.SCOPE:
        return _SCOPES[declared.key]
    return f"{collection(types, declared)}/{{{declared.name_parameter}}}"


def collection(types: Types, declared: ResourceType) -> str:
    """Return the path of the resources below one parent."""
    last = declared.type.rpartition("/")[2]
    if declared.kind is Kind.SCOPE:
        return _SCOPES[declared.key].rpartition("/")[0]
    if declared.kind is Kind.EXTENSION:
        return f"{ANY_SCOPE}/providers/{declared.type}"
    if declared.parent.lower() in _SCOPES:
        return f"{_SCOPES[declared.parent.lower()]}/providers/{declared.type}"
    return f"{item(types, types.by_key[declared.parent.lower()])}/{last}"


def across(declared: ResourceType) -> str:
    """Return the path of all resources of a top-level type in a subscription."""
    return f"{SUBSCRIPTION}/providers/{declared.type}"
