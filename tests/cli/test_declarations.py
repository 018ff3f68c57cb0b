"""What the declarations promise: az's flags, examples that can be typed, help without imports."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cli.argv import rewrite
from cli.options import GLOBAL
from cli.spec import Command, Kind, Option
from cli.tree import ROOT, Branch, Leaf
from tests.cli.cli_runner import Runner

AZ = json.loads((Path(__file__).parent / "data" / "az_flags.json").read_text())
NO_GROUP_NEEDED = {("create", "--resource-group")}
SAFER_DEFAULTS = {("token update", "--status")}  # az enables a token whenever it is updated
HEAVY = {"requests", "urllib3", "yaml", "jmespath", "ssl"}


def leaves(branch: Branch = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Leaf]]:
    for name, child in branch.children.items():
        if isinstance(child, Branch):
            yield from leaves(child, (*path, name))
        else:
            yield (*path, name), child


def declared(leaf: Leaf) -> Command:
    command: Command = import_module(f"cli.commands.{leaf.module}").COMMANDS[leaf.key]
    return command


LEAVES = dict(leaves())
REGISTRY = {path[1:]: leaf for path, leaf in LEAVES.items() if path[0] == "registry"}


def of_az(name: str) -> Leaf:
    path = tuple(name.split())
    return REGISTRY.get(path) or LEAVES[path]


def option_of(command: Command, flag: str) -> Option:
    return next(o for o in command.options if flag in o.flags)


def facts(option: Option) -> dict[str, Any]:
    choices = ("true", "false") if option.kind is Kind.SWITCH else option.choices
    return {"options": sorted(option.flags), "choices": sorted(choices), "required": option.required}


@pytest.mark.parametrize("name", sorted(AZ))
def test_every_flag_of_az_is_there_with_its_choices(name: str) -> None:
    command = declared(of_az(name))
    for argument in AZ[name]:
        option = option_of(command, argument["options"][0])
        expected = {
            "options": sorted(argument["options"]),
            "choices": sorted(argument.get("choices") or []),
            "required": bool(argument["required"]),
        }
        assert facts(option) == expected
        if (name, argument["options"][0]) not in SAFER_DEFAULTS:
            assert option.default == argument.get("default")
        assert (option.kind is Kind.SWITCH) == (argument.get("nargs") == "?")
        assert (option.kind is Kind.ANY_WORDS) == (argument.get("nargs") == "*")


@pytest.mark.parametrize("name", sorted(AZ))
def test_what_az_does_not_have_is_never_required(name: str) -> None:
    known = {flag for argument in AZ[name] for flag in argument["options"]}
    ours = [o for o in declared(of_az(name)).options if not known.intersection(o.flags)]
    assert not [o.label for o in ours if o.required]


def test_registry_commands_are_found_without_registry_too() -> None:
    for path, leaf in REGISTRY.items():
        if path != ("login",):
            assert LEAVES[path] == leaf


@pytest.mark.parametrize("path", sorted(LEAVES), ids=" ".join)
def test_help_teaches_by_example(acrctl: Runner, path: tuple[str, ...]) -> None:
    shown = acrctl(*path, "--help")
    assert shown.code == 0
    assert LEAVES[path].summary in " ".join(shown.out.split())
    assert "Examples:" in shown.out
    assert len(shown.out.partition("Examples:")[2].splitlines()) > 1


@pytest.mark.parametrize("path", sorted(LEAVES), ids=" ".join)
def test_examples_can_be_typed(path: tuple[str, ...]) -> None:
    for _, line in declared(LEAVES[path]).examples:
        typed = re.sub(r"\$\([^)]*\)", "VALUE", line)
        for part in re.split(r"\||&&|>", typed):
            words = shlex.split(part)
            if "acrctl" in words:
                check_example(words[words.index("acrctl") + 1 :])


def check_example(words: list[str]) -> None:
    place: Branch | Leaf = ROOT
    while isinstance(place, Branch):
        place = place.children[words.pop(0)]
    if place.module == "login" and "-n" in words:
        place = REGISTRY[("login",)]
    options = (*declared(place).options, *GLOBAL)
    known = {flag for option in options for flag in option.flags}
    for word in rewrite(words, options):
        flag = word.split("=")[0] if word.startswith("--") else word[:2]
        assert not word.startswith("-") or flag in known, word
    given = {w.split("=")[0] if w.startswith("--") else w[:2] for w in rewrite(words, options)}
    for option in declared(place).options:
        if option.required and option.kind is not Kind.POSITION and not option.fallback:
            assert given.intersection(option.flags), f"{words} lacks {option.label}"


def loaded_after(*args: str) -> set[str]:
    program = (
        f"import sys; from cli.__main__ import run; run({list(args)!r}); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("args", [("--help",), ("registry", "--help"), ("role", "assignment", "--help")])
def test_help_of_groups_imports_no_command_and_nothing_heavy(args: tuple[str, ...]) -> None:
    modules = loaded_after(*args)
    assert not HEAVY & modules
    assert not [name for name in modules if name.startswith(("cli.commands", "cli.session", "cli.arm"))]


def test_help_of_a_command_imports_only_that_one() -> None:
    modules = loaded_after("registry", "show", "--help")
    assert not HEAVY & modules
    assert [m for m in modules if m.startswith("cli.commands.")] == ["cli.commands.registry"]


def test_the_client_knows_nothing_of_the_service() -> None:
    assert not [
        name for name in loaded_after("registry", "list", "--help") if name.startswith("controlplane")
    ]
