"""Schemas and routes of every declared ACR type, against the facts of the ARM models and operations.

``tests/data/arm_models.json`` holds, by api-version, each model's members (``type [required] [read-only]``,
inherited ones included) and each enumeration's words; ``arm_operations.json`` each operation's method, path,
success codes, long-running headers, request and response models.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from marshmallow import fields, validate

import controlplane.resources
from controlplane.arm import shapes
from controlplane.arm.declaration import ResourceType, Verb
from controlplane.arm.fields import Shape
from controlplane.arm.types import Types
from controlplane.management.application import all_routes
from controlplane.management.routes import Route

_DATA = Path(__file__).parents[1] / "data"
MODELS: dict[str, Any] = json.loads((_DATA / "arm_models.json").read_text(encoding="utf-8"))
OPERATIONS: dict[str, Any] = json.loads((_DATA / "arm_operations.json").read_text(encoding="utf-8"))
PROVIDER = "Microsoft.ContainerRegistry"


def _answered(route: Route) -> set[str]:
    """Return the members of a route's answer."""
    shape = route.responses.get(200)
    return set() if shape is None else set(shapes.members(shape))


TYPES = Types.discover(controlplane.resources)
ACR_TYPES = [declared for declared in TYPES if declared.namespace == PROVIDER and not declared.own]
CASES = [(declared, version) for declared in ACR_TYPES for version in declared.api_versions]
ROUTES = [
    (route, version)
    for route in all_routes(TYPES)
    if not route.absent and route.operation_id in OPERATIONS["2026-09-01-preview"]["operations"]
    for version in route.api_versions
]
VERBS = {route.operation_id for route, _ in ROUTES if route.conditional or "nextLink" in _answered(route)}
CALLS = [
    (shape, version)
    for route, version in ROUTES
    for shape in (route.request, *route.responses.values())
    if shape is not None and route.operation_id not in VERBS
]

_KINDS: tuple[tuple[type[fields.Field[Any]], str], ...] = (
    (fields.Boolean, "boolean"),
    (fields.Integer, "integer"),
    (fields.String, "string"),
)
# Members that ARM's own envelope gives a resource, which the models spell differently among themselves.
_ENVELOPE = {"location", "tags"}


def _named(case: tuple[ResourceType, str]) -> str:
    return f"{case[0].model}-{case[1]}"


def _known_in(field: fields.Field[Any], version: str) -> bool:
    """Tell whether ARM has the member in a version; those that are this service's own it has in none."""
    return not field.metadata.get("own") and str(field.metadata.get("since", "")) <= version


def _differences(shape: Shape, name: str, version: str, path: str) -> Iterator[str]:
    facts = MODELS[version]["models"][name]
    known = {wire: field for wire, field in shapes.members(shape).items() if _known_in(field, version)}
    yield from (f"{path}.{wire} is not a member of {name}" for wire in known.keys() - facts.keys())
    yield from (f"{path}.{wire} of {name} is missing" for wire in facts.keys() - known.keys())
    for wire in known.keys() & facts.keys():
        kind, *flags = facts[wire].split()
        below = f"{path}.{wire}"
        if wire not in _ENVELOPE:
            yield from _flag_differences(known[wire], flags, below)
        yield from _kind_differences(known[wire], kind, version, below)


def _flag_differences(field: fields.Field[Any], flags: list[str], path: str) -> Iterator[str]:
    if field.required != ("required" in flags):
        yield f"{path}: required is {field.required}"
    if field.dump_only != ("read-only" in flags):
        yield f"{path}: read-only is {field.dump_only}"


def _kind_differences(field: fields.Field[Any], kind: str, version: str, path: str) -> Iterator[str]:
    if kind.startswith("[") and isinstance(field, fields.List):
        yield from _kind_differences(field.inner, kind[1:-1], version, f"{path}[]")
    elif kind.startswith("{") and isinstance(field, fields.Dict) and field.value_field is not None:
        yield from _kind_differences(field.value_field, kind[1:-1], version, path + "{}")
    elif isinstance(field, fields.Nested):
        yield from _differences(type(field.schema), kind, version, path)
    elif kind in MODELS[version]["enums"]:
        yield from _word_differences(field, MODELS[version]["enums"][kind], path)
    elif kind not in {"datetime", _kind_of(field)}:
        yield f"{path} is {_kind_of(field)} where ARM has {kind}"


