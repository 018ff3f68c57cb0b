from __future__ import annotations

from controlplane.domain.scopes import REGISTRY_TYPE
from tests.api.matrix.example import Example, registry_in_lab

EXAMPLE = Example(
    type=f"{REGISTRY_TYPE}/webhooks",
    place=registry_in_lab,
    body=lambda _api, number: {
        "location": "eastus",
        "properties": {"serviceUri": f"https://hooks.example.com/{number}", "actions": ["push"]},
    },
    name=lambda number: f"webhook{number}",
    bad_name="dashed-name",
    patch={"properties": {"status": "disabled", "scope": "app:*"}},
    patched={"properties.status": "disabled", "properties.scope": "app:*", "properties.actions": ["push"]},
)
