from __future__ import annotations

from controlplane.domain.scopes import REGISTRY_TYPE
from tests.api.matrix.example import Example, registry_in_lab

_VAULT = "https://team.vault.azure.net/secrets"


def _credential(number: int) -> dict[str, str]:
    return {
        "name": "Credential1",
        "usernameSecretIdentifier": f"{_VAULT}/user{number}",
        "passwordSecretIdentifier": f"{_VAULT}/password{number}",
    }


EXAMPLE = Example(
    type=f"{REGISTRY_TYPE}/credentialSets",
    place=registry_in_lab,
    body=lambda _api, number: {
        "properties": {"loginServer": "upstream.example.com", "authCredentials": [_credential(number)]}
    },
    name=lambda number: f"credentials-{number}",
    bad_name="-set",
    patch={"identity": {"type": "SystemAssigned"}},
    patched={"identity.type": "SystemAssigned", "properties.loginServer": "upstream.example.com"},
)
