"""Wire objects are shown in az's shape."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.shapes import add_resource_group, iso_time, shape

REGISTRY_KEYS = json.loads((Path(__file__).parent / "data" / "az_registry_keys.json").read_text())
ID = "/subscriptions/s/resourceGroups/rg1/providers/Microsoft.ContainerRegistry/registries/demo01"


def test_a_registry_has_exactly_the_members_az_prints() -> None:
    wire = {
        "id": ID,
        "sku": {"name": "Basic"},
        "systemData": {"createdBy": "me"},
        "properties": {
            "networkRuleSet": {"defaultAction": "Allow", "ipRules": [{"value": "10.0.0.0/8"}]},
            "policies": {"exportPolicy": {"status": "enabled"}},
            "unknown": 1,
        },
        "identity": {"userAssignedIdentities": {"/i": {"principalId": "p"}}},
        "unknown": 1,
    }
    shown = add_resource_group(shape("Registry", wire))
    assert sorted(shown) == REGISTRY_KEYS["registry"]
    assert sorted(shown["systemData"]) == REGISTRY_KEYS["systemData"]
    assert sorted(shown["policies"]) == REGISTRY_KEYS["policies"]
    assert shown["networkRuleSet"]["ipRules"] == [{"action": None, "ipAddressOrRange": "10.0.0.0/8"}]
    assert shown["identity"]["userAssignedIdentities"] == {"/i": {"clientId": None, "principalId": "p"}}
    assert shown["resourceGroup"] == "rg1"
    assert shown["loginServer"] is None


@pytest.mark.parametrize(
    ("wire", "shown"),
    [
        ("2026-01-01T10:20:30.1234567Z", "2026-01-01T10:20:30.123456+00:00"),
        ("2026-01-01T10:20:30.1234567+02:00", "2026-01-01T10:20:30.123456+02:00"),
        ("2026-01-01T10:20:30Z", "2026-01-01T10:20:30+00:00"),
        ("2026-01-01T10:20:30.5Z", "2026-01-01T10:20:30.500000+00:00"),
        ("soon", "soon"),
    ],
)
def test_timestamps_have_microseconds_and_an_offset(wire: str, shown: str) -> None:
    assert iso_time(wire) == shown


def test_the_resource_group_is_added_wherever_an_id_names_one() -> None:
    tree = {"value": [{"id": ID}, {"id": "/subscriptions/s/resourceGroups/rg1"}, {"id": None}]}
    assert add_resource_group(tree) == {
        "value": [
            {"id": ID, "resourceGroup": "rg1"},
            {"id": "/subscriptions/s/resourceGroups/rg1"},
            {"id": None},
        ]
    }


def test_nothing_stays_nothing() -> None:
    assert shape("Registry", None) is None
    assert add_resource_group(None) is None
