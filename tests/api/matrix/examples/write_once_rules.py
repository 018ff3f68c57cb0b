from __future__ import annotations

from controlplane.domain.scopes import REGISTRY_TYPE
from tests.api.matrix.example import Example, registry_in_lab

EXAMPLE = Example(
    type=f"{REGISTRY_TYPE}/writeOnceRules",
    place=registry_in_lab,
    body=lambda _api, number: {"properties": {"repositories": [f"release/{number}/*"]}},
    name=lambda number: f"rule-{number}",
    bad_name="no_underscore",
    patch={"properties": {"status": "Disabled", "description": "Later."}},
    patched={"properties.status": "disabled", "properties.repositories": ["release/0/*"]},
)
