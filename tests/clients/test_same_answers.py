"""acrctl answers what az answers: for every command both have, the same members in the same places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Service

pytestmark = pytest.mark.clients

GROUP, NAME = "same-group", "sameanswers01"
ON = ("-n", NAME)
# What follows `az acr` and `acrctl`; both act on the same service, so the order tells what each finds.
REGISTRY_COMMANDS = [
    ("check-name", *ON),
    ("show", *ON),
    ("list",),
    ("list", "-g", GROUP),
    ("update", *ON, "--tags", "team=blue"),
    ("update", *ON, "--admin-enabled", "true"),
    ("show-usage", *ON),
    ("credential", "show", *ON),
    ("credential", "renew", *ON, "--password-name", "password"),
    ("login", *ON, "--expose-token"),
    ("repository", "list", *ON),
    ("repository", "show", *ON, "--repository", "same/app"),
    ("repository", "show", *ON, "--image", "same/app:v1"),
    ("repository", "show-tags", *ON, "--repository", "same/app"),
    ("repository", "show-tags", *ON, "--repository", "same/app", "--detail", "--orderby", "time_desc"),
]
# What follows `az` and `acrctl` alike.
OTHER_COMMANDS = [
    ("account", "show"),
    ("account", "list"),
    ("account", "get-access-token"),
    ("group", "show", "-n", GROUP),
    ("group", "list"),
    ("role", "definition", "list", "--name", "AcrPull"),
    ("role", "assignment", "list", "--all"),
    ("ad sp", "list", "--all"),
]

# Commands that make something: az makes one, we another. `{}` tells them apart, `{scope}` is the registry.
MAKING_COMMANDS = [
    "acr create -n paired{} -g same-group --sku Basic",
    "group create -n paired-{} -l westus",
    "group update -n paired-{} --set tags.a=b",
    "ad sp create-for-rbac --name paired-{}",
    "ad sp create-for-rbac --name scoped-{} --role AcrPull --scopes {scope}",
    "ad sp list --display-name paired-{}",
    "acr delete -n paired{} --yes",
    "group delete -n paired-{} --yes",
]


@pytest.fixture(scope="module")
def content(az: Service, image: Path, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Give both the same registry with one image."""
    az.az("group", "create", "-n", GROUP, "-l", "westeurope")
    az.az("acr", "create", *ON, "-g", GROUP, "--sku", "Premium", "--admin-enabled", "true")
    folder = tmp_path_factory.mktemp("certs")
    (folder / "ca.crt").write_bytes(az.ca.read_bytes())
    shown = az.acrctl("credential", "show", *ON).json()
    server = az.acrctl("show", *ON, "--query", "loginServer", "-o", "tsv").out.strip()
    az.run(
        "skopeo", "copy", "--dest-cert-dir", folder,
        "--dest-creds", f"{shown['username']}:{shown['passwords'][0]['value']}",
        f"oci:{image}:v1", f"docker://{server}/same/app:v1",
    )  # fmt: skip
    return az


@pytest.mark.parametrize("command", REGISTRY_COMMANDS, ids=" ".join)
def test_a_registry_command_has_az_s_members(content: Service, command: tuple[str, ...]) -> None:
    theirs = content.az("acr", *command).json()
    assert shape(content.acrctl(*command).json()) == shape(theirs)
    assert shape(content.acrctl(*documented(command)).json()) == shape(theirs)


@pytest.mark.parametrize("command", OTHER_COMMANDS, ids=" ".join)
def test_another_command_has_az_s_members(content: Service, command: tuple[str, ...]) -> None:
    theirs = content.az(*command[0].split(), *command[1:]).json()
    ours = content.acrctl(*command[0].removeprefix("ad ").split(), *command[1:]).json()
    assert shape(ours) == shape(theirs)


@pytest.mark.parametrize("command", MAKING_COMMANDS)
def test_what_a_command_makes_has_az_s_members(content: Service, command: str) -> None:
    scope = content.acrctl("show", *ON, "--query", "id", "-o", "tsv").out.strip()
    theirs = content.az(*command.format("az", scope=scope).split())
    ours = content.acrctl(*command.format("own", scope=scope).replace("ad ", "").replace("acr ", "").split())
    assert bool(ours.out) is bool(theirs.out)
    if theirs.out:
        assert shape(ours.json()) == shape(theirs.json())


def test_a_role_assignment_has_az_s_members(content: Service) -> None:
    scope = content.acrctl("show", *ON, "--query", "id", "-o", "tsv").out.strip()
    app = content.acrctl("sp", "create-for-rbac", "--name", "assignee").json()["appId"]
    principal = content.acrctl("sp", "show", "--id", app, "--query", "id", "-o", "tsv").out.strip()
    words = (
        "role",
        "assignment",
        "create",
        "--scope",
        scope,
        "--assignee-principal-type",
        "ServicePrincipal",
    )
    theirs = content.az(*words, "--assignee-object-id", principal, "--role", "AcrPush").json()
    ours = content.acrctl(*words, "--assignee-object-id", principal, "--role", "AcrDelete").json()
    assert shape(ours) == shape(theirs)


@pytest.mark.parametrize(
    "query", ["loginServer", "id", "sku.name", "resourceGroup", "tags.team", "adminUserEnabled"]
)
def test_a_script_s_query_gives_the_same_text(content: Service, query: str) -> None:
    tail = ("show", *ON, "--query", query, "-o", "tsv")
    assert content.acrctl(*tail).out == content.az("acr", *tail).out


def documented(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return the form of a command that our documentation shows."""
    grouped = command[0] in {"credential", "repository"}
    return command if grouped else ("registry", *command)


def shape(value: Any) -> Any:
    """Reduce a document to its members; of a list's entries, to those any of them has."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        merged: dict[str, Any] = {}
        for entry in (shape(entry) for entry in value):
            merged |= entry if isinstance(entry, dict) else {}
        return [merged]
    return None