def _word_differences(field: fields.Field[Any], words: list[str], path: str) -> Iterator[str]:
    offered = [set(check.choices) for check in field.validators if isinstance(check, validate.OneOf)]
    if offered != [set(words)]:
        yield f"{path} offers {offered} where ARM has {words}"


def _kind_of(field: fields.Field[Any]) -> str:
    return next((name for kind, name in _KINDS if isinstance(field, kind)), type(field).__name__)


def _version_facts(version: str, operation_id: str) -> dict[str, Any]:
    facts: dict[str, Any] = OPERATIONS[version]["operations"].get(operation_id, {})
    assert facts, f"{operation_id} is no operation of {version}"
    return facts


@pytest.mark.parametrize("case", CASES, ids=_named)
def test_a_resource_has_the_members_that_arm_gives_it(case: tuple[ResourceType, str]) -> None:
    declared, version = case
    assert list(_differences(shapes.resource(declared), declared.model, version, declared.model)) == []


@pytest.mark.parametrize("case", CASES, ids=_named)
def test_a_patch_takes_the_members_that_arm_lets_change(case: tuple[ResourceType, str]) -> None:
    declared, version = case
    facts = _version_facts(version, declared.operations.get(Verb.PATCH) or f"{declared.plural}_Update")
    known = {
        wire: field
        for wire, field in shapes.members(shapes.patch(declared)).items()
        if _known_in(field, version)
    }
    arm = MODELS[version]["models"]
    assert known.keys() == arm[facts["request"]].keys()
    inner = shapes.members(type(_nested(known["properties"]).schema))
    assert {wire for wire, field in inner.items() if _known_in(field, version)} == arm[
        arm[facts["request"]]["properties"]
    ].keys()


@pytest.mark.parametrize("case", ROUTES, ids=lambda case: f"{case[0].operation_id}-{case[1]}")
def test_a_route_is_an_operation_of_arm(case: tuple[Route, str]) -> None:
    route, version = case
    facts = _version_facts(version, route.operation_id)
    assert (route.method, route.path) == (facts["method"], facts["path"])
    assert set(route.responses) <= set(facts["success"])
    assert route.long_running <= ("final" in facts)
    assert (route.request is None) == (facts["request"] is None)
    if route.request is not None:
        assert route.request.__name__ == facts["request"]


@pytest.mark.parametrize("case", ROUTES, ids=lambda case: f"{case[0].operation_id}-{case[1]}")
def test_a_route_answers_with_the_model_of_arm(case: tuple[Route, str]) -> None:
    route, version = case
    facts = _version_facts(version, route.operation_id)
    for shape in filter(None, route.responses.values()):
        if facts.get("paged"):
            inner = _nested(shapes.members(shape)["value"].inner)  # type: ignore[attr-defined]
            assert type(inner.schema).__name__ == facts["response"]
        else:
            assert shape.__name__ == facts["response"]


@pytest.mark.parametrize("case", CALLS, ids=lambda case: f"{case[0].__name__}-{case[1]}")
def test_bodies_of_calls_have_the_members_that_arm_gives_them(case: tuple[Shape, str]) -> None:
    shape, version = case
    assert list(_differences(shape, shape.__name__, version, shape.__name__)) == []


def test_types_of_our_own_take_no_name_that_arm_has() -> None:
    own = [declared for declared in TYPES if declared.own]
    groups = {name.partition("_")[0] for version in OPERATIONS.values() for name in version["operations"]}
    models = {name for version in MODELS.values() for name in version["models"]}
    assert {declared.namespace for declared in own} == {PROVIDER}
    assert {declared.model for declared in own}.isdisjoint(models)
    assert {declared.plural for declared in own}.isdisjoint(groups)


def _nested(field: fields.Field[Any]) -> fields.Nested:
    assert isinstance(field, fields.Nested)
    return field
