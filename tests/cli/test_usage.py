"""Mistakes of usage: exit code 2, one line saying what, one saying where to look."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.cli_runner import Runner
from tests.cli.stand_in import Service


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("nosuch",), "'nosuch' is not a command of acrctl."),
        (("registry", "creat"), "Did you mean 'create'"),
        (("registry", "show"), "the following arguments are required: --name/-n"),
        (
            ("registry", "create", "-n", "demo01", "--sku", "Gold"),
            "Allowed values: Basic, Standard, Premium.",
        ),
        (("registry", "list", "--nosuch"), "No such option"),
        (("registry", "list", "-o", "xml"), "Allowed values: json"),
        (("registry", "list", "--query", "[?"), "argument --query"),
        (("registry", "update", "-n", "demo01"), "nothing to update"),
        (("registry", "login", "-n", "demo01", "-t", "-u", "x"), "cannot be combined"),
        (("repository", "show", "-n", "demo01"), "--image IMAGE or --repository"),
        (("repository", "list", "-n", "demo01", "-p", "x"), "needs --username"),
        (("role", "assignment", "create", "--role", "x", "--scope", "/s"), "either --assignee or"),
        (("role", "assignment", "delete"), "say which"),
        (("sp", "create-for-rbac", "--role", "AcrPull"), "both --role and --scopes"),
        (("configure",), "--defaults name=value"),
        (("configure", "--defaults", "colour=red"), "group, location, acr"),
        (("completion", "tcsh"), "bash, zsh, fish"),
        (("operation", "show"), "the following arguments are required: operation"),
    ],
)
def test_it_is_told_and_exits_2(ready: Runner, args: tuple[str, ...], text: str) -> None:
    shown = ready(*args)
    assert shown.code == 2
    assert shown.out == ""
    assert shown.err.startswith("ERROR: ")
    assert text in shown.err
    assert "HINT: " in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--workspace", "w"), ("--identity", "i"), ("--key-encryption-key", "https://k")],
)
def test_a_flag_without_meaning_here_is_refused_by_name(ready: Runner, flag: str, value: str) -> None:
    shown = ready("registry", "create", "-n", "demo02", "--sku", "Premium", flag, value)
    assert shown.code == 2
    assert f"{flag} is not supported" in shown.err


def test_the_hint_names_the_command_that_was_meant(acrctl: Runner) -> None:
    assert "acrctl role assignment create --help" in acrctl("role", "assignment", "create", "--x").err


def test_without_a_profile_login_is_needed(acrctl: Runner) -> None:
    shown = acrctl("registry", "list")
    assert shown.code == 4
    assert "acrctl login --service-principal" in shown.err


def test_a_broken_profile_file_is_told(acrctl: Runner, config: Any) -> None:
    config.mkdir()
    (config / "profiles.json").write_text("{")
    shown = acrctl("registry", "list")
    assert shown.code == 1
    assert "profiles.json" in shown.err


def test_a_bug_is_one_line_and_debug_shows_where(ready: Runner, service: Service) -> None:
    service.registries["demo01"]["properties"] = 7  # the service breaks its contract
    shown = ready("registry", "show-endpoints", "-n", "demo01")
    assert shown.code == 1
    assert "Traceback" not in shown.err
    assert "--debug shows where" in shown.err
    assert "Traceback" in ready("registry", "show-endpoints", "-n", "demo01", "--debug").err


def test_no_arguments_show_the_help(acrctl: Runner) -> None:
    shown = acrctl()
    assert shown.code == 0
    assert "Groups:" in shown.out


def test_version(acrctl: Runner) -> None:
    assert acrctl("--version").out.startswith("acrctl ")
    assert acrctl("version", "--query", "acrctl", "-o", "tsv").code == 0


def test_a_reader_that_has_seen_enough_is_no_error(ready: Runner, config: Path) -> None:
    del ready
    program = f"{shlex.quote(sys.executable)} -m cli registry list; echo code $? >&2"
    done = subprocess.run(
        ["sh", "-c", f"({program}) | true"],
        env={**os.environ, "ACRCTL_CONFIG_DIR": str(config)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "code 0\n"
