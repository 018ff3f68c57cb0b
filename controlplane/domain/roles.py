"""Role definitions: the built-in ones as data, and the rules a custom one has to meet.

Source: the built-in roles of Azure that matter to container registries, under their real GUIDs, in
``controlplane/data/roles.json``; the limits of custom roles are Azure's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from controlplane.domain.permissions import Permission, matches_any
from controlplane.domain.scopes import ROOT, parse_scope

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
BUILT_IN = "BuiltInRole"
CUSTOM = "CustomRole"

# The members of one permission block on the wire, in the order of Permission's fields.
BLOCK_MEMBERS = ("actions", "notActions", "dataActions", "notDataActions")
# Repository data actions: the ones a condition on the repository name can restrict.
REPOSITORY_DATA_ACTIONS = tuple(
    f"Microsoft.ContainerRegistry/registries/repositories/{part}"
    for part in (
        "content/read", "content/write", "content/delete",
        "metadata/read", "metadata/write", "metadata/delete",
    )
)  # fmt: skip

_ACTION = re.compile(r"\*|[A-Za-z0-9]+(\.[A-Za-z0-9]+)+/[A-Za-z0-9*/._-]*[A-Za-z0-9*]|\*/[A-Za-z0-9*/._-]+")
MAX_ACTION_LENGTH = 256
MAX_ROLE_NAME = 512


@dataclass(frozen=True, slots=True)
class Role:
    """A role definition as the evaluator and the wire need it.

    ``assignable`` holds the scopes it may be assigned at (``/`` for built-in roles); ``conditions`` tells
    whether an assignment of it may carry a condition.
    """

    id: str
    name: str
    description: str
    permissions: tuple[Permission, ...]
    type: str = BUILT_IN
    assignable: tuple[str, ...] = ("/",)
    conditions: bool = False

    def assignable_at(self, scope_key: str) -> bool:
        """Tell whether the role may be assigned at a scope: one of its assignable scopes or below one."""
        return any(covers(scope, scope_key) for scope in self.assignable)


def covers(scope: str, key: str) -> bool:
    """Tell whether a lower-cased scope key lies at or below a scope."""
    above = scope.lower().rstrip("/")
    return key == (above or "/") or key.startswith(above + "/")


def permission_from_json(block: Mapping[str, Any]) -> Permission:
    """Read one permission block of the wire; members that are missing are empty."""
    return Permission(*(tuple(block.get(member) or ()) for member in BLOCK_MEMBERS))


def permission_to_json(permission: Permission) -> dict[str, list[str]]:
    """Write one permission block as the wire spells it."""
    parts = (
        permission.actions,
        permission.not_actions,
        permission.data_actions,
        permission.not_data_actions,
    )
    return {member: list(part) for member, part in zip(BLOCK_MEMBERS, parts, strict=True)}


@cache
def built_in_roles() -> Mapping[str, Role]:
    """Return the built-in roles by GUID."""
    text = files("controlplane").joinpath("data/roles.json").read_text(encoding="utf-8")
    return {
        row["id"]: Role(
            id=row["id"],
            name=row["name"],
            description=row["description"],
            permissions=tuple(permission_from_json(block) for block in row["permissions"]),
            conditions=row["conditions"],
        )
        for row in json.loads(text)
    }


def supports_conditions(permissions: Sequence[Permission]) -> bool:
    """Tell whether a custom role grants anything that a condition on repository names can restrict."""
    return any(
        matches_any(block.data_actions, action) for block in permissions for action in REPOSITORY_DATA_ACTIONS
    )


def action_problem(pattern: str) -> str | None:
    """Say what is wrong with an action pattern of a custom role, or None."""
    if len(pattern) > MAX_ACTION_LENGTH:
        return f"An action is longer than {MAX_ACTION_LENGTH} characters."
    if not _ACTION.fullmatch(pattern):
        return f"'{pattern}' is not an action; write Namespace.Provider/type/verb, where * matches anything."
    return None


def assignable_scope_problem(text: str) -> str | None:
    """Say what is wrong with an assignable scope of a custom role, or None.

    Azure allows subscriptions and resource groups, never the root scope.
    """
    try:
        scope = parse_scope(text)
    except ValueError:
        return f"'{text}' is not a scope."
    if scope == ROOT:
        return "A custom role cannot be assignable at the root scope '/'."
    if scope.subscription is None or "/providers/" in scope.key:
        return f"'{text}' is neither a subscription nor a resource group."
    return None
