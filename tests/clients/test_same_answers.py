"""acrctl answers what az answers: for every command both have, the same members in the same places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Service

pytestmark = pytest.mark.clients

UNGROUPED = {"check-name", "list", "login", "show", "show-usage", "update"}
GROUP, NAME = "same-group", "sameanswers01"
ON = ("-n", NAME)
OF = ("-r", NAME)
APP = (*OF, "-n", "same/app")
IMAGE = (*OF, "-n", "same/app:v1")
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
    ("repository", "show-manifests", *ON, "--repository", "same/app"),
    ("repository", "show-manifests", *ON, "--repository", "same/app", "--detail"),
    ("repository", "update", *ON, "--repository", "same/app", "--list-enabled", "true"),
    ("repository", "update", *ON, "--image", "same/app:v1", "--write-enabled", "false"),
    ("repository", "update", *ON, "--image", "same/app:v1", "--write-enabled", "true"),
    ("manifest", "list", *APP),
    ("manifest", "show", *IMAGE),
    ("manifest", "list-metadata", *APP, "--top", "1"),
    ("manifest", "show-metadata", *IMAGE),
    ("manifest", "update-metadata", *IMAGE, "--delete-enabled", "true"),
    ("manifest", "list-referrers", *IMAGE, "--recursive"),
    ("config", "retention", "show", *OF),
    (
        "config",
        "retention",
        "update",
        *OF,
        "--type",
        "UntaggedManifests",
        "--status",
        "enabled",
        "--days",
        "9",
    ),
    ("config", "content-trust", "show", *OF),
    ("config", "content-trust", "update", *OF, "--status", "disabled", "--yes"),
    ("config", "authentication-as-arm", "show", *OF),
    ("config", "soft-delete", "update", *OF, "--status", "enabled", "--days", "9"),
    ("config", "soft-delete", "show", *OF),
    ("repository", "list-deleted", *ON),
    ("network-rule", "add", *ON, "--ip-address", "198.51.100.7"),
    ("network-rule", "list", *ON),
    ("identity", "assign", *ON, "--identities", "[system]"),
    ("identity", "show", *ON),
    ("scope-map", "create", *OF, "-n", "shared", "--repository", "same/app", "content/read"),
    ("scope-map", "update", *OF, "-n", "shared", "--add-repository", "same/app", "metadata/read"),
    ("scope-map", "show", *OF, "-n", "shared"),
    ("scope-map", "list", *OF),
    ("token", "create", *OF, "-n", "shared", "--scope-map", "shared"),
    ("token", "credential", "generate", *OF, "-n", "shared", "--password1", "--expiration-in-days", "3"),
    ("token", "update", *OF, "-n", "shared", "--status", "disabled"),
    ("token", "show", *OF, "-n", "shared"),
    ("token", "list", *OF),
    (
        "webhook",
        "create",
        *OF,
        "-n",
        "shared01",
        "--actions",
        "push",
        "--uri",
        "http://127.0.0.1:9/",
        "--scope",
        "x",
    ),
    ("webhook", "update", *OF, "-n", "shared01", "--status", "disabled", "--headers", "a=b"),
    ("webhook", "show", *OF, "-n", "shared01"),
    ("webhook", "list", *OF),
    ("webhook", "get-config", *OF, "-n", "shared01"),
    ("webhook", "ping", *OF, "-n", "shared01"),
    ("webhook", "list-events", *OF, "-n", "shared01"),
    (
        "credential-set",
        "create",
        *OF,
        "-n",
        "shared01",
        "-l",
        "docker.io",
        "-u",
        "https://v.test/secrets/u",
        "-p",
        "https://v.test/secrets/p",
    ),
    ("credential-set", "update", *OF, "-n", "shared01", "-p", "https://v.test/secrets/q"),
    ("credential-set", "list", *OF),
    (
        "cache",
        "create",
        *OF,
        "-n",
        "shared01",
        "-s",
        "docker.io/library/nginx",
        "-t",
        "cached/nginx",
        "-c",
        "shared01",
    ),
    ("cache", "update", *OF, "-n", "shared01", "--remove-cred-set"),
    ("cache", "list", *OF),
    ("replication", "create", *OF, "-l", "westus"),
    ("replication", "update", *OF, "-n", "westus", "--tags", "a=b"),
    ("replication", "list", *OF),
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

# Commands that make something, or end it: az one, we another. `{}` and `{number}` tell them apart, `{scope}`
# is the registry.
MAKING_COMMANDS = [
    "acr create -n paired{} -g same-group --sku Basic",
    "group create -n paired-{} -l westus",
    "group update -n paired-{} --set tags.a=b",
    "ad sp create-for-rbac --name paired-{}",
    "ad sp create-for-rbac --name scoped-{} --role AcrPull --scopes {scope}",
    "ad sp list --display-name paired-{}",
    "acr manifest delete -r sameanswers01 -n same/{}:v1 --yes",
    "acr manifest list-deleted -r sameanswers01 -n same/{}",
    "acr manifest list-deleted-tags -r sameanswers01 -n same/{}:v1",
    "acr manifest restore -r sameanswers01 -n same/{}:v1 --yes",
    "acr repository untag -n sameanswers01 --image same/{}:v1",
    "acr repository delete -n sameanswers01 --repository same/{} --yes",
    "acr network-rule add -n sameanswers01 --ip-address 203.0.113.{number}",
    "acr network-rule remove -n sameanswers01 --ip-address 203.0.113.{number}",
    "acr token create -r sameanswers01 -n paired-{} --repository same/{} content/read --no-passwords",
    "acr token create -r sameanswers01 -n sealed-{} --repository same/{} content/read",
    "acr token credential delete -r sameanswers01 -n sealed-{} --password1",
    "acr token delete -r sameanswers01 -n paired-{} --yes",
    "acr scope-map delete -r sameanswers01 -n paired-{}-scope-map --yes",
    "acr webhook create -r sameanswers01 -n paired{} --actions push --uri http://127.0.0.1:9/",
    "acr webhook delete -r sameanswers01 -n paired{}",
    "acr import -n sameanswers01 -r sameanswers01 --source same/app:v1 -t imported/{}:v1",
    "acr delete -n paired{} --yes",
    "group delete -n paired-{} --yes",
]


@pytest.fixture(scope="module")
def content(az: Service, image: Path, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Give both the same registry with one image."""
    az.az("group", "create", "-n", GROUP, "-l", "westeurope")
    az.az("acr", "create", *ON, "-g", GROUP, "--sku", "Premium", "--admin-enabled", "true")
    az.acrctl("config", "soft-delete", "update", *OF, "--status", "enabled")
    az.acrctl("network-rule", "add", *ON, "--ip-address", "198.51.100.7")
    folder = tmp_path_factory.mktemp("certs")
    (folder / "ca.crt").write_bytes(az.ca.read_bytes())
    shown = az.acrctl("credential", "show", *ON).json()
    server = az.acrctl("show", *ON, "--query", "loginServer", "-o", "tsv").out.strip()
    for repository in ("app", "az", "own"):
        az.run(
            "skopeo", "copy", "--dest-cert-dir", folder,
            "--dest-creds", f"{shown['username']}:{shown['passwords'][0]['value']}",
            f"oci:{image}:v1", f"docker://{server}/same/{repository}:v1",
        )  # fmt: skip
    return az


