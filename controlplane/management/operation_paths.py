"""Where operations are found."""

from __future__ import annotations

from urllib.parse import quote

from controlplane.persistence.operations import OperationRow

STATUSES = "operationStatuses"
RESULTS = "operationResults"
_GROUPS = "microsoft.resources/"


def operation_path(operation: OperationRow, collection: str, region: str) -> str:
    """Return the path of an operation: below its provider and region, or the subscription (groups)."""
    scope = f"/subscriptions/{operation.subscription}"
    if not operation.kind.lower().startswith(_GROUPS):
        namespace = operation.kind.partition("/")[0]
        scope += f"/providers/{namespace}/locations/{quote((operation.location or region).upper())}"
    return f"{scope}/{collection}/{operation.id}"
