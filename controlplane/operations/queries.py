"""Reading operations, and asking one to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from controlplane.kernel.catalogue import INVALID_PARAMETER, OPERATION_NOT_CANCELABLE, OPERATION_NOT_FOUND
from controlplane.kernel.clock import parse_rfc3339, rfc3339
from controlplane.kernel.errors import Failure
from controlplane.persistence import operations as store
from controlplane.persistence.database import Transaction
from controlplane.persistence.operations import OperationRow

get = store.get
live = store.live


@dataclass(frozen=True, slots=True)
class OperationPage:
    """Operations, newest first, and the marker of the next page if there is one."""

    rows: Sequence[OperationRow]
    next: str | None


def page(
    tx: Transaction,
    subscription: str | None,
    *,
    resource_key: str | None = None,
    marker: str | None = None,
    limit: int = 100,
) -> OperationPage:
    """List operations of a subscription, or of one of its resources, newest first.

    Args:
        tx: a transaction.
        subscription: lower-cased subscription id; None lists over all of them.
        resource_key: lower-cased id of one resource.
        marker: ``next`` of the page before.
        limit: most operations on this page.

    Raises:
        Failure: INVALID_PARAMETER, the marker is none of ours.
    """
    after = None if marker is None else _place(marker)
    rows = store.page(tx, subscription=subscription, resource_key=resource_key, after=after, limit=limit + 1)
    more = len(rows) > limit
    rows = rows[:limit]
    return OperationPage(rows, _marker(rows[-1]) if more else None)


def request_cancel(tx: Transaction, operation_id: str, now: datetime) -> OperationRow:
    """Ask an operation to end as Canceled; it does so before its next step or at its next report.

    Twice: nothing more happens.

    Raises:
        Failure: OPERATION_NOT_FOUND, or OPERATION_NOT_CANCELABLE when it has ended.
    """
    asked = store.request_cancel(tx, operation_id, now)
    row = store.get(tx, operation_id)
    if row is None:
        raise Failure(OPERATION_NOT_FOUND, id=operation_id)
    if not asked:
        raise Failure(OPERATION_NOT_CANCELABLE, id=operation_id, status=row.status.value)
    return row


def _marker(row: OperationRow) -> str:
    return f"{rfc3339(row.created_at)}~{row.id}"


def _place(marker: str) -> tuple[datetime, str]:
    moment, _, operation_id = marker.partition("~")
    try:
        return parse_rfc3339(moment), operation_id
    except ValueError as error:
        raise Failure(INVALID_PARAMETER, reason="The skip token is not one of this service.") from error
