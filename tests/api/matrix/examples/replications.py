from __future__ import annotations

from controlplane.domain.scopes import REGISTRY_TYPE
from tests.api.matrix.example import Example, registry_in_lab

REGIONS = ("westus", "westeurope", "uksouth", "eastasia", "japaneast")

EXAMPLE = Example(
    type=f"{REGISTRY_TYPE}/replications",
    place=registry_in_lab,
    body=lambda _api, number: {"location": REGIONS[number % len(REGIONS)], "properties": {}},
    name=lambda number: REGIONS[number % len(REGIONS)],
    bad_name="west-us",
    patch={"properties": {"regionEndpointEnabled": False}},
    patched={"properties.regionEndpointEnabled": False, "properties.zoneRedundancy": "Disabled"},
)
