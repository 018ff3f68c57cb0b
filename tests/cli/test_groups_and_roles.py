"""`acrctl group`, `role` and `sp`."""

from __future__ import annotations

import pytest

from tests.cli.cli_runner import Runner
from tests.cli.stand_in import APP_ID, OBJECT_ID, SUBSCRIPTION, TENANT, Service

SCOPE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg1"
PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"


def test_groups_are_made_shown_changed_and_deleted(ready: Runner, service: Service) -> None:
    made = ready("group", "create", "-g", "team-a", "-l", "local", "--tags", "team=a")
    assert made.json["tags"] == {"team": "a"}
    assert made.json["properties"] == {"provisioningState": "Succeeded"}
    assert set(made.json) == {"id", "location", "managedBy", "name", "properties", "tags", "type"}
    assert ready("group", "show", "-n", "team-a").json == made.json
    assert ready("group", "exists", "-n", "team-a").out == "true\n"
    assert ready("group", "exists", "-n", "nosuch").out == "false\n"
    assert (
        ready("group", "update", "-n", "team-a", "--set", "tags.stage=test").json["tags"]["stage"] == "test"
    )
    assert ready("group", "list", "-o", "table").out.splitlines()[0].split() == ["Name", "Location", "Status"]
    assert ready("group", "delete", "-n", "team-a").code == 1
    assert ready("group", "delete", "-n", "team-a", "--yes").out == ""
    assert "team-a" not in service.groups
    assert ready("group", "show", "-n", "team-a").code == 3


def test_groups_are_filtered_by_tag(ready: Runner, service: Service) -> None:
    assert ready("group", "list", "--tag", "team=a").code == 0
    assert service.seen[-1].query["$filter"] == "tagname eq 'team' and tagvalue eq 'a'"


@pytest.mark.parametrize(
    "role", ["AcrPull", PULL, f"/x/providers/Microsoft.Authorization/roleDefinitions/{PULL}"]
)
def test_a_role_is_given_by_name_guid_or_id(ready: Runner, service: Service, role: str) -> None:
    made = ready("role", "assignment", "create", "--role", role, "--scope", SCOPE, "--assignee", APP_ID)
    assert made.code == 0, made.err
    sent = service.asked("PUT", "/roleAssignments/")[0].body["properties"]
    assert sent["roleDefinitionId"].endswith(PULL)
    assert (sent["principalId"], sent["principalType"]) == (OBJECT_ID, "ServicePrincipal")
    assert made.json["resourceGroup"] == "rg1"
    assert made.json["condition"] is None


def test_an_object_id_with_its_type_asks_no_directory(ready: Runner, service: Service) -> None:
    flags = ("--assignee-object-id", OBJECT_ID, "--assignee-principal-type", "ServicePrincipal")
    assert ready("role", "assignment", "create", "--role", PULL, "--scope", SCOPE, *flags).code == 0
    assert not [r for r in service.seen if r.path.startswith("/v1.0")]


def test_a_condition_gets_its_language(ready: Runner, service: Service) -> None:
    flags = ("--assignee", APP_ID, "--condition", "x")
    assert ready("role", "assignment", "create", "--role", PULL, "--scope", SCOPE, *flags).code == 0
    assert service.asked("PUT", "/roleAssignments/")[0].body["properties"]["conditionVersion"] == "2.0"


def test_giving_a_role_twice_is_no_error(ready: Runner) -> None:
    words = ("role", "assignment", "create", "--role", "AcrPull", "--scope", SCOPE, "--assignee", APP_ID)
    first, second = ready(*words), ready(*words)
    assert second.code == 0, second.err
    assert second.json["id"] == first.json["id"]
    assert second.json["roleDefinitionName"] == "AcrPull"


@pytest.mark.parametrize(
    "args", [("--role", "NoSuch", "--assignee", APP_ID), ("--role", PULL, "--assignee", "nosuch")]
)
def test_an_unknown_role_or_principal_exits_3(ready: Runner, args: tuple[str, ...]) -> None:
    assert ready("role", "assignment", "create", "--scope", SCOPE, *args).code == 3


