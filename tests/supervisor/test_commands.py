"""The `controlplane` command: what its small subcommands say, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from controlplane.__main__ import main


class Commands:
    """Runs subcommands on a state folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._environment = {
            "ACRCTL_STATE_DIR": str(folder / "state"),
            "ACRCTL_CONFIG_DIR": str(folder / "config"),
        }

    def __call__(self, *arguments: str, **settings: str) -> Result:
        runner = CliRunner(env={**self._environment, **settings})
        return runner.invoke(main, arguments, prog_name="controlplane")


@pytest.fixture
def run(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


def test_help_lists_every_command_and_loads_none(run: Commands) -> None:
    text = run("--help").output
    for command in ("up", "down", "status", "logs", "serve", "worker", "relay", "db", "owner", "openapi"):
        assert f"\n  {command} " in text
    assert "supervise" not in text


def test_an_unknown_command_is_a_usage_error(run: Commands) -> None:
    assert run("fly").exit_code == 2


@pytest.mark.parametrize("command", ["serve", "worker", "relay"])
def test_processes_refuse_a_schema_that_is_behind(run: Commands, command: str) -> None:
    refused = run(command)
    assert refused.exit_code == 1
    assert "controlplane db upgrade" in refused.stderr


def test_a_database_is_migrated_once_and_then_agrees_with_the_tables(run: Commands) -> None:
    assert run("db", "check").exit_code == 1
    assert run("db", "upgrade").output.startswith("empty -> ")
    assert run("db", "upgrade").output.startswith("up to date")
    assert run("db", "check").output.startswith("no drift (sqlite")


def test_a_database_out_of_reach_is_said_in_one_line(run: Commands) -> None:
    refused = run("db", "upgrade", ACRCTL_DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert refused.exit_code == 1
    assert "The database cannot be reached" in refused.stderr
    assert "ACRCTL_DATABASE_URL" in refused.stderr


def test_each_reset_gives_the_owner_another_secret(run: Commands) -> None:
    run("db", "upgrade")
    first, second = run("owner", "reset"), run("owner", "reset")
    assert (first.exit_code, second.exit_code) == (0, 0)
    secrets = {line for done in (first, second) for line in done.output.splitlines() if "secret" in line}
    assert len(secrets) == 2
    tenants = {line for done in (first, second) for line in done.output.splitlines() if "tenant  " in line}
    assert len(tenants) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ACRCTL_PORT", "many"),
        ("ACRCTL_WEB_THREADS", "1"),
        ("ACRCTL_LOGIN_PORTS", "x-y"),
        ("ACRCTL_TLS_CERT", "/c"),
    ],
)
def test_a_malformed_setting_is_named(run: Commands, variable: str, value: str) -> None:
    refused = run("status", **{variable: value})
    assert refused.exit_code == 1
    assert variable in refused.stderr


def test_settings_are_shown_with_secrets_masked(run: Commands) -> None:
    text = run("settings", ACRCTL_MASTER_KEY="k1:c2VjcmV0", ACRCTL_PORT="9443").output
    assert "* ACRCTL_PORT" in text
    assert "9443" in text
    assert "c2VjcmV0" not in text


def test_status_of_nothing_has_the_exit_code_of_service_scripts(run: Commands) -> None:
    assert run("status").exit_code == 3
    assert run("down").output.startswith("not running")
