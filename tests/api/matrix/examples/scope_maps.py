from __future__ import annotations

from controlplane.domain.scopes import REGISTRY_TYPE
from tests.api.matrix.example import Example, registry_in_lab

EXAMPLE = Example(
    type=f"{REGISTRY_TYPE}/scopeMaps",
    place=registry_in_lab,
    body=lambda _api, number: {
        "properties": {
            "description": f"Example {number}",
            "actions": [f"repositories/team{number}/*/content/read", "repositories/app/metadata/read"],
        }
    },
    name=lambda number: f"map_{number:02d}",
    bad_name="map.dotted",
    patch={"properties": {"actions": ["repositories/*/content/read"]}},
    patched={
        "properties.actions": ["repositories/*/content/read"],
        "properties.description": "Example 0",
        "properties.type": "UserDefined",
    },
    listed_alone=False,  # those of the system show as well
)
