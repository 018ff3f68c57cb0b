"""Role assignments over the management API."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from controlplane.persistence import role_assignments, stamps
from tests.api.deployment import ACR_PULL, CONTRIBUTOR, READER, ROLES, Deployment, Reply
from tests.api.roles import (
    ACCESS_ADMINISTRATOR,
    ASSIGNMENTS,
    CATALOG_LISTER,
    DEFINITIONS,
    NAME,
    OWNER,
    RBAC_ADMINISTRATOR,
    REPOSITORY_READER,
    assign,
    below,
    code,
    define,
)


def test_an_assignment_is_made_shown_and_removed(api: Deployment, someone: str) -> None:
    name = str(uuid.uuid4())
    path = below(api.group, ASSIGNMENTS, name)
    made = assign(
        api, api.group, ACR_PULL, someone, name, principalType="ServicePrincipal", description="why"
    )
    assert made.status_code == 201
    shown = api.get(path, version=ROLES)
    assert shown.json == made.json
    assert shown.json["id"] == path
    properties = shown.json["properties"]
    assert properties["scope"] == api.group
    assert properties["principalId"] == someone
    assert properties["principalType"] == "ServicePrincipal"
    assert properties["roleDefinitionId"] == f"{api.subscription}/{DEFINITIONS}/{ACR_PULL}"
    assert properties["description"] == "why"
    assert properties["createdOn"] == properties["updatedOn"]
    removed = api.delete(path, version=ROLES)
    assert (removed.status_code, removed.json["id"]) == (200, path)
    assert api.delete(path, version=ROLES).status_code == 204
    assert code(api.get(path, version=ROLES)) == (404, "RoleAssignmentNotFound")


def test_an_assignment_acts_on_the_next_call_and_its_removal_too(api: Deployment) -> None:
    token = api.persona(None, "/")
    groups = f"{api.subscription}/resourceGroups/default"
    assert code(api.get(groups, version="2024-11-01", token=token)) == (403, "AuthorizationFailed")
    made = api.assign(api.personas[token], READER, api.group)
    assert api.get(groups, version="2024-11-01", token=token).status_code == 200
    assert api.delete(made, version=ROLES).status_code == 200
    assert code(api.get(groups, version="2024-11-01", token=token)) == (403, "AuthorizationFailed")


@pytest.mark.parametrize("level", ["root", "subscription", "group"])
def test_assignments_exist_at_every_scope(api: Deployment, someone: str, level: str) -> None:
    scope = {"root": "/", "subscription": api.subscription, "group": api.group}[level]
    made = assign(api, scope, READER, someone)
    assert made.status_code == 201
    assert made.json["properties"]["scope"] == scope
    above = "" if level == "root" else api.subscription
    assert made.json["properties"]["roleDefinitionId"] == f"{above}/{DEFINITIONS}/{READER}"


def test_a_role_is_assigned_once_to_a_principal_at_a_scope(api: Deployment, someone: str) -> None:
    assert assign(api, api.group, READER, someone).status_code == 201
    assert code(assign(api, api.group, READER, someone)) == (409, "RoleAssignmentExists")
    assert code(assign(api, api.group, READER, someone.upper())) == (409, "RoleAssignmentExists")
    assert assign(api, api.subscription, READER, someone).status_code == 201
    assert assign(api, api.group, ACR_PULL, someone).status_code == 201


def test_an_assignment_cannot_become_another(api: Deployment, someone: str) -> None:
    name, other = str(uuid.uuid4()), api.personas[api.persona(None, "/")]
    assert assign(api, api.group, READER, someone, name).status_code == 201
    assert assign(api, api.group, READER, someone, name).status_code == 200
    changed = assign(api, api.group, READER, someone, name, description="new")
    assert (changed.status_code, changed.json["properties"]["description"]) == (200, "new")
    for answer in (
        assign(api, api.group, ACR_PULL, someone, name),
        assign(api, api.group, READER, other, name),
    ):
        assert code(answer) == (400, "RoleAssignmentUpdateNotPermitted")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"principalId": str(uuid.uuid4())}, "PrincipalNotFound"),
        ({"principalId": "not-a-guid"}, "InvalidRequestContent"),
        ({"principalId": None}, "InvalidRequestContent"),
        ({"principalType": "User"}, "UnmatchedPrincipalType"),
        ({"principalType": "Robot"}, "InvalidRequestContent"),
        ({"roleDefinitionId": f"/{DEFINITIONS}/{uuid.uuid4()}"}, "RoleDefinitionDoesNotExist"),
        ({"roleDefinitionId": "AcrPull"}, "InvalidRoleAssignment"),
        ({"roleDefinitionId": f"/{DEFINITIONS}/"}, "InvalidRoleAssignment"),
        ({"roleDefinitionId": None}, "InvalidRequestContent"),
        ({"surprise": 1}, "InvalidRequestContent"),
        ({"delegatedManagedIdentityResourceId": "/x"}, "InvalidRequestContent"),
        ({"condition": f"{NAME} StringEquals 'a'"}, "InvalidCondition"),
        ({"condition": f"{NAME} StringEquals 'a'", "conditionVersion": "2.0"}, "InvalidCondition"),
        ({"conditionVersion": "2.0"}, "InvalidCondition"),
    ],
)
def test_a_bad_assignment_is_refused(
    api: Deployment, someone: str, changes: dict[str, Any], expected: str
) -> None:
    answer = assign(api, api.group, ACR_PULL, someone, **changes)
    assert code(answer) == (400, expected)


@pytest.mark.parametrize("name", ["x", "not-a-guid", "7f951dda-4ed3-4680-a7ca-43fe172d538"])
def test_an_assignment_is_named_by_a_guid(api: Deployment, someone: str, name: str) -> None:
    assert code(assign(api, api.group, ACR_PULL, someone, name)) == (400, "InvalidResourceName")


@pytest.mark.parametrize(
    ("role", "condition", "version", "status"),
    [
        (REPOSITORY_READER, f"{NAME} StringStartsWithIgnoreCase 'team/'", "2.0", 201),
        (REPOSITORY_READER, f"{NAME} StringStartsWithIgnoreCase 'team/'", "1.0", 400),
        (REPOSITORY_READER, f"{NAME} NumericEquals '1'", "2.0", 400),
        (REPOSITORY_READER, "@Principal[x:y] StringEquals 'a'", "2.0", 400),
        (CATALOG_LISTER, f"{NAME} StringEquals 'a'", "2.0", 400),
        (OWNER, f"{NAME} StringEquals 'a'", "2.0", 400),
    ],
)
def test_only_conditions_that_are_evaluated_are_accepted(
    api: Deployment, someone: str, role: str, condition: str, version: str, status: int
) -> None:
    answer = assign(api, api.group, role, someone, condition=condition, conditionVersion=version)
    assert answer.status_code == status
    if status == 201:
        assert answer.json["properties"]["condition"] == condition


def test_a_changed_condition_reaches_the_evaluator(api: Deployment, someone: str) -> None:
    name = str(uuid.uuid4())
    for word in ("one", "two"):
        condition = f"{NAME} StringEquals '{word}'"
        more = {"condition": condition, "conditionVersion": "2.0"}
        assert assign(api, api.group, REPOSITORY_READER, someone, name, **more).status_code in {200, 201}
        with api.database.read() as tx:
            (grant,) = role_assignments.grants(tx, [someone], [api.group.lower()])
        assert grant.condition == condition


def test_an_assignment_below_what_does_not_exist_is_not_found(api: Deployment, someone: str) -> None:
    for scope, expected in (
        (f"{api.subscription}/resourceGroups/none", "ResourceGroupNotFound"),
        (f"/subscriptions/{uuid.uuid4()}", "SubscriptionNotFound"),
        (f"{api.group}/providers/Microsoft.ContainerRegistry/registries/none1", "ParentResourceNotFound"),
    ):
        assert code(assign(api, scope, READER, someone)) == (404, expected)


def test_lists_follow_the_scope(api: Deployment, someone: str, second_group: str) -> None:
    made = {
        scope: assign(api, scope, READER, someone).json["id"]
        for scope in ("/", api.subscription, api.group, second_group)
    }

    def listed(scope: str, condition: str | None = None) -> set[str]:
        query = {} if condition is None else {"$filter": condition}
        answer = api.get(below(scope, ASSIGNMENTS), version=ROLES, query=query)
        assert answer.status_code == 200, answer.text
        return {row["id"] for row in answer.json["value"] if row["properties"]["principalId"] == someone}

    root, subscription, first, second = made["/"], made[api.subscription], made[api.group], made[second_group]
    assert listed("/") == {root, subscription, first, second}
    assert listed("/", "atScope()") == {root}
    assert listed(api.subscription) == {root, subscription, first, second}
    assert listed(api.subscription, "atScope()") == {root, subscription}
    assert listed(api.group) == {root, subscription, first}
    assert listed(api.group, "atScope()") == {root, subscription, first}
    assert listed(api.group.upper().replace("/SUBSCRIPTIONS", "/subscriptions")) == {
        root,
        subscription,
        first,
    }
    assert listed(api.group, f"principalId eq '{someone}'") == {root, subscription, first}
    assert listed(api.group, f"principalId eq '{uuid.uuid4()}'") == set()
    assert listed(api.group, f"atScope() and assignedTo('{someone.upper()}')") == {root, subscription, first}


def test_a_list_spells_roles_as_its_subscription_does(api: Deployment) -> None:
    answer = api.get(below(api.subscription, ASSIGNMENTS), version=ROLES, query={"$filter": "atScope()"})
    (owner,) = answer.json["value"]
    assert owner["properties"]["roleDefinitionId"] == f"{api.subscription}/{DEFINITIONS}/{OWNER}"
    assert owner["properties"]["scope"] == "/"


@pytest.mark.parametrize(
    "condition", ["x eq 'y'", "atScope(", "principalId ne 'x'", "atScope() or atScope()", "'"]
)
def test_a_filter_that_is_not_understood_is_refused(api: Deployment, condition: str) -> None:
    for collection in (ASSIGNMENTS, DEFINITIONS):
        answer = api.get(below(api.group, collection), version=ROLES, query={"$filter": condition})
        assert code(answer) == (400, "InvalidParameter")


def test_assignments_end_with_what_they_are_attached_to(
    api: Deployment, someone: str, second_group: str
) -> None:
    made = assign(api, second_group, READER, someone).json["id"]
    assert api.delete(second_group, version="2024-11-01").status_code in {200, 202}
    for _ in range(3):
        api.work()
    with api.database.read() as tx:
        assert role_assignments.grants(tx, [someone], [second_group.lower()]) == []
    assert api.get(made, version=ROLES).status_code == 404


def test_every_change_moves_the_identity_stamp(api: Deployment, someone: str) -> None:
    def stamp() -> int:
        with api.database.read() as tx:
            return stamps.read(tx, stamps.IDENTITY)

    guid = str(uuid.uuid4())
    made = below(api.group, ASSIGNMENTS, guid)
    changes: tuple[Callable[[], Reply], ...] = (
        lambda: assign(api, api.group, READER, someone, guid),
        lambda: api.delete(made, version=ROLES),
        lambda: define(api, guid),
        lambda: api.delete(below(api.subscription, DEFINITIONS, guid), version=ROLES),
    )
    for change in changes:
        before = stamp()
        assert change().status_code in {200, 201}
        assert stamp() > before


def test_ids_of_assignments_compare_without_case(api: Deployment, someone: str) -> None:
    made = assign(api, api.group, READER, someone).json["id"]
    shouted = made.replace("resourceGroups/default", "RESOURCEGROUPS/DEFAULT").replace(
        "Microsoft.Authorization", "microsoft.authorization"
    )
    assert api.get(shouted, version=ROLES).json["id"] == made
    assert api.delete(shouted, version=ROLES).status_code == 200
    assert api.get(made, version=ROLES).status_code == 404


# --- who may assign --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (OWNER, 201),
        (ACCESS_ADMINISTRATOR, 201),
        (RBAC_ADMINISTRATOR, 201),
        (CONTRIBUTOR, 403),
        (READER, 403),
        (ACR_PULL, 403),
        (None, 403),
    ],
)
def test_who_may_assign_at_a_scope(api: Deployment, someone: str, role: str | None, status: int) -> None:
    token = api.persona(role, api.group)
    made = assign(api, api.group, READER, someone, token=token)
    assert made.status_code == status


def test_nobody_assigns_above_or_beside_their_scope(api: Deployment, someone: str, second_group: str) -> None:
    token = api.persona(OWNER, api.group)
    own = api.personas[token]
    for scope in ("/", api.subscription, second_group):
        for principal in (someone, own):
            assert code(assign(api, scope, OWNER, principal, token=token)) == (403, "AuthorizationFailed")
    owners = assign(api, "/", READER, someone).json["id"]
    assert code(api.delete(owners, version=ROLES, token=token)) == (403, "AuthorizationFailed")


def test_a_refusal_comes_before_any_hint_of_what_exists(api: Deployment, someone: str) -> None:
    token = api.persona(None, "/")
    existing = assign(api, api.group, READER, someone).json["id"]
    for path in (existing, below(api.group, ASSIGNMENTS, str(uuid.uuid4())), below("/", DEFINITIONS, READER)):
        for method in ("GET", "DELETE"):
            answer = api.call(method, path, version=ROLES, token=token)
            assert code(answer) == (403, "AuthorizationFailed")
    assert (
        code(assign(api, f"{api.subscription}/resourceGroups/none", READER, someone, token=token))[0] == 403
    )


def test_who_may_read_only_a_group_sees_its_assignments_and_not_its_neighbours(
    api: Deployment, someone: str, second_group: str
) -> None:
    token = api.persona(READER, api.group)
    hidden = assign(api, second_group, READER, someone).json["id"]
    shown = assign(api, api.group, READER, someone).json["id"]
    answer = api.get(below(api.subscription, ASSIGNMENTS), version=ROLES, token=token)
    found = {row["id"] for row in answer.json["value"]}
    assert shown in found
    assert hidden not in found
    assert code(api.get(below(second_group, ASSIGNMENTS), version=ROLES, token=token))[0] == 403
