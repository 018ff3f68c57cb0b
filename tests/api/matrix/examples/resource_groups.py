from __future__ import annotations

from controlplane.domain.scopes import GROUP_TYPE
from tests.api.matrix.example import Example

EXAMPLE = Example(
    type=GROUP_TYPE,
    place=lambda api: api.subscription,
    body=lambda _api, number: {"location": "westus2", "tags": {"number": str(number)}},
    name=lambda number: f"group{number}",
    bad_name="ends.",
    patch={"tags": {"number": None, "colour": "red"}},
    patched={"tags": {"colour": "red"}},
    listed_alone=False,  # there is the default group
)
