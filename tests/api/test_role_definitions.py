"""Role definitions over the management API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from controlplane.persistence import role_assignments
from tests.api.deployment import ACR_PULL, ROLES, Deployment
from tests.api.roles import (
    DEFINITIONS,
    OWNER,
    assign,
    below,
    code,
    define,
    names,
)


@pytest.mark.parametrize("level", ["root", "subscription", "group"])
def test_built_in_roles_are_listed_at_every_scope(api: Deployment, level: str) -> None:
    scope = {"root": "/", "subscription": api.subscription, "group": api.group}[level]
    answer = api.get(below(scope, DEFINITIONS), version=ROLES)
    assert {"AcrPull", "AcrPush", "AcrDelete", "Owner", "Contributor", "Reader"} <= names(answer)
    above = "" if level == "root" else api.subscription
    assert all(row["id"] == f"{above}/{DEFINITIONS}/{row['name']}" for row in answer.json["value"])
    assert {row["type"] for row in answer.json["value"]} == {"Microsoft.Authorization/roleDefinitions"}


def test_filters_of_definitions(api: Deployment) -> None:
    guid = str(uuid.uuid4())
    assert define(api, guid, roleName="Mine", assignableScopes=[api.group]).status_code == 201

    def listed(condition: str, scope: str = api.subscription) -> set[str]:
        return names(api.get(below(scope, DEFINITIONS), version=ROLES, query={"$filter": condition}))

    assert listed("roleName eq 'AcrPull'") == {"AcrPull"}
    assert listed("roleName eq 'acrpull'") == {"AcrPull"}
    assert listed("roleName eq 'nope'") == set()
    assert listed("type eq 'CustomRole'") == set()
    assert listed("type eq 'CustomRole'", api.group) == {"Mine"}
    assert listed("atScopeAndBelow() and type eq 'CustomRole'") == {"Mine"}
    assert "Mine" not in listed("type eq 'BuiltInRole'", api.group)


def test_a_built_in_role_is_shown_and_cannot_be_changed(api: Deployment) -> None:
    path = below(api.subscription, DEFINITIONS, ACR_PULL)
    shown = api.get(path, version=ROLES)
    assert shown.json["id"] == path
    assert shown.json["properties"]["type"] == "BuiltInRole"
    assert shown.json["properties"]["permissions"][0]["actions"] == [
        "Microsoft.ContainerRegistry/registries/pull/read"
    ]
    assert code(define(api, ACR_PULL)) == (409, "RoleDefinitionIsBuiltIn")
    assert code(api.delete(path, version=ROLES)) == (409, "RoleDefinitionIsBuiltIn")


def test_a_custom_role_lives_and_ends(api: Deployment, someone: str) -> None:
    guid = str(uuid.uuid4())
    path = below(api.subscription, DEFINITIONS, guid)
    assert define(api, guid, roleName="Keeper").status_code == 201
    assert api.get(path, version=ROLES).json["properties"]["roleName"] == "Keeper"
    changed = define(api, guid, roleName="Keeper 2")
    assert (changed.status_code, changed.json["properties"]["roleName"]) == (201, "Keeper 2")
    made = assign(api, api.group, guid, someone)
    assert made.status_code == 201
    assert code(api.delete(path, version=ROLES)) == (400, "RoleDefinitionHasAssignments")
    assert api.delete(made.json["id"], version=ROLES).status_code == 200
    assert api.delete(path, version=ROLES).status_code == 200
    assert api.delete(path, version=ROLES).status_code == 204
    assert code(api.get(path, version=ROLES)) == (404, "RoleDefinitionDoesNotExist")
    assert code(assign(api, api.group, guid, someone)) == (400, "RoleDefinitionDoesNotExist")


def test_a_changed_custom_role_counts_at_once(api: Deployment) -> None:
    guid = str(uuid.uuid4())
    define(api, guid)
    token = api.persona(guid, api.subscription)
    assert api.get(api.group, version="2024-11-01", token=token).status_code == 403
    block = {"actions": ["Microsoft.Resources/subscriptions/resourceGroups/read"]}
    assert define(api, guid, permissions=[block]).status_code == 201
    assert api.get(api.group, version="2024-11-01", token=token).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        ({"roleName": ""}, 400, "InvalidRoleDefinition"),
        ({"roleName": "x" * 513}, 400, "InvalidRoleDefinition"),
        ({"roleName": "AcrPull"}, 409, "RoleDefinitionWithSameNameExists"),
        ({"roleName": None}, 400, "InvalidRequestContent"),
        ({"type": "BuiltInRole"}, 400, "InvalidRoleDefinition"),
        ({"assignableScopes": []}, 400, "InvalidRoleDefinition"),
        ({"assignableScopes": ["/"]}, 400, "InvalidRoleDefinition"),
        ({"assignableScopes": ["nonsense"]}, 400, "InvalidRoleDefinition"),
        (
            {"assignableScopes": ["/providers/Microsoft.Management/managementGroups/x"]},
            400,
            "InvalidRoleDefinition",
        ),
        ({"permissions": [{"actions": ["pull"]}]}, 400, "InvalidRoleDefinition"),
        ({"permissions": [{"actions": ["Microsoft.X/" + "a" * 300]}]}, 400, "InvalidRoleDefinition"),
        ({"permissions": [{"actions": ["(a+)+$"]}]}, 400, "InvalidRoleDefinition"),
        ({"permissions": [{"actions": [5]}]}, 400, "InvalidRequestContent"),
        ({"permissions": [{"allow": ["*"]}]}, 400, "InvalidRequestContent"),
        ({"permissions": "x"}, 400, "InvalidRequestContent"),
    ],
)
def test_a_bad_custom_role_is_refused(
    api: Deployment, changes: dict[str, Any], status: int, expected: str
) -> None:
    assert code(define(api, str(uuid.uuid4()), **changes)) == (status, expected)


def test_two_custom_roles_cannot_share_a_name(api: Deployment) -> None:
    assert define(api, str(uuid.uuid4()), roleName="Same").status_code == 201
    answer = define(api, str(uuid.uuid4()), roleName="SAME")
    assert code(answer) == (409, "RoleDefinitionWithSameNameExists")


def test_a_custom_role_is_assigned_only_where_it_may_be(
    api: Deployment, someone: str, second_group: str
) -> None:
    guid = str(uuid.uuid4())
    assert define(api, guid, at=api.group, assignableScopes=[api.group]).status_code == 201
    assert assign(api, api.group, guid, someone).status_code == 201
    for scope in ("/", api.subscription, second_group):
        assert code(assign(api, scope, guid, someone)) == (400, "RoleDefinitionNotAssignable")


def test_a_custom_role_is_defined_only_by_who_may_at_every_assignable_scope(
    api: Deployment, second_group: str
) -> None:
    token = api.persona(OWNER, api.group)
    mine = str(uuid.uuid4())
    assert define(api, mine, at=api.group, token=token, assignableScopes=[api.group]).status_code == 201
    for scopes in ([api.subscription], [api.group, second_group]):
        answer = define(api, str(uuid.uuid4()), at=api.group, token=token, assignableScopes=scopes)
        assert code(answer) == (403, "AuthorizationFailed")
        widened = define(api, mine, at=api.group, token=token, assignableScopes=scopes)
        assert code(widened) == (403, "AuthorizationFailed")


def test_a_custom_role_of_others_cannot_be_taken_over_through_ones_own_scope(
    api: Deployment, second_group: str
) -> None:
    theirs, wide = str(uuid.uuid4()), str(uuid.uuid4())
    assert define(api, theirs, at=second_group, assignableScopes=[second_group]).status_code == 201
    assert define(api, wide).status_code == 201
    token = api.persona(OWNER, api.group)
    for guid, expected in (
        (theirs, (409, "RoleDefinitionWithSameNameExists")),
        (wide, (403, "AuthorizationFailed")),
    ):
        taken = define(api, guid, at=api.group, token=token, roleName="mine", assignableScopes=[api.group])
        assert code(taken) == expected
        removed = api.delete(below(api.group, DEFINITIONS, guid), version=ROLES, token=token)
        assert removed.status_code in {204, 403}
    with api.database.read() as tx:
        for guid in (theirs, wide):
            known = role_assignments.custom_role(tx, role_id=guid)
            assert known is not None
            assert known.role_name_key == f"role {guid[:8]}"
