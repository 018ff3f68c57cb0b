"""The object graph: everything a request or a step may need, built once a process by the entry points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from controlplane.kernel.clock import Clock
from controlplane.kernel.ids import Ids
from controlplane.persistence.database import Database
from controlplane.settings.model import Settings

if TYPE_CHECKING:  # the members' modules may name the graph themselves
    from controlplane.services.access import Access
    from controlplane.services.authentication import Authentication
    from controlplane.services.cache import PullThrough
    from controlplane.services.content_deletes import Deletions
    from controlplane.services.content_events import Events
    from controlplane.services.content_push import Pushes
    from controlplane.services.content_uploads import Uploads
    from controlplane.services.credential_sets import CredentialSets
    from controlplane.services.directory import Directory
    from controlplane.services.imports import Imports
    from controlplane.services.issuer import Issuer
    from controlplane.services.pull_times import PullTimes
    from controlplane.services.regions import RegionalStore, Regions
    from controlplane.services.registry_tokens import RegistryTokens
    from controlplane.services.replicas import Replicas
    from controlplane.services.replication import Replicator
    from controlplane.services.throttling import Throttle
    from controlplane.services.vault import Vault
    from controlplane.services.webhook_delivery import Deliverer
    from controlplane.services.webhooks import Webhooks


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
    regions: Regions
    blobs: RegionalStore
    registry_tokens: RegistryTokens
    events: Events
    webhooks: Webhooks
    deliverer: Deliverer
    deletions: Deletions
    uploads: Uploads
    replicas: Replicas
    replicator: Replicator
    pushes: Pushes
    imports: Imports
    credential_sets: CredentialSets
    cache: PullThrough
    throttle: Throttle
    pull_times: PullTimes
