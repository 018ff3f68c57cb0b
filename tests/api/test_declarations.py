"""Declarations that contradict themselves or another stop the program, not a request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controlplane import resources
from controlplane.arm.declaration import Action, Endpoint, Reference, Verb
from controlplane.arm.types import DeclarationError, Types
from tests.api import toys

PRODUCT = list(Types.discover(resources))
WRONG: list[dict[str, Any]] = [
    {"parent": "Microsoft.X/none"},
    {"api_versions": ()},
    {"api_versions": (toys.NEW, toys.OLD)},
    {"verbs": frozenset({Verb.GET, Verb.PATCH})},
    {"properties": None},
    {"references": (Reference("x", "Microsoft.X/none"),)},
    {"actions": (Action("idle", "Widgets_Idle"),)},
]


@pytest.mark.parametrize("change", WRONG)
def test_a_type_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match=toys.WIDGETS.type):
        Types.of([*PRODUCT, replace(toys.WIDGETS, **change)])


def test_a_type_is_declared_once() -> None:
    with pytest.raises(DeclarationError, match="twice"):
        Types.of([*PRODUCT, toys.WIDGETS, toys.WIDGETS])


def test_an_endpoint_needs_a_permission() -> None:
    silent = Endpoint("GET", "/x", "X_Get", "", ("2030-01-01",), lambda _: {})
    with pytest.raises(DeclarationError, match="permission"):
        Types.of(PRODUCT, [silent])
