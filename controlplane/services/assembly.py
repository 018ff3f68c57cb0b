"""Building the object graph of a process."""

from __future__ import annotations

from controlplane.kernel.clock import Clock, SystemClock
from controlplane.kernel.ids import Ids, RandomIds
from controlplane.persistence.database import Database
from controlplane.services.access import Access
from controlplane.services.audiences import Audiences
from controlplane.services.authentication import Authentication
from controlplane.services.cache import PullThrough
from controlplane.services.cache_blobs import BlobFlights
from controlplane.services.content_copy import Copier
from controlplane.services.content_deletes import Deletions
from controlplane.services.content_events import Events
from controlplane.services.content_push import Pushes
from controlplane.services.content_uploads import Uploads
from controlplane.services.credential_sets import CredentialSets
from controlplane.services.directory import Directory
from controlplane.services.graph import Services
from controlplane.services.imports import Imports
from controlplane.services.issuer import ENTRA, REGISTRY, Issuer
from controlplane.services.outbound import Outbound
from controlplane.services.pull_times import PullTimes
from controlplane.services.regions import Regions
from controlplane.services.registry_callers import RegistryCallers
from controlplane.services.registry_credentials import AdminUser
from controlplane.services.registry_tokens import RegistryTokens
from controlplane.services.replicas import Replicas
from controlplane.services.replication import Replicator
from controlplane.services.throttling import Throttle
from controlplane.services.token_callers import TokenCallers
from controlplane.services.token_credentials import TokenPasswords
from controlplane.services.upstreams import Upstreams
from controlplane.services.vault import vault_from
from controlplane.services.webhook_delivery import Deliverer
from controlplane.services.webhooks import Webhooks
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
    admin, tokens = AdminUser(vault, ids, clock), TokenCallers(database, TokenPasswords(vault, ids, clock))
    callers = RegistryCallers(database, authentication, access, issuer, admin, tokens=tokens)
    regions, events = Regions(settings, database), Events(ids)
    blobs = regions.reader(regions.home)
    outbound, hooks = Outbound(settings), Webhooks(database, vault, clock, ids)
    uploads = Uploads(database, blobs, vault, clock, ids)
    pushes = Pushes(database, blobs, clock, events, sparse_images=settings.sparse_images)
    replicator = Replicator(database, regions, events, clock, settings)
    copier = Copier(database, blobs, uploads, pushes)
    upstreams, credential_sets = Upstreams(outbound, settings), CredentialSets(database, settings)
    # What is cached arrives manifest first; its blobs come when they are asked for.
    cache_pushes = Pushes(database, blobs, clock, events, sparse_images=True)
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
        regions=regions,
        blobs=blobs,
        registry_tokens=RegistryTokens(callers, issuer, clock, ids, settings),
        events=events,
        webhooks=hooks,
        deliverer=Deliverer(database, hooks, outbound, clock, settings),
        deletions=Deletions(database, clock, events),
        uploads=uploads,
        replicas=Replicas(database, regions, replicator, clock, settings),
        replicator=replicator,
        pushes=pushes,
        imports=Imports(database, access, vault, upstreams, copier),
        credential_sets=credential_sets,
        cache=PullThrough(
            database,
            clock,
            credential_sets,
            upstreams,
            pushes=cache_pushes,
            flights=BlobFlights(blobs, uploads),
        ),
        throttle=Throttle(settings),
        pull_times=PullTimes(database, clock, settings),
    )
