"""Pushing manifests: everything a manifest names is checked and written in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from controlplane.blobs.store import BlobMissingError
from controlplane.domain.digests import DEFAULT_ALGORITHM, digest_of, is_digest, parse_digest
from controlplane.domain.events import CHART_CONFIG, Action, Change, Origin
from controlplane.domain.manifests import (
    Edge,
    EdgeKind,
    Manifest,
    ManifestError,
    parse_manifest,
    platform_of,
)
from controlplane.domain.quarantine import State, bars
from controlplane.domain.references import is_tag, looks_like_digest
from controlplane.domain.registry_errors import (
    DIGEST_INVALID,
    MANIFEST_BLOB_UNKNOWN,
    MANIFEST_INVALID,
    TAG_INVALID,
)
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import Failure
from controlplane.persistence import (
    content_blobs,
    content_manifests,
    content_repositories,
    content_tags,
)
from controlplane.persistence.content_blobs import Growth, Holder
from controlplane.persistence.content_manifests import Found, NewManifest
from controlplane.persistence.content_repositories import Counts, RepositoryRow
from controlplane.persistence.content_tags import Target
from controlplane.persistence.database import Database, Transaction
from controlplane.services import content_policy, content_quota, content_replication
from controlplane.services.content_events import Events, Place, pushes
from controlplane.services.content_replication import News
from controlplane.services.regions import RegionalStore

_IMAGE_CONFIGS = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)
_LARGEST_CONFIG = 1024 * 1024
_MISSING_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Push:
    """A manifest as it arrives. ``tags`` are further tags to set, for a push by digest.

    ``quarantined``: the registry's quarantine policy is on.
    """

    registry_id: int
    repository: str
    reference: str
    content_type: str | None
    payload: bytes
    tags: tuple[str, ...] = ()
    origin: Origin = field(default_factory=Origin)
    quarantined: bool = False


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of it. ``absent`` counts what it names and the repository does not have."""

    digest: str
    subject: str | None
    tags: tuple[str, ...]
    absent: int


class Pushes:
    """Takes manifests into repositories.

    An index may name manifests that are not here (it is sparse: a part of a larger one). What an image names
    must be, except for layers that may not be distributed; ``sparse_images`` lifts that.
    """

    def __init__(
        self, database: Database, blobs: RegionalStore, clock: Clock, events: Events, *, sparse_images: bool
    ) -> None:
        self._database = database
        self._regions = blobs.regions
        self._clock = clock
        self._events = events
        self._sparse_images = sparse_images

    def put(self, push: Push) -> Pushed:
        """Store a manifest and let its tags name it; all of it or nothing.

        Raises:
            Failure: MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, DIGEST_INVALID, TAG_INVALID, CONTENT_LOCKED or
                TAG_IMMUTABLE.
        """
        digest, tags = _addressed(push)
        try:
            manifest = parse_manifest(push.payload, push.content_type)
        except ManifestError as error:
            raise Failure(MANIFEST_INVALID, reason=error) from error
        new = self._new(push, digest, manifest)
        with self._database.write() as tx:
            absent = self._store(tx, push, new, manifest.edges, tags)
        return Pushed(digest, manifest.subject, tags, absent)

    def _new(self, push: Push, digest: str, manifest: Manifest) -> NewManifest:
        architecture, system = self._platform(manifest, push.origin.region)
        return NewManifest(
            digest=digest,
            media_type=manifest.media_type,
            artifact_type=manifest.artifact_type,
            config_media_type=manifest.config_media_type,
            subject=manifest.subject,
            annotations=manifest.annotations,
            architecture=architecture,
            os=system,
            image_size=manifest.image_size + len(push.payload),
            payload=push.payload,
            edges=[(edge.digest, edge.kind.value) for edge in manifest.edges],
            quarantine_state=State.QUARANTINED.value if push.quarantined else None,
        )

    def _platform(self, manifest: Manifest, region: str) -> tuple[str | None, str | None]:
        """Read the platform out of an image's config.

        The bytes are read before it is known that the repository holds them; if it does not, what was read
        is forgotten.
        """
        config = manifest.config
        if config is None or manifest.config_media_type not in _IMAGE_CONFIGS:
            return None, None
        if config.size > _LARGEST_CONFIG:
            return None, None
        try:
            blobs = self._regions.reader(region)
            reader = blobs.open(parse_digest(config.digest), 0, config.size)
        except BlobMissingError:
            return None, None
        try:
            return platform_of(b"".join(reader))
        finally:
            reader.close()

    def _store(
        self, tx: Transaction, push: Push, new: NewManifest, edges: Sequence[Edge], tags: Sequence[str]
    ) -> int:
        now = self._clock.now()
        repository = content_repositories.ensure(tx, push.registry_id, push.repository, now)
        growth, absent = _claim_blobs(tx, Holder(push.registry_id, repository.id), edges, now)
        if absent:
            if not self._sparse_images:
                raise _missing(absent)
            new = replace(new, architecture=None, os=None)  # of a config that may be another repository's
        absent += _absent_children(tx, repository.id, edges)
        manifest_id, found = content_manifests.insert(tx, repository.id, new, now, tagged=bool(tags))
        if found is not Found.KNOWN:
            content_policy.refuse_creation(repository.locks)
        if found is Found.NEW:
            growth = growth.plus_bytes(len(new.payload))
        targets = [Target(tag, manifest_id, new.digest) for tag in tags]
        set_, fresh = _set_tags(tx, repository, targets, now)
        is_back = int(found is not Found.KNOWN)
        content_repositories.count(tx, repository.id, Counts(is_back, fresh, growth.repository), now)
        if growth.registry:
            content_quota.grow(tx, push.registry_id, growth.registry)
        place = Place(push.registry_id, push.repository)
        waits = _waits(tx, push, repository.id, new.digest, found)
        changes = list(_changes(new, tags, set_, is_new=bool(is_back), waits=waits))
        self._events.record(tx, place, push.origin, changes, now)
        content_replication.want(tx, place, manifest_id, News(push.origin, changes), now)
        return len(absent)


