from __future__ import annotations

from controlplane.domain.scopes import REGISTRY_TYPE
from tests.api.matrix.example import Example, registry_in_lab

EXAMPLE = Example(
    type=f"{REGISTRY_TYPE}/cacheRules",
    place=registry_in_lab,
    body=lambda _api, number: {
        "properties": {
            "sourceRepository": f"upstream.example.com/team{number}/*",
            "targetRepository": f"mirror{number}/*",
        }
    },
    name=lambda number: f"cache-rule-{number}",
    bad_name="-rule",
    patch={"properties": {"ttlSeconds": 300}},
    patched={"properties.ttlSeconds": 300, "properties.targetRepository": "mirror0/*"},
)
