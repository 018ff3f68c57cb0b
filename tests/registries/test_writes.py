"""What a registry's body may change, through the management API."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.domain.tiers import TIB
from controlplane.persistence import identity
from controlplane.persistence import registries as store
from tests.registries.conftest import STABLE, Arm

BASIC = {"location": "eastus", "sku": {"name": "Basic"}}


@pytest.mark.parametrize("name", ["abcd", "a" * 51, "demo-01", "demo.01"])
def test_a_bad_name_is_refused(arm: Arm, name: str) -> None:
    refused = arm.put(name, BASIC)
    assert (refused.status, refused.code) == (400, "InvalidResourceName")


@pytest.mark.parametrize(
    ("body", "code", "target"),
    [
        ({"location": "eastus"}, "InvalidRequestContent", "sku"),
        ({"location": "eastus", "sku": {}}, "InvalidRequestContent", "sku.name"),
        ({"location": "eastus", "sku": {"name": "Gold"}}, "InvalidRequestContent", "sku.name"),
        ({"location": "eastus", "sku": {"name": "Classic"}}, "SkuNotSupported", "sku.name"),
        ({"sku": {"name": "Basic"}}, "LocationRequired", "location"),
        (
            {"location": "atlantis", "sku": {"name": "Basic"}},
            "LocationNotAvailableForResourceType",
            "location",
        ),
        ({**BASIC, "colour": "red"}, "InvalidRequestContent", "colour"),
        ({**BASIC, "properties": {"colour": 1}}, "InvalidRequestContent", "properties.colour"),
        (
            {**BASIC, "properties": {"adminUserEnabled": "yes"}},
            "InvalidRequestContent",
            "properties.adminUserEnabled",
        ),
        (
            {**BASIC, "properties": {"policies": {"retentionPolicy": {"days": 366}}}},
            "InvalidRequestContent",
            "properties.policies.retentionPolicy.days",
        ),
        (
            {**BASIC, "properties": {"networkRuleSet": {"ipRules": []}}},
            "InvalidRequestContent",
            "properties.networkRuleSet.defaultAction",
        ),
        (
            {**BASIC, "properties": {"zoneRedundancy": "Enabled"}},
            "FeatureNotSupported",
            "properties.zoneRedundancy",
        ),
        ({**BASIC, "identity": {"type": "UserAssigned"}}, "FeatureNotSupported", "identity.type"),
    ],
)
def test_a_wrong_body_is_refused_with_its_member(arm: Arm, body: Any, code: str, target: str) -> None:
    refused = arm.put("demo01", body)
    assert (refused.status, refused.code, refused.json["error"]["target"]) == (400, code, target)
    assert arm.get("demo01").status == 404
    assert arm.check_name("demo01").json["nameAvailable"] is True


def test_a_member_that_is_too_new_for_the_version_is_refused(arm: Arm) -> None:
    refused = arm.put("demo01", {**BASIC, "properties": {"endpointProtocol": "IPv4"}}, version=STABLE)
    assert (refused.status, refused.code) == (400, "InvalidRequestContent")
    assert arm.put("demo01", {**BASIC, "properties": {"endpointProtocol": "IPv4"}}).status == 201


def test_a_refused_creation_leaves_the_name_free(arm: Arm) -> None:
    arm.put("demo01", {**BASIC, "properties": {"anonymousPullEnabled": True}})
    assert arm.check_name("demo01").json["nameAvailable"] is True


@pytest.mark.parametrize(
    ("sku", "properties", "code"),
    [
        ("Basic", {"anonymousPullEnabled": True}, "SkuNotSupported"),
        ("Standard", {"publicNetworkAccess": "Disabled"}, "DisablingPublicNetworkAccessNotSupported"),
        (
            "Standard",
            {"networkRuleSet": {"defaultAction": "Allow", "ipRules": [{"value": "203.0.113.7"}]}},
            "SkuNotSupported",
        ),
    ],
)
def test_a_tier_refuses_what_it_lacks(arm: Arm, sku: str, properties: Any, code: str) -> None:
    arm.create("demo01", sku=sku)
    refused = arm.patch("demo01", {"properties": properties})
    assert (refused.status, refused.code, refused.json["status"]) == (400, code, "Failed")
    arm.done(arm.patch("demo01", {"sku": {"name": "Premium"}, "properties": properties}))


def test_a_tier_with_features_in_use_cannot_be_left(arm: Arm) -> None:
    rules = {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24"}]}
    arm.create("demo01", sku="Premium", networkRuleSet=rules, anonymousPullEnabled=True)
    refused = arm.patch("demo01", {"sku": {"name": "Basic"}})
    assert (refused.status, refused.code) == (400, "SkuUpdateNotSupported")
    assert "network rules" in refused.message
    assert "anonymous pull" in refused.message
    arm.done(
        arm.patch(
            "demo01",
            {"sku": {"name": "Basic"}, "properties": {"networkRuleSet": None, "anonymousPullEnabled": False}},
        )
    )
    shown = arm.get("demo01").json
    assert shown["sku"]["name"] == "Basic"
    assert "networkRuleSet" not in shown["properties"]
    arm.done(arm.patch("demo01", {"sku": {"name": "Standard"}, "properties": {"anonymousPullEnabled": True}}))


def test_a_tier_must_hold_what_is_stored(arm: Arm) -> None:
    arm.create("demo01", sku="Premium")
    with arm.database.write() as tx:
        row = store.by_name(tx, "demo01")
        assert row is not None
        store.add_size(tx, row.id, 41 * TIB)
    refused = arm.patch("demo01", {"sku": {"name": "Standard"}})
    assert refused.code == "SkuUpdateNotSupported"
    assert refused.message == (
        "Cannot update the registry SKU due to reason: Registry size 45079976738816 bytes exceeds the quota "
        "value 43980465111040 bytes for SKU Standard. The suggested SKU is Premium."
    )


def test_a_registry_stays_where_it_is(arm: Arm) -> None:
    arm.create("demo01")
    refused = arm.put("demo01", {**BASIC, "location": "westeurope"})
    assert (refused.status, refused.code) == (409, "InvalidResourceLocation")


def test_network_rules_are_put_in_force(arm: Arm) -> None:
    arm.create("demo01", sku="Premium")
    rules = {
        "defaultAction": "Deny",
        "ipRules": [{"value": "203.0.113.7/32"}, {"action": "Allow", "value": "10.0.0.0/8"}],
    }
    arm.done(arm.patch("demo01", {"properties": {"networkRuleSet": rules}}))
    assert arm.get("demo01").json["properties"]["networkRuleSet"] == {
        "defaultAction": "Deny",
        "virtualNetworkRules": [],
        "ipRules": [{"action": "Allow", "value": "203.0.113.7"}, {"action": "Allow", "value": "10.0.0.0/8"}],
    }
    with arm.database.read() as tx:
        row = store.by_name(tx, "demo01")
    assert row is not None
    assert (row.default_action, row.ip_rules) == ("Deny", ("203.0.113.7", "10.0.0.0/8"))
    refused = arm.patch(
        "demo01",
        {"properties": {"networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"value": "here"}]}}},
    )
    assert refused.json["error"]["target"] == "properties.networkRuleSet.ipRules[0].value"


def test_an_identity_is_a_service_principal_for_as_long_as_it_is_wanted(arm: Arm) -> None:
    arm.create("demo01")
    arm.done(arm.patch("demo01", {"identity": {"type": "SystemAssigned"}}))
    shown = arm.get("demo01").json["identity"]
    assert (shown["type"], shown["tenantId"]) == ("SystemAssigned", arm.tenant)
    with arm.database.read() as tx:
        principal = identity.principal(tx, object_id=shown["principalId"])
    assert principal is not None
    assert (principal.display_name, principal.kind) == ("demo01", "ManagedIdentity")
    arm.done(arm.patch("demo01", arm.get("demo01").json))  # as a client that sends everything back
    assert arm.get("demo01").json["identity"] == shown
    arm.done(arm.patch("demo01", {"identity": {"type": "None"}}))
    assert "identity" not in arm.get("demo01").json
    with arm.database.read() as tx:
        assert identity.principal(tx, object_id=shown["principalId"]) is None


def test_an_identity_ends_with_its_registry(arm: Arm) -> None:
    arm.done(arm.put("demo01", {**BASIC, "identity": {"type": "SystemAssigned"}}))
    principal_id = arm.get("demo01").json["identity"]["principalId"]
    arm.delete("demo01")
    arm.settle()
    with arm.database.read() as tx:
        assert identity.principal(tx, object_id=principal_id) is None


def test_a_cancelled_update_is_taken_back_everywhere(arm: Arm) -> None:
    arm.create("demo01")
    operation = arm.patch(
        "demo01", {"properties": {"adminUserEnabled": True}, "identity": {"type": "SystemAssigned"}}
    )
    arm.cancel(operation)
    arm.settle()
    shown = arm.get("demo01").json
    assert (shown["properties"]["adminUserEnabled"], shown["properties"]["provisioningState"]) == (
        False,
        "Succeeded",
    )
    assert "identity" not in shown
    with arm.database.read() as tx:
        row = store.by_name(tx, "demo01")
        assert identity.principal(tx, resource_key=shown["id"].lower()) is None
    assert row is not None
    assert (row.admin_enabled, row.ready) == (False, True)


def test_a_cancelled_creation_is_not_served_and_can_be_repeated(arm: Arm) -> None:
    arm.cancel(arm.put("demo01", BASIC))
    arm.settle()
    assert arm.get("demo01").json["properties"]["provisioningState"] == "Canceled"
    with arm.database.read() as tx:
        row = store.by_name(tx, "demo01")
    assert row is not None
    assert not row.ready
    arm.done(arm.put("demo01", BASIC))
    with arm.database.read() as tx:
        row = store.by_name(tx, "demo01")
    assert row is not None
    assert row.ready