def _set_tags(
    tx: Transaction, repository: RepositoryRow, targets: Sequence[Target], now: datetime
) -> tuple[list[str], int]:
    """Let tags name a manifest; return those that did not name it before, and how many are new.

    Raises:
        Failure: CONTENT_LOCKED or TAG_IMMUTABLE.
    """
    set_, fresh = [], 0
    for target in targets:
        before = content_tags.find(tx, repository.id, target.name)
        if before is not None and before.manifest_id == target.manifest_id:
            continue
        if before is None:
            content_policy.refuse_creation(repository.locks)
            fresh += 1
        else:
            content_policy.refuse_move(tx, repository, before)
        content_tags.put(tx, repository.id, target, before, now)
        set_.append(target.name)
    return set_, fresh


def _waits(tx: Transaction, push: Push, repository_id: int, digest: str, found: Found) -> bool:
    """Tell whether what was pushed waits in quarantine; what was there keeps what is known of it."""
    if not push.quarantined or found is not Found.KNOWN:
        return push.quarantined
    row = content_manifests.find(tx, repository_id, digest)
    return row is None or bars(row.quarantine_state)


def _changes(
    new: NewManifest, tags: Sequence[str], set_: Sequence[str], *, is_new: bool, waits: bool
) -> Iterator[Change]:
    """Tell what a push did. Scanners hear of each; what ``waits`` in quarantine is told to nobody else."""
    change = Change(Action.QUARANTINE, None, new.digest, new.media_type, len(new.payload))
    is_chart = new.config_media_type == CHART_CONFIG
    yield from pushes(change, tags, is_chart=is_chart)
    if not waits:
        yield from pushes(replace(change, action=Action.PUSH), tags, is_chart=is_chart)
    if not is_new:
        for tag in set_:
            yield Change(Action.TAG, tag, new.digest, new.media_type, len(new.payload))


def _addressed(push: Push) -> tuple[str, tuple[str, ...]]:
    """Return the digest of the payload and the tags to set; the reference must agree."""
    tags = push.tags
    if looks_like_digest(push.reference):
        if not is_digest(push.reference):
            raise Failure(DIGEST_INVALID, reason="it is not a sha256 or sha512 digest")
        algorithm = parse_digest(push.reference).algorithm
    else:
        algorithm, tags = DEFAULT_ALGORITHM, (push.reference, *push.tags)
    for tag in tags:
        if not is_tag(tag):
            raise Failure(TAG_INVALID)
    digest = digest_of(push.payload, algorithm)
    if looks_like_digest(push.reference) and digest != push.reference:
        raise Failure(DIGEST_INVALID, reason=f"the manifest's digest is {digest}")
    return digest, tuple(dict.fromkeys(tags))


def _claim_blobs(
    tx: Transaction, holder: Holder, edges: Sequence[Edge], now: datetime
) -> tuple[Growth, list[str]]:
    """Keep those blobs a manifest names that the repository holds; return what grows, and what it lacks."""
    wanted = {edge.digest: edge for edge in edges if edge.kind is not EdgeKind.CHILD}
    found = content_blobs.links(tx, holder.repository_id, sorted(wanted))
    for link in found.values():
        if link.size != wanted[link.digest].size:
            reason = f"{link.digest} has {link.size} bytes, not {wanted[link.digest].size}"
            raise Failure(MANIFEST_INVALID, reason=reason)
    released = sorted(link.digest for link in found.values() if link.released)
    absent = [edge.digest for edge in wanted.values() if edge.digest not in found and not edge.optional]
    return content_blobs.take_back(tx, holder, released, now), absent


def _absent_children(tx: Transaction, repository_id: int, edges: Sequence[Edge]) -> list[str]:
    children = [edge.digest for edge in edges if edge.kind is EdgeKind.CHILD]
    found = content_manifests.existing(tx, repository_id, children)
    return [digest for digest in children if digest not in found]


def _missing(digests: Sequence[str]) -> Failure:
    return Failure(MANIFEST_BLOB_UNKNOWN, info=[{"digest": digest} for digest in digests[:_MISSING_SHOWN]])
