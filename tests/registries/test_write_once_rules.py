"""Write-once rules as resources: what a rule says is what pushes obey."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.persistence import registries
from controlplane.persistence.registries import RegistryRow
from tests.registries.conftest import Arm, Reply


def rule(arm: Arm, method: str, name: str, **properties: Any) -> Reply:
    body = {"properties": properties} if method in {"PUT", "PATCH"} else None
    return arm.call(method, "rules01", f"writeOnceRules/{name}", body)


def in_force(arm: Arm) -> tuple[str, ...]:
    with arm.database.read() as tx:
        row = registries.by_name(tx, "rules01")
    assert isinstance(row, RegistryRow)
    return row.write_once


@pytest.mark.parametrize("sku", ["Basic", "Standard", "Premium"])
def test_every_tier_has_them(arm: Arm, sku: str) -> None:
    arm.create("rules01", sku=sku)
    made = rule(arm, "PUT", "release", repositories=["release/*"])
    assert (made.status, made.json["properties"]["status"]) == (201, "enabled")
    assert in_force(arm) == ("release/*",)


def test_pushes_obey_the_enabled_ones_together(arm: Arm) -> None:
    arm.create("rules01")
    rule(arm, "PUT", "one", repositories=["release/*", "base"])
    rule(arm, "PUT", "two", repositories=["base", "*/stable"], description="What customers run.")
    assert in_force(arm) == ("*/stable", "base", "release/*")
    rule(arm, "PATCH", "one", status="disabled")
    assert in_force(arm) == ("*/stable", "base")
    rule(arm, "PATCH", "one", status="enabled", repositories=["all/*"])
    assert in_force(arm) == ("*/stable", "all/*", "base")
    assert rule(arm, "DELETE", "two").status == 200
    assert in_force(arm) == ("all/*",)


def test_they_outlive_changes_of_the_registry_and_go_with_it(arm: Arm) -> None:
    arm.create("rules01")
    rule(arm, "PUT", "one", repositories=["*"])
    arm.done(arm.patch("rules01", {"properties": {"adminUserEnabled": True}}))
    assert in_force(arm) == ("*",)
    assert arm.delete("rules01").status == 202
    arm.settle()
    arm.create("rules01")
    assert in_force(arm) == ()
    assert rule(arm, "GET", "one").status == 404


@pytest.mark.parametrize(
    "repositories", [[], ["Upper"], ["a b"], [""], ["a" * 257], ["re?ease"], [1], "release/*", ["x"] * 101]
)
def test_what_names_no_repositories_is_refused(arm: Arm, repositories: Any) -> None:
    arm.create("rules01")
    refused = rule(arm, "PUT", "one", repositories=repositories)
    assert (refused.status, refused.code) == (400, "InvalidRequestContent")
    assert "repositories" in refused.message
    assert in_force(arm) == ()


def test_a_registry_has_a_hundred_at_most(arm: Arm) -> None:
    arm.create("rules01")
    made = [rule(arm, "PUT", f"rule-{number}", repositories=["a"]).status for number in range(101)]
    assert set(made[:100]) == {201}
    assert rule(arm, "PUT", "one-more", repositories=["a"]).code == "QuotaExceeded"
    assert rule(arm, "PUT", "rule-0", repositories=["b"]).status == 200
