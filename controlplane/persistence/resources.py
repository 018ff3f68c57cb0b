"""ARM resources of every type, one table: the row and its statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.kernel.states import ProvisioningState


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """One resource of any type, as stored. See ``tables.resources`` for the columns."""

    key: str
    id: str
    type: str
    name: str
    parent_key: str
    subscription: str | None
    group_key: str | None
    location: str | None
    tags: Mapping[str, str] | None
    members: Mapping[str, Any]
    properties: Mapping[str, Any]
    provisioning_state: ProvisioningState
    version: int
    system_data: Mapping[str, Any]
    created_at: datetime
