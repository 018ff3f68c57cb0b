from __future__ import annotations

from controlplane.domain.scopes import REGISTRY_TYPE
from tests.api.matrix.example import Example, in_lab

EXAMPLE = Example(
    type=REGISTRY_TYPE,
    place=in_lab,
    body=lambda _api, number: {
        "location": "eastus",
        "sku": {"name": "Basic"},
        "tags": {"number": str(number)},
        "properties": {"adminUserEnabled": False},
    },
    name=lambda number: f"example{number}",
    bad_name="dashed-name",
    patch={"properties": {"adminUserEnabled": True}, "sku": {"name": "Standard"}},
    patched={"properties.adminUserEnabled": True, "sku.name": "Standard", "tags": {"number": "0"}},
)
