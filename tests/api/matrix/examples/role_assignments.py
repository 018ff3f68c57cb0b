from __future__ import annotations

from typing import Any

from controlplane.domain.scopes import ASSIGNMENT_TYPE
from tests.api.deployment import READER, Deployment
from tests.api.matrix.example import OWNER, Example, in_lab


def _body(api: Deployment, number: int) -> dict[str, Any]:
    name = f"assignee{number}"
    directory = api.services.directory
    if name not in api.notes:
        application = directory.create_application(name)
        api.notes[name] = directory.create_principal(application.app_id).id
    role = f"{api.subscription}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    return {
        "properties": {
            "roleDefinitionId": role,
            "principalId": api.notes[name],
            "principalType": "ServicePrincipal",
        }
    }


EXAMPLE = Example(
    type=ASSIGNMENT_TYPE,
    place=in_lab,
    body=_body,
    name=lambda number: f"00000000-0000-4000-8000-{number:012d}",
    bad_name="not-a-guid",
    writer=OWNER,
    listed_alone=False,  # what is assigned above shows as well
)