@pytest.mark.parametrize("command", REGISTRY_COMMANDS, ids=" ".join)
def test_a_registry_command_has_az_s_members(content: Service, command: tuple[str, ...]) -> None:
    theirs = content.az("acr", *command).json()
    for form in {command, documented(command)}:
        assert shape(content.acrctl(*form).json()) == shape(theirs)


@pytest.mark.parametrize("command", OTHER_COMMANDS, ids=" ".join)
def test_another_command_has_az_s_members(content: Service, command: tuple[str, ...]) -> None:
    theirs = content.az(*command[0].split(), *command[1:]).json()
    ours = content.acrctl(*command[0].removeprefix("ad ").split(), *command[1:]).json()
    assert shape(ours) == shape(theirs)


@pytest.mark.parametrize("command", MAKING_COMMANDS)
def test_what_a_command_makes_has_az_s_members(content: Service, command: str) -> None:
    scope = content.acrctl("show", *ON, "--query", "id", "-o", "tsv").out.strip()
    theirs = content.az(*filled(command, "az", 1, scope).split())
    own = filled(command, "own", 2, scope).removeprefix("ad ").removeprefix("acr ")
    ours = content.acrctl(*own.split())
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


def filled(command: str, who: str, number: int, scope: str) -> str:
    """Return a command with its placeholders filled in."""
    return command.replace("{}", who).format(number=number, scope=scope)


def documented(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return the form of a command that our documentation shows."""
    return ("registry", *command) if command[0] in UNGROUPED else command


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
