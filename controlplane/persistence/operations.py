"""Operations: the row, and compare-and-set statements over it.

Every write of a worker names the attempt it was claimed under, so that a worker that was taken over
changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.kernel.states import OperationStatus


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One long-running operation, as stored. See ``tables.operations`` for the columns."""

    id: str
    kind: str
    resource_key: str
    resource_id: str
    subscription: str | None
    location: str | None
    status: OperationStatus
    attempt: int
    lease_until: datetime | None
    deadline: datetime
    rung_at: datetime
    not_before: datetime
    checkpoints: Mapping[str, Any]
    input: Mapping[str, Any]
    previous: Mapping[str, Any] | None
    result: Any
    error: Mapping[str, Any] | None
    percent: int
    cancel_requested: bool
    caller: Mapping[str, Any]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
