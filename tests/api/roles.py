"""Requests about roles, and what tests look at in the answers."""

from __future__ import annotations

import uuid
from typing import Any

from tests.api.deployment import ROLES, Deployment, Reply

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
RBAC_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
REPOSITORY_READER = "b93aa761-3e63-49ed-ac28-beffa264f7ac"
CATALOG_LISTER = "bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7"
ASSIGNMENTS = "providers/Microsoft.Authorization/roleAssignments"
DEFINITIONS = "providers/Microsoft.Authorization/roleDefinitions"
NAME = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]"


def below(scope: str, collection: str, name: str = "") -> str:
    return f"{scope.rstrip('/')}/{collection}" + (f"/{name}" if name else "")


def assign(
    api: Deployment,
    scope: str,
    role: str,
    principal: str,
    name: str | None = None,
    token: str | None = None,
    **more: Any,
) -> Reply:
    properties = {
        "roleDefinitionId": f"{api.subscription}/{DEFINITIONS}/{role}",
        "principalId": principal,
        **more,
    }
    path = below(scope, ASSIGNMENTS, name or str(uuid.uuid4()))
    return api.put(path, {"properties": properties}, version=ROLES, token=token)


def define(
    api: Deployment, guid: str, at: str | None = None, token: str | None = None, **changes: Any
) -> Reply:
    properties = {
        "roleName": f"role {guid[:8]}",
        "type": "CustomRole",
        "description": "for a test",
        "permissions": [{"actions": ["Microsoft.ContainerRegistry/registries/webhooks/read"]}],
        "assignableScopes": [api.subscription],
    } | changes
    path = below(at or api.subscription, DEFINITIONS, guid)
    return api.put(path, {"properties": properties}, version=ROLES, token=token)


def code(answer: Reply) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


def names(answer: Reply, member: str = "roleName") -> set[str]:
    assert answer.status_code == 200, answer.text
    return {row["properties"][member] for row in answer.json["value"]}
