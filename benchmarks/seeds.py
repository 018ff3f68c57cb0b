"""Content in amounts that pushing would take too long for, written by the service's own stores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.content import MANIFEST, digest_of
from benchmarks.peers.acrctl_server import Deployment, another
from controlplane.persistence import content_manifests, content_repositories, content_tags, registries
from controlplane.persistence.content_manifests import NewManifest
from controlplane.persistence.content_repositories import Counts
from controlplane.persistence.content_tags import Target
from controlplane.persistence.database import Database

__all__ = ["Deployment"]

_BATCH = 5000


def tag_name(number: int) -> str:
    """Return the name of a tag; names are in the order of their numbers."""
    return f"v{number:07}"


def repository_name(number: int) -> str:
    """Return the name of a repository; names are in the order of their numbers."""
    return f"many/r{number:07}"


def tags(deployment: Deployment, repository: str, count: int) -> None:
    """Give a repository one manifest and so many tags that name it."""
    with _opened(deployment) as database:
        tags_in(database, _registry(deployment, database), repository, count)


def tags_in(database: Database, registry_id: int, repository: str, count: int) -> None:
    """Do so in a database."""
    now = datetime.now(UTC)
    for start in range(0, count, _BATCH):
        with database.write() as tx:
            row = content_repositories.ensure(tx, registry_id, repository, now)
            manifest, _ = content_manifests.insert(tx, row.id, _manifest("tags"), now, tagged=True)
            step = range(start, min(start + _BATCH, count))
            for number in step:
                target = Target(tag_name(number), manifest, _manifest("tags").digest)
                content_tags.put(tx, row.id, target, None, now)
            content_repositories.count(tx, row.id, Counts(int(start == 0), len(step)), now)


def repositories(deployment: Deployment, count: int) -> None:
    """Give a registry so many repositories with a manifest each."""
    now = datetime.now(UTC)
    with _opened(deployment) as database:
        registry_id = _registry(deployment, database)
        for start in range(0, count, _BATCH):
            with database.write() as tx:
                for number in range(start, min(start + _BATCH, count)):
                    row = content_repositories.ensure(tx, registry_id, repository_name(number), now)
                    content_manifests.insert(tx, row.id, _manifest("catalog"), now, tagged=False)
                    content_repositories.count(tx, row.id, Counts(1), now)


def other_registry(deployment: Deployment) -> Deployment:
    """Return the same service with another, empty registry."""
    return replace(deployment, registry=another(deployment))


@contextmanager
def _opened(deployment: Deployment) -> Iterator[Database]:
    default = f"sqlite:///{Path(deployment.env['ACRCTL_STATE_DIR']) / 'acrctl.db'}"
    database = Database(deployment.env.get("ACRCTL_DATABASE_URL", default))
    try:
        yield database
    finally:
        database.dispose()


def _registry(deployment: Deployment, database: Database) -> int:
    with database.read() as tx:
        row = registries.by_name(tx, deployment.registry.username)
    if row is None:
        raise LookupError(deployment.registry.username)
    return row.id


def _manifest(what: str) -> NewManifest:
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "annotations": {"made": what}}
    payload = json.dumps(document).encode()
    return NewManifest(
        digest=digest_of(payload),
        media_type=MANIFEST,
        artifact_type=None,
        config_media_type=None,
        subject=None,
        annotations=None,
        architecture=None,
        os=None,
        image_size=len(payload),
        payload=payload,
        edges=(),
    )
