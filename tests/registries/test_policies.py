"""The policies of a registry and its retention rules, through the management API."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.persistence import registries as store
from controlplane.persistence.registries import RegistryRow
from tests.registries.conftest import PREVIEW, STABLE, Arm, Reply


def side(arm: Arm) -> RegistryRow:
    with arm.database.read() as tx:
        row = store.by_name(tx, "demo01")
    assert row is not None
    return row


def policies(arm: Arm, version: str = PREVIEW) -> dict[str, Any]:
    found: dict[str, Any] = arm.get("demo01", version=version).json["properties"]["policies"]
    return found


def change(arm: Arm, version: str = PREVIEW, **given: Any) -> None:
    arm.done(arm.patch("demo01", {"properties": {"policies": given}}, version=version))


def test_policies_are_merged_dated_and_in_force_at_once(arm: Arm) -> None:
    arm.create("demo01", sku="Premium")
    before = policies(arm)
    change(arm, retentionPolicy={"status": "enabled"})
    assert side(arm).retention_days == 7
    change(arm, retentionPolicy={"days": 30})
    change(arm, softDeletePolicy={"status": "enabled", "retentionDays": 90})
    after = policies(arm)
    assert (after["retentionPolicy"]["days"], after["retentionPolicy"]["status"]) == (30, "enabled")
    assert after["retentionPolicy"]["lastUpdatedTime"] > before["retentionPolicy"]["lastUpdatedTime"]
    assert after["softDeletePolicy"]["lastUpdatedTime"] > before["softDeletePolicy"]["lastUpdatedTime"]
    assert after["exportPolicy"] == before["exportPolicy"]
    row = side(arm)
    assert (row.retention_days, row.soft_delete_days) == (30, 90)
    change(arm, retentionPolicy={"status": "disabled"})
    assert side(arm).retention_days is None
    assert policies(arm)["retentionPolicy"]["days"] == 30


def test_the_stable_version_leaves_alone_what_it_does_not_know(arm: Arm) -> None:
    arm.create("demo01", sku="Premium")
    change(arm, softDeletePolicy={"status": "enabled"})
    shown = arm.get("demo01", version=STABLE).json
    assert "softDeletePolicy" not in shown["properties"]["policies"]
    arm.done(arm.put("demo01", shown, version=STABLE))
    change(arm, STABLE, retentionPolicy={"status": "enabled"})
    assert (side(arm).soft_delete_days, side(arm).retention_days) == (7, 7)
    refused = arm.patch(
        "demo01", {"properties": {"policies": {"softDeletePolicy": {"status": "disabled"}}}}, version=STABLE
    )
    assert refused.status == 400


@pytest.mark.parametrize(
    ("policy", "body"),
    [
        ("retentionPolicy", {"days": -1}),
        ("retentionPolicy", {"days": 366}),
        ("softDeletePolicy", {"retentionDays": 0}),
        ("softDeletePolicy", {"retentionDays": 91}),
        ("softDeletePolicy", {"retentionDays": True}),
        ("softDeletePolicy", {"status": "perhaps"}),
    ],
)
def test_a_policy_out_of_its_range_is_refused(arm: Arm, policy: str, body: dict[str, Any]) -> None:
    arm.create("demo01", sku="Premium")
    refused = arm.patch("demo01", {"properties": {"policies": {policy: body}}})
    assert (refused.status, refused.code) == (400, "InvalidRequestContent")


def test_a_registry_with_retention_stays_premium(arm: Arm) -> None:
    arm.create("demo01", sku="Premium")
    change(arm, retentionPolicy={"status": "enabled"})
    refused = arm.patch("demo01", {"sku": {"name": "Basic"}})
    assert (refused.status, refused.code) == (400, "SkuUpdateNotSupported")


# --- retention rules -------------------------------------------------------------------------------------


def rule(arm: Arm, name: str = "old", **properties: Any) -> Reply:
    return arm.call("PUT", "demo01", f"retentionRules/{name}", {"properties": properties})


def test_a_rule_is_complete_and_can_be_foreseen(arm: Arm) -> None:
    arm.create("demo01")
    made = rule(arm, tagRegex="pr-[0-9]+", olderThanDays=7)
    assert made.status == 201, made.text
    shown = made.json["properties"]
    assert shown["provisioningState"] == "Succeeded"
    assert (shown["status"], shown["repositoryPattern"], shown["selects"]) == ("enabled", "*", "Tagged")
    foreseen = arm.call("POST", "demo01", "retentionRules/old/preview", {})
    assert foreseen.status == 200, foreseen.text
    assert foreseen.json == {"value": [], "tags": 0, "manifests": 0, "freed": 0}


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"tagPattern": "*"},
        {"olderThanDays": 1, "tagRegex": "("},
        {"olderThanDays": 1, "tagRegex": r"(a)\1"},
        {"olderThanDays": -1},
        {"notPulledForDays": 0},
        {"keepNewest": 10**9},
        {"keepNewest": 1, "selects": "Some"},
        {"keepNewest": 1, "selects": "Untagged", "tagPattern": "x"},
        {"keepNewest": 1, "repositoryPattern": ""},
        {"keepNewest": 1, "unknown": 1},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(arm: Arm, properties: dict[str, Any]) -> None:
    arm.create("demo01")
    refused = rule(arm, **properties)
    assert (refused.status, refused.code) == (400, "InvalidRequestContent"), refused.text


def test_there_is_a_limit_to_rules(arm: Arm) -> None:
    arm.create("demo01")
    for number in range(100):
        assert rule(arm, f"rule-{number}", keepNewest=1).status == 201
    assert rule(arm, "rule-0", keepNewest=2).status == 200
    assert rule(arm, "one-more", keepNewest=1).code == "QuotaExceeded"


@pytest.mark.parametrize("body", [{"continuation": "x"}, {"repositories": 0}, {"repositories": 1001}, []])
def test_a_preview_that_makes_no_sense_is_refused(arm: Arm, body: Any) -> None:
    arm.create("demo01")
    rule(arm, keepNewest=1)
    assert arm.call("POST", "demo01", "retentionRules/old/preview", body).status == 400
