"""The object graph: everything a request or a step may need, built once a process by the entry points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from controlplane.kernel.clock import Clock
from controlplane.kernel.ids import Ids
from controlplane.persistence.database import Database
from controlplane.settings.model import Settings

if TYPE_CHECKING:  # the members' modules may name the graph themselves
    from controlplane.blobs.store import BlobStore
    from controlplane.services.access import Access
    from controlplane.services.authentication import Authentication
    from controlplane.services.content_deletes import Deletions
    from controlplane.services.content_events import Events
    from controlplane.services.directory import Directory
    from controlplane.services.issuer import Issuer
    from controlplane.services.registry_tokens import RegistryTokens
    from controlplane.services.vault import Vault


@dataclass(frozen=True, slots=True)
class Services:
    """The members are built in this order; each gets the ones it needs."""

    settings: Settings
    clock: Clock
    ids: Ids
    database: Database
    vault: Vault
    issuer: Issuer
    access: Access
    authentication: Authentication
    directory: Directory
    blobs: BlobStore
    registry_tokens: RegistryTokens
    events: Events
    deletions: Deletions
