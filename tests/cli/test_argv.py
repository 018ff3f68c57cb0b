"""Argument lists in argparse's manner are read as az reads them."""

from __future__ import annotations

import pytest

from cli.argv import rewrite
from cli.errors import BadUsageError
from cli.options import GROUP, TAGS, YES
from cli.spec import Kind, Option

ADMIN = Option(("--admin-enabled",), "", Kind.SWITCH)
NAME = Option(("--name", "-n"), "")
SCOPES = Option(("--scopes",), "", Kind.WORDS)
OPTIONS = (NAME, GROUP, TAGS, YES, ADMIN, SCOPES)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["-n", "demo01"], ["-ndemo01"]),
        (["-ndemo01"], ["-ndemo01"]),
        (["-n=demo01"], ["-ndemo01"]),
        (["--name=demo01"], ["--name=demo01"]),
        (["--res", "rg1"], ["--resource-group=rg1"]),
        (["--admin-enabled"], ["--admin-enabled=true"]),
        (["--admin-enabled", "FALSE"], ["--admin-enabled=false"]),
        (["--admin-enabled", "-y"], ["--admin-enabled=true", "-y"]),
        (["--tags", "a=1", "b=2", "-n", "x"], ["--tags=a=1", "--tags=b=2", "-nx"]),
        (["--tags"], ["--tags="]),
        (["--tags", ""], ["--tags="]),
        (["-n", "--name"], ["-n--name"]),
        (["--unknown", "x"], ["--unknown", "x"]),
        (["--", "-n"], ["--", "-n"]),
    ],
)
def test_each_habit_is_understood(given: list[str], read: list[str]) -> None:
    assert rewrite(given, OPTIONS) == read


def test_a_shortened_option_that_could_be_two_is_refused() -> None:
    options = (Option(("--resource",), ""), Option(("--resource-group", "-g"), ""))
    with pytest.raises(BadUsageError, match="ambiguous option: --res"):
        rewrite(["--res", "x"], options)


def test_a_full_option_wins_over_one_it_begins() -> None:
    options = (Option(("--resource",), ""), Option(("--resource-group", "-g"), ""))
    assert rewrite(["--resource", "x"], options) == ["--resource=x"]


@pytest.mark.parametrize("given", [["--scopes"], ["--name"], ["-n"]])
def test_an_option_without_its_value_is_refused(given: list[str]) -> None:
    with pytest.raises(BadUsageError, match="expected at least one argument"):
        rewrite(given, OPTIONS)
