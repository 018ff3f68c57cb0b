"""What it costs to delete manifests and collect what they named, beside many tags and beside few.

It runs in this process over the service's own stores: a worker does nothing else, and no request is part of
it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import seeds
from benchmarks.bench import Bench, Contest
from benchmarks.content import Image, digest_of, random_image
from controlplane.blobs.store import BlobStore
from controlplane.domain.digests import parse_digest
from controlplane.domain.events import Origin
from controlplane.domain.tiers import Tier
from controlplane.persistence import registries, schema
from controlplane.persistence.registries import RegistrySettings
from controlplane.services.assembly import assemble, open_database
from controlplane.services.chores import CHORES
from controlplane.services.content_push import Push
from controlplane.services.graph import Services
from controlplane.services.upload_sessions import Place
from controlplane.services.vault import ensure_key_file
from controlplane.settings.model import Settings

_REPOSITORY = "bench/collected"
_DELETED = 100
_LAYER = 1000
_REVIEWS = ("review-links", "review-blobs")
_numbers = itertools.count(1)


def collection(bench: Bench) -> Contest:
    """Milliseconds for each manifest, from its deletion until its bytes are gone."""
    many, few = (_Store(bench.folder, count) for count in (bench.sizes.many, bench.sizes.few))
    return Contest(many.measure, few.measure)


@dataclass
class _Store:
    """A deployment without servers, with a repository of so many tags."""

    folder: Path
    tags: int
    services: Services = field(init=False)
    registry_id: int = field(init=False)

    def __post_init__(self) -> None:
        settings = Settings(
            state_dir=self.folder / f"collection-{self.tags}", upload_grace=0.001, release_grace=0.001
        )
        settings.state_dir.mkdir()
        ensure_key_file(settings)
        database = open_database(settings)
        schema.upgrade(database)
        self.services = assemble(settings, database)
        with database.write() as tx:
            row = registries.insert(tx, f"/bench/{self.tags}", f"bench{self.tags}", _SETTINGS)
        if row is None:
            raise LookupError(self.tags)
        self.registry_id = row.id
        seeds.tags_in(database, row.id, _REPOSITORY, self.tags)

    def measure(self) -> float:
        """Push images, delete them, collect; return the milliseconds of the latter two for each."""
        images = [random_image(_LAYER) for _ in range(_DELETED)]
        for image in images:
            self._push(image)
        self._collect(lambda: True)  # what waits from the pushes
        began = time.perf_counter()
        for image in images:
            digest = digest_of(image.manifest)
            self.services.deletions.manifest(self.registry_id, _REPOSITORY, digest, Origin())
        self._collect(lambda: self._is_gone(images[-1], self.services.blobs))
        return (time.perf_counter() - began) * 1000 / len(images)

    def _push(self, image: Image) -> None:
        place = Place(self.registry_id, _REPOSITORY, "bench")
        for blob in image.blobs:
            self.services.uploads.take(place, parse_digest(blob.digest), [blob.content])
        push = Push(self.registry_id, _REPOSITORY, f"x{next(_numbers)}", None, image.manifest)
        self.services.pushes.put(push)

    def _collect(self, done: Callable[[], bool]) -> None:
        steps = [chore.step for chore in CHORES if chore.name in _REVIEWS]
        end = time.monotonic() + 60
        while time.monotonic() < end:
            more = [step(self.services, {})[1] for step in steps]
            if not any(more) and done():
                return

    def _is_gone(self, image: Image, blobs: BlobStore) -> bool:
        return all(blobs.size(parse_digest(blob.digest)) is None for blob in image.blobs)


_SETTINGS = RegistrySettings(
    tier=Tier.PREMIUM,
    admin_enabled=False,
    anonymous_pull=False,
    role_assignment_mode="LegacyRegistryPermissions",
    arm_tokens_accepted=True,
    public_access=True,
    default_action="Allow",
    ip_rules=(),
)
