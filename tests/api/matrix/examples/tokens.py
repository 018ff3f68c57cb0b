from __future__ import annotations

from typing import Any

from controlplane.domain.scopes import REGISTRY_TYPE
from tests.api.deployment import Deployment
from tests.api.matrix.example import Example, registry_in_lab


def _body(api: Deployment, _number: int) -> dict[str, Any]:
    registry = f"{api.subscription}/resourceGroups/lab/providers/{REGISTRY_TYPE}/parent01"
    return {"properties": {"scopeMapId": f"{registry}/scopeMaps/_repositories_pull", "status": "enabled"}}


EXAMPLE = Example(
    type=f"{REGISTRY_TYPE}/tokens",
    place=registry_in_lab,
    body=_body,
    name=lambda number: f"token-{number}",
    bad_name="under_score",
    patch={"properties": {"status": "Disabled"}},
    patched={
        "properties.status": "disabled",
        "properties.credentials": {"certificates": [], "passwords": []},
    },
)
