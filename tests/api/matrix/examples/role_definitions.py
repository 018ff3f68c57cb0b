from __future__ import annotations

from controlplane.domain.scopes import DEFINITION_TYPE
from tests.api.matrix.example import OWNER, Example

EXAMPLE = Example(
    type=DEFINITION_TYPE,
    place=lambda api: api.subscription,
    body=lambda api, number: {
        "properties": {
            "roleName": f"Example {number}",
            "description": "May look at widgets.",
            "permissions": [{"actions": ["Microsoft.ContainerRegistry/registries/read"]}],
            "assignableScopes": [api.subscription],
        }
    },
    name=lambda number: f"00000000-0000-4000-8000-{number:012d}",
    bad_name="not-a-guid",
    writer=OWNER,
    listed_alone=False,  # the built-in ones show as well
)
