"""Logging in and out, profiles, defaults, subscriptions, settings for other tools."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import run
from cli.profiles import Profile, ProfileStore
from tests.cli.cli_runner import Runner
from tests.cli.stand_in import APP_ID, SECRET, SUBSCRIPTION, TENANT, Service

LOGIN = ("login", "--service-principal", "-u", APP_ID, "--tenant", TENANT)


def stored(config: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((config / "profiles.json").read_text())
    return content


def test_login_writes_a_private_profile(acrctl: Runner, service: Service, config: Path) -> None:
    shown = acrctl(*LOGIN, "-p", SECRET, "--endpoint", service.base + "/")
    assert shown.json[0]["id"] == SUBSCRIPTION
    assert shown.json[0]["isDefault"] is True
    profile = stored(config)["profiles"]["default"]
    assert stored(config)["current"] == "default"
    assert profile["endpoint"] == service.base
    assert profile["clientSecret"] == SECRET
    assert profile["subscriptionName"] == "Local"
    assert (config / "profiles.json").stat().st_mode & 0o777 == 0o600
    assert config.stat().st_mode & 0o777 == 0o700
    assert acrctl("group", "list").code == 0


def test_login_with_a_wrong_secret_changes_nothing(ready: Runner, config: Path) -> None:
    before = stored(config)
    shown = ready(*LOGIN, "-p", "wrong")
    assert shown.code == 4
    assert stored(config) == before


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("login", "--endpoint", "https://x"), "--service-principal"),
        (("login", "--service-principal", "-u", "x", "-p", "y", "--endpoint", "x"), "must be the URL"),
        (("login", "--service-principal", "-p", "y", "--endpoint", "https://x"), "needs --username"),
    ],
)
def test_a_login_that_lacks_something_says_what(acrctl: Runner, args: tuple[str, ...], text: str) -> None:
    shown = acrctl(*args)
    assert shown.code == 2
    assert text in shown.err


def test_login_without_a_terminal_needs_the_password(acrctl: Runner, service: Service) -> None:
    shown = acrctl(*LOGIN, "--endpoint", service.base)
    assert shown.code == 1
    assert "non-interactive" in shown.err


def test_logout_forgets_secret_and_tokens(ready: Runner, config: Path) -> None:
    assert ready("logout").code == 1
    assert ready("logout", "--yes").code == 0
    assert SECRET not in (config / "profiles.json").read_text()
    assert json.loads((config / "token.json").read_text()) == {}
    assert ready("registry", "list").code == 4


def test_members_that_others_keep_in_a_profile_survive(ready: Runner, config: Path) -> None:
    content = stored(config)
    content["profiles"]["local"]["serviceNote"] = "keep"
    (config / "profiles.json").write_text(json.dumps(content))
    assert ready("configure", "--defaults", "acr=demo01", "location=west").code == 0
    profile = stored(config)["profiles"]["local"]
    assert profile["serviceNote"] == "keep"
    assert profile["defaults"] == {"group": "rg1", "acr": "demo01", "location": "west"}


def test_defaults_are_listed_and_removed(ready: Runner, config: Path) -> None:
    assert ready("configure", "--defaults", "acr=demo01", "group=").code == 0
    source = str(config / "profiles.json")
    assert ready("configure", "--list-defaults").json == [
        {"name": "acr", "source": source, "value": "demo01"}
    ]
    assert ready("show").json["name"] == "demo01"
    shown = ready("create", "-n", "demo02", "--sku", "Basic")
    assert shown.code == 2
    assert "--resource-group/-g" in shown.err


def test_profiles_are_listed_shown_chosen_and_deleted(ready: Runner, config: Path) -> None:
    other = Profile("other", endpoint="https://example.com", client_secret="s")
    ProfileStore(config).save(other)
    listed = ready("profile", "list").json
    assert [(p["name"], p["current"]) for p in listed] == [("local", True), ("other", False)]
    assert SECRET not in ready("profile", "show").out
    assert ready("profile", "use", "other").code == 0
    assert ready("profile", "show", "--query", "endpoint", "-o", "tsv").out == "https://example.com\n"
    assert ready("registry", "list", "--profile", "local").code == 0
    assert ready("profile", "delete", "other").code == 1
    assert ready("profile", "delete", "other", "-y").code == 0
    assert stored(config)["current"] == "local"
    assert ready("profile", "use", "other").code == 3
    assert ready("registry", "list", "--profile", "other").code == 3


def test_the_environment_alone_is_enough(
    acrctl: Runner, service: Service, monkeypatch: pytest.MonkeyPatch, config: Path
) -> None:
    for name, value in {
        "ENDPOINT": service.base,
        "TENANT_ID": TENANT,
        "CLIENT_ID": APP_ID,
        "CLIENT_SECRET": SECRET,
        "DEFAULTS_LOCATION": "west",
        "OUTPUT": "tsv",
    }.items():
        monkeypatch.setenv(f"ACRCTL_{name}", value)
    assert acrctl("group", "create", "-n", "rg1", "--query", "location").out == "west\n"
    assert not (config / "profiles.json").exists()
    monkeypatch.setenv("ACRCTL_OUTPUT", "xml")
    assert acrctl("group", "list").code == 2


def test_accounts_have_azs_members(ready: Runner) -> None:
    keys = {"homeTenantId", "id", "isDefault", "managedByTenants", "name", "state", "tenantId", "user"}
    assert set(ready("account", "list").json[0]) == keys | {"cloudName"}
    assert set(ready("account", "show").json) == keys | {"environmentName"}


def test_account_show_needs_no_service(ready: Runner, service: Service) -> None:
    assert ready("account", "show", "--query", "id", "-o", "tsv").out == f"{SUBSCRIPTION}\n"
    assert service.seen == []


def test_account_set_chooses_by_name(ready: Runner, config: Path) -> None:
    assert ready("account", "set", "-s", "local").code == 0
    assert stored(config)["profiles"]["local"]["subscriptionId"] == SUBSCRIPTION
    assert ready("account", "set", "--subscription", "nowhere").code == 3


def test_access_tokens_are_printed_for_a_resource(ready: Runner) -> None:
    shown = ready("account", "get-access-token").json
    keys = {"accessToken", "expiresOn", "expires_on", "subscription", "tenant", "tokenType"}
    assert set(shown) == keys
    other = ready("account", "get-access-token", "--resource", "https://containerregistry.azure.net/")
    assert other.json["accessToken"] == "at:https://containerregistry.azure.net/.default"
    assert ready("account", "get-access-token", "--resource-type", "batch").code == 2
    assert ready("account", "get-access-token", "--tenant", "other").code == 2


def test_env_points_az_here(
    ready: Runner, service: Service, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("OUR AUTHORITY\n")
    monkeypatch.setenv("ACRCTL_CA_FILE", str(authority))
    lines = ready("env", "--shell", "bash").out.splitlines()
    words = [shlex.split(line) for line in lines]
    assert all(len(w) == 2 and w[0] == "export" for w in words)
    given = dict(w[1].split("=", 1) for w in words)
    bundle = config / "ca-bundle-local.pem"
    assert given["REQUESTS_CA_BUNDLE"] == given["SSL_CERT_FILE"] == str(bundle)
    assert given["NODE_EXTRA_CA_CERTS"] == str(authority)
    assert bundle.read_text().endswith("OUR AUTHORITY\n")
    assert "BEGIN CERTIFICATE" in bundle.read_text()
    assert given["ARM_CLOUD_METADATA_URL"] == f"{service.base}/metadata/endpoints?api-version=2019-05-01"
    assert given["AZURE_CONFIG_DIR"] == str(config / "azure" / "local")
    assert (given["AZURE_TENANT_ID"], given["AZURE_CLIENT_ID"]) == (TENANT, APP_ID)
    assert given["AZURE_CLIENT_SECRET"] == SECRET
    assert given["AZURE_CORE_INSTANCE_DISCOVERY"] == "false"


def test_env_can_be_taken_back_and_speaks_other_shells(ready: Runner) -> None:
    names = {line.split("=")[0].split()[-1] for line in ready("env", "--shell", "bash").out.splitlines()}
    unset = {line.split()[-1] for line in ready("env", "--unset", "--shell", "bash").out.splitlines()}
    assert names <= unset
    assert ready("env", "--shell", "fish").out.startswith("set -gx ")
    assert ready("env", "--shell", "powershell").out.startswith("$Env:")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_us(acrctl: Runner, shell: str) -> None:
    assert "_ACRCTL_COMPLETE" in acrctl("completion", shell).out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("acrctl reg", "registry"), ("acrctl registry cr", "create"), ("acrctl registry create --sk", "--sku")],
)
def test_completion_offers_names(
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    offered: str,
) -> None:
    del config
    monkeypatch.setenv("_ACRCTL_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    with pytest.raises(SystemExit):
        run([])
    assert f"plain,{offered}" in capsys.readouterr().out.splitlines()
