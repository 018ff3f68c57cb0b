"""Who is calling: the values identity hands to both planes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PrincipalType(StrEnum):
    """Kinds of principals a role can be assigned to, as the wire spells them."""

    SERVICE_PRINCIPAL = "ServicePrincipal"
    USER = "User"
    GROUP = "Group"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller of the management plane.

    ``object_id`` is what role assignments name; ``app_id`` is set for applications; ``group_ids`` are
    further object ids whose assignments count for the caller.
    """

    object_id: str
    type: PrincipalType
    tenant_id: str
    app_id: str | None = None
    display_name: str = ""
    group_ids: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """Every object id whose role assignments count for this caller."""
        return (self.object_id, *self.group_ids)

    @property
    def actor(self) -> tuple[str, str]:
        """Name and kind for systemData: an application's id, or the object id of anyone else."""
        if self.type is PrincipalType.SERVICE_PRINCIPAL:
            return self.app_id or self.object_id, "Application"
        return self.object_id, "User"
