"""Building the object graph of a process."""

from __future__ import annotations

from controlplane.blobs.choice import blob_store
from controlplane.kernel.clock import Clock, SystemClock
from controlplane.kernel.ids import Ids, RandomIds
from controlplane.persistence.database import Database
from controlplane.services.access import Access
from controlplane.services.audiences import Audiences
from controlplane.services.authentication import Authentication
from controlplane.services.content_deletes import Deletions
from controlplane.services.content_events import Events
from controlplane.services.directory import Directory
from controlplane.services.graph import Services
from controlplane.services.issuer import ENTRA, REGISTRY, Issuer
from controlplane.services.registry_callers import RegistryCallers
from controlplane.services.registry_credentials import AdminUser
from controlplane.services.registry_tokens import RegistryTokens
from controlplane.services.vault import vault_from
from controlplane.settings.model import Settings


def open_database(settings: Settings) -> Database:
    """Return the configured database; connects to nothing yet."""
    return Database(
        settings.database,
        pool_size=settings.database_pool_size,
        sqlite_synchronous=settings.sqlite_synchronous,
    )


def token_lifetimes(settings: Settings) -> dict[str, int]:
    """Return the longest validity of tokens by what they are for, in seconds: old keys verify that long."""
    registry = max(settings.registry_token_lifetime, settings.registry_refresh_lifetime)
    return {ENTRA: settings.token_lifetime, REGISTRY: registry}


def assemble(
    settings: Settings, database: Database, clock: Clock | None = None, ids: Ids | None = None
) -> Services:
    """Return the services of one process; clock and ids are the machine's unless a test brings its own.

    Raises:
        VaultError: no master key is set, and the state folder holds none.
        ValueError: the blob store's URL names no known driver.
    """
    clock, ids = clock or SystemClock(), ids or RandomIds()
    vault = vault_from(settings)
    issuer = Issuer(database, vault, clock, ids, token_lifetimes(settings))
    access = Access(database)
    authentication = Authentication(database, vault, issuer, clock, Audiences(settings))
    callers = RegistryCallers(database, authentication, access, issuer, AdminUser(vault, ids, clock))
    blobs, events = blob_store(settings), Events(ids)
    return Services(
        settings=settings,
        clock=clock,
        ids=ids,
        database=database,
        vault=vault,
        issuer=issuer,
        access=access,
        authentication=authentication,
        directory=Directory(database, vault, clock, ids),
        blobs=blobs,
        registry_tokens=RegistryTokens(callers, issuer, clock, ids, settings),
        events=events,
        deletions=Deletions(database, blobs, clock, events),
    )
