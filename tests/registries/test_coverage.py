"""Every operation of ACR's management API has a route: it is served, or says clearly that it is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import controlplane.resources
from controlplane.arm.types import Types
from controlplane.management.application import all_routes
from controlplane.management.routes import Route

_FACTS = Path(__file__).parents[1] / "data" / "arm_operations.json"
OPERATIONS: dict[str, Any] = json.loads(_FACTS.read_text(encoding="utf-8"))
TYPES = Types.discover(controlplane.resources)
ROUTES = {(route.method, route.path): route for route in all_routes(TYPES)}
CASES = [
    pytest.param(version, name, facts, id=f"{name}-{version}")
    for version, known in OPERATIONS.items()
    for name, facts in known["operations"].items()
]
ABSENT = [pytest.param(route, id=route.operation_id) for route in ROUTES.values() if route.absent]


def test_there_are_as_many_operations_as_azure_has() -> None:
    assert {version: len(known["operations"]) for version, known in OPERATIONS.items()} == {
        "2025-03-01-preview": 25,
        "2025-11-01": 58,
        "2026-09-01-preview": 80,
    }


@pytest.mark.parametrize(("version", "name", "facts"), CASES)
def test_an_operation_has_its_route(version: str, name: str, facts: dict[str, Any]) -> None:
    route = ROUTES[facts["method"], facts["path"]]
    assert route.operation_id == name
    assert version in route.api_versions
    assert set(route.responses) <= set(facts["success"])


@pytest.mark.parametrize("route", ABSENT)
def test_what_is_absent_is_an_operation_of_azure_in_the_versions_it_claims(route: Route) -> None:
    assert {v for v in OPERATIONS if route.operation_id in OPERATIONS[v]["operations"]} == set(
        route.api_versions
    )