def test_assignments_are_listed_with_names_and_taken_away(ready: Runner, service: Service) -> None:
    ready("role", "assignment", "create", "--role", "AcrPull", "--scope", SCOPE, "--assignee", APP_ID)
    table = ready("role", "assignment", "list", "--all", "-o", "table").out.splitlines()
    assert table[0].split() == ["Principal", "Role", "Scope"]
    assert table[2].split() == [APP_ID, "AcrPull", SCOPE]
    assert len(ready("role", "assignment", "list", "-g", "rg1", "--role", "AcrPull").json) == 1
    assert ready("role", "assignment", "list", "-g", "rg1", "--role", "AcrPush").json == []
    assert ready("role", "assignment", "list").json == []  # the subscription itself, nothing below it
    assert ready("role", "assignment", "delete", "--assignee", APP_ID, "-g", "rg1").out == ""
    assert service.assignments == {}
    assert ready("role", "assignment", "delete", "--assignee", APP_ID, "-g", "rg1").code == 3


def test_assignments_are_deleted_by_id(ready: Runner, service: Service) -> None:
    made = ready("role", "assignment", "create", "--role", PULL, "--scope", SCOPE, "--assignee", APP_ID)
    assert ready("role", "assignment", "delete", "--ids", made.json["id"]).code == 0
    assert service.assignments == {}


def test_role_definitions_have_azs_members(ready: Runner) -> None:
    (shown,) = ready("role", "definition", "list", "-n", "AcrPull").json
    assert (shown["roleName"], shown["roleType"]) == ("AcrPull", "BuiltInRole")
    assert shown["permissions"][0]["dataActions"] is None
    assert len(ready("role", "definition", "list", "-n", PULL).json) == 1
    assert ready("role", "definition", "list", "--custom-role-only").json == []


def test_a_new_principal_logs_in_with_its_secret(ready: Runner, service: Service) -> None:
    made = ready("sp", "create-for-rbac", "-n", "robot", "--role", "AcrPull", "--scopes", SCOPE)
    assert set(made.json) == {"appId", "displayName", "password", "tenant"}
    assert made.json["tenant"] == TENANT
    assert len(service.assignments) == 1
    words = ("-u", made.json["appId"], "-p", made.json["password"], "--tenant", TENANT, "--profile", "robot")
    shown = ready("login", "--service-principal", *words, "--endpoint", service.base)
    assert shown.code == 0, shown.err


def test_principals_are_listed_shown_reset_and_deleted(ready: Runner, service: Service) -> None:
    made = ready("sp", "create-for-rbac", "-n", "robot").json
    assert ready("sp", "list", "--all", "-o", "table").out.splitlines()[0].split() == [
        "DisplayName",
        "Id",
        "AppId",
    ]
    assert ready("sp", "show", "--id", made["appId"], "--query", "displayName", "-o", "tsv").out == "robot\n"
    fresh = ready("sp", "reset", "--id", made["appId"])
    assert set(fresh.json) == {"appId", "password", "tenant"}
    assert fresh.json["password"] != made["password"]
    assert service.asked("POST", "/removePassword")
    assert ready("sp", "reset", "--id", made["appId"], "--end-date", "soon").code == 2
    assert ready("sp", "delete", "--id", made["appId"]).code == 0
    assert ready("sp", "show", "--id", made["appId"]).code == 3
    assert ready("sp", "show", "--id", "nosuch").code == 3


def test_creating_a_principal_twice_keeps_one(ready: Runner, service: Service) -> None:
    first = ready("sp", "create-for-rbac", "-n", "robot").json
    second = ready("sp", "create-for-rbac", "-n", "robot").json
    assert second["appId"] == first["appId"]
    assert len(service.principals) == 1


def test_certificates_are_refused_by_name(ready: Runner) -> None:
    shown = ready("sp", "create-for-rbac", "--create-cert")
    assert shown.code == 2
    assert "--create-cert is not supported" in shown.err
