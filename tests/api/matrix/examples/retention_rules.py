from __future__ import annotations

from controlplane.domain.scopes import REGISTRY_TYPE
from tests.api.matrix.example import Example, registry_in_lab

EXAMPLE = Example(
    type=f"{REGISTRY_TYPE}/retentionRules",
    place=registry_in_lab,
    body=lambda _api, number: {"properties": {"tagPattern": f"pr-{number}-*", "olderThanDays": 30}},
    name=lambda number: f"old-{number}",
    bad_name="old_1",
    patch={"properties": {"keepNewest": 5, "status": "Disabled"}},
    patched={"properties.keepNewest": 5, "properties.status": "disabled", "properties.olderThanDays": 30},
)
