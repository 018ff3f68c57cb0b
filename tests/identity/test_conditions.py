from __future__ import annotations

import time

import pytest

from controlplane.domain.conditions import (
    MAX_LENGTH,
    ConditionError,
    Request,
    condition_holds,
    parse_condition,
)
from controlplane.domain.wildcards import like

READ = "Microsoft.ContainerRegistry/registries/repositories/content/read"
META = "Microsoft.ContainerRegistry/registries/repositories/metadata/read"
WRITE = "Microsoft.ContainerRegistry/registries/repositories/content/write"
CATALOG = "Microsoft.ContainerRegistry/registries/catalog/read"
NAME = "@Request[Microsoft.ContainerRegistry/registries/repositories:name]"
GUARD = f"!(ActionMatches{{'{READ}'}}) AND !(ActionMatches{{'{META}'}})"


def guarded(expression: str) -> str:
    return f"( ( {GUARD} ) OR ( {expression} ))"


@pytest.mark.parametrize(
    ("expression", "repository", "holds"),
    [
        (f"{NAME} StringEqualsIgnoreCase 'hello-world'", "hello-world", True),
        (f"{NAME} StringEqualsIgnoreCase 'Hello-World'", "hello-world", True),
        (f"{NAME} StringEqualsIgnoreCase 'hello'", "hello-world", False),
        (f"{NAME} StringEquals 'hello'", "hello", True),
        (f"{NAME} StringEquals 'Hello'", "hello", False),
        (f"{NAME} StringStartsWithIgnoreCase 'backend/'", "backend/api", True),
        (f"{NAME} StringStartsWithIgnoreCase 'backend/'", "backend", False),
        (f"{NAME} StringStartsWithIgnoreCase 'backend/'", "backend-old/api", False),
        (f"{NAME} StringStartsWith 'Backend/'", "backend/api", False),
        (f"{NAME} StringLike 'team-*/app'", "team-a/app", True),
        (f"{NAME} StringLike 'team-?/app'", "team-ab/app", False),
        (f"{NAME} StringNotEquals 'secret'", "open", True),
        (f"{NAME} StringNotEquals 'secret'", "secret", False),
        (f"{NAME} StringNotStartsWithIgnoreCase 'prod/'", "prod/x", False),
        (f"{NAME} ForAnyOfAnyValues:StringEquals {{'a', 'b'}}", "b", True),
        (f"{NAME} ForAnyOfAnyValues:StringEquals {{'a', 'b'}}", "c", False),
        (f"{NAME} ForAnyOfAnyValues:StringStartsWithIgnoreCase {{'a/','b/'}}", "b/x", True),
        (f"{NAME} StringStartsWithIgnoreCase 'a/' OR {NAME} StringStartsWithIgnoreCase 'b/'", "b/x", True),
        (f"{NAME} StringEquals 'it\\'s'", "it's", True),
    ],
)
def test_a_repository_condition_decides_by_name(expression: str, repository: str, holds: bool) -> None:
    for action in (READ, META):
        assert condition_holds(guarded(expression), Request(action, repository)) is holds


def test_an_action_that_is_not_guarded_is_not_narrowed() -> None:
    condition = guarded(f"{NAME} StringEquals 'one'")
    assert condition_holds(condition, Request(WRITE, "other"))
    assert condition_holds(condition, Request(CATALOG))


def test_no_condition_always_holds() -> None:
    assert condition_holds(None, Request(READ, "any"))


def test_and_binds_tighter_than_or() -> None:
    condition = f"{NAME} StringEquals 'a' OR {NAME} StringEquals 'b' AND {NAME} StringEquals 'c'"
    assert condition_holds(condition, Request(READ, "a"))
    assert not condition_holds(condition, Request(READ, "b"))


@pytest.mark.parametrize("joint", ["AND", "and", "&&"])
def test_both_spellings_of_and_are_read(joint: str) -> None:
    condition = f"{NAME} StringStartsWith 'a' {joint} {NAME} StringLike '*z'"
    assert condition_holds(condition, Request(READ, "abcz"))
    assert not condition_holds(condition, Request(READ, "abc"))


@pytest.mark.parametrize(
    "expression",
    [
        f"{NAME} StringEquals 'a'",
        f"{NAME} StringNotEquals 'a'",
        f"!({NAME} StringEquals 'a')",
        f"NOT {NAME} StringNotEquals 'a'",
        f"!(!({NAME} StringEquals 'a'))",
    ],
)
def test_without_a_repository_a_comparison_never_holds(expression: str) -> None:
    assert not condition_holds(expression, Request(CATALOG))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "true",
        f"{NAME}",
        f"{NAME} StringEquals",
        f"{NAME} StringEquals a",
        f"{NAME} StringMatches 'a'",
        f"{NAME} NumericEquals '1'",
        f"{NAME} ForAllOfAnyValues:StringEquals {{'a'}}",
        f"{NAME} StringEquals {{'a'}}",
        "@Resource[Microsoft.ContainerRegistry/registries:name] StringEquals 'a'",
        "@Request[Microsoft.Storage/containers:name] StringEquals 'a'",
        "@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:x] StringEquals 'a'",
        f"Exists {NAME}",
        f"SubOperationMatches{{'{READ}'}}",
        f"ActionMatches{{'{READ}'}} AND",
        f"(ActionMatches{{'{READ}'}}",
        f"ActionMatches{{'{READ}'}})",
        f"ActionMatches{{'{READ}'}} ActionMatches{{'{READ}'}}",
        "ActionMatches{'unclosed}",
        "!" * 100 + f"ActionMatches{{'{READ}'}}",
        "(" * 5000,
        "x" * (MAX_LENGTH + 1),
    ],
)
def test_what_is_not_evaluated_is_refused(text: str) -> None:
    with pytest.raises(ConditionError):
        parse_condition(text)


def test_wildcards_take_no_longer_for_hostile_patterns() -> None:
    began = time.perf_counter()
    assert not like("a" * 5000, "*a" * 200 + "b")
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("", "", True),
        ("", "*", True),
        ("a", "", False),
        ("abc", "a*c", True),
        ("abc", "*b", False),
        ("a", "?", True),
    ],
)
def test_wildcards(text: str, pattern: str, expected: bool) -> None:
    assert like(text, pattern) is expected
