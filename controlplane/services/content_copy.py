"""Copying an artifact into a repository: what it names first, then itself, so that it is never half there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from controlplane.blobs.store import BlobStore
from controlplane.domain.digests import parse_digest
from controlplane.domain.events import Origin
from controlplane.domain.manifests import EdgeKind, Manifest, ManifestError, parse_manifest
from controlplane.persistence import content_blobs, content_repositories
from controlplane.persistence.database import Database
from controlplane.services.content_push import Push, Pushes
from controlplane.services.content_sources import LocalSource, Source
from controlplane.services.content_uploads import Uploads
from controlplane.services.upload_sessions import Place
from controlplane.services.upstream import Found
from controlplane.services.upstream_errors import Trouble, UpstreamError

_THREADS = 4
_TRIES, _PAUSE = 4, 1.0  # of one blob, and seconds after the first try
_LOOK = 1.0  # seconds between two reports of progress
_MOST_MANIFESTS = 2000
_MOST_BYTES = 64 * 1024 * 1024  # of manifests, which are held in memory until they are pushed


class CopyStoppedError(Exception):
    """The copy was told to stop."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob to copy; ``size`` is what the manifest says, in bytes."""

    digest: str
    size: int
    optional: bool


@dataclass(frozen=True, slots=True)
class Artifact:
    """Everything a manifest stands for. ``manifests`` are in the order they can be pushed; it is the last."""

    manifests: tuple[Found, ...]
    blobs: tuple[Blob, ...]

    @property
    def root(self) -> Found:
        """The manifest itself."""
        return self.manifests[-1]

    @property
    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(blob.size for blob in self.blobs)


@dataclass(slots=True)
class Progress:
    """How far a copy is, in bytes of blobs. Written by several threads; read for people."""

    whole: int
    done: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def percent(self) -> int:
        """From 0 to 99."""
        return min(99, self.done * 100 // self.whole if self.whole else 0)

    def counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Count chunks as they pass.

        Raises:
            CopyStoppedError: the copy was told to stop.
        """
        taken = 0
        try:
            for chunk in chunks:
                self._go_on()
                taken += len(chunk)
                self.done += len(chunk)
                yield chunk
        except BaseException:
            self.done -= taken
            raise

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise CopyStoppedError


def read_artifact(source: Source, reference: str, *, referrers: bool = False) -> Artifact:
    """Read a manifest and all manifests below it; with ``referrers`` also those that refer to them.

    Raises:
        UpstreamError: the source does not have it all, or it cannot be used.
    """
    root = source.manifest(reference)
    walk = _Walk(source)
    walk.visit(root)
    if referrers:
        walk.visit_referrers()
    ordered = [found for digest, found in walk.manifests.items() if digest != root.digest]
    return Artifact((*ordered, root), tuple(walk.blobs.values()))


class _Walk:
    """What was seen on the way from a manifest down."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._bytes = 0
        self.manifests: dict[str, Found] = {}
        self.blobs: dict[str, Blob] = {}

    def visit(self, found: Found) -> None:
        """See a manifest after everything it names."""
        self._bytes += len(found.payload or b"")
        if len(self.manifests) >= _MOST_MANIFESTS or self._bytes > _MOST_BYTES:
            raise UpstreamError(
                Trouble.WRONG, f"{found.digest} names more manifests than can be copied at once"
            )
        for edge in _parsed(found).edges:
            if edge.kind is not EdgeKind.CHILD:
                self.blobs.setdefault(edge.digest, Blob(edge.digest, edge.size, edge.optional))
            elif edge.digest not in self.manifests:
                self.visit(self._source.manifest(edge.digest))
        self.manifests[found.digest] = found

    def visit_referrers(self) -> None:
        """See what refers to the manifests seen so far."""
        for digest in list(self.manifests):
            for referrer in self._source.referrers(digest):
                if referrer not in self.manifests:
                    self.visit(self._source.manifest(referrer))


@dataclass(frozen=True, slots=True)
class Into:
    """Where manifests go that nobody pushes; ``quarantined``: the registry's quarantine policy is on."""

    registry_id: int
    repository: str
    origin: Origin
    quarantined: bool

    def push(self, found: Found, *tags: str) -> Push:
        """Return the push of a manifest."""
        return Push(
            registry_id=self.registry_id,
            repository=self.repository,
            reference=found.digest,
            content_type=found.media_type or None,
            payload=found.payload or b"",
            tags=tags,
            origin=self.origin,
            quarantined=self.quarantined,
        )


class Copier:
    """Copies artifacts into repositories of this deployment."""

    def __init__(self, database: Database, store: BlobStore, uploads: Uploads, pushes: Pushes) -> None:
        self.store = store
        self._database = database
        self._uploads = uploads
        self._pushes = pushes

    def blobs(self, source: Source, artifact: Artifact, place: Place, report: Callable[[int], None]) -> None:
        """Copy the blobs that the repository does not hold yet, several at once.

        Twice: what is there is skipped. Dies midway: likewise. ``report`` is called about once a second
        with the percentage, and ends the copy by raising.

        Raises:
            UpstreamError: the source did not give one of them.
            Failure: the repository takes none.
        """
        wanted = self._missing(place, artifact.blobs)
        progress = Progress(artifact.size, artifact.size - sum(blob.size for blob in wanted))
        with ThreadPoolExecutor(_THREADS, "copy") as pool:
            waiting: set[Future[None]] = {
                pool.submit(self._copy, source, blob, place, progress) for blob in wanted
            }
            try:
                while waiting:
                    done, waiting = wait(waiting, timeout=_LOOK, return_when=FIRST_COMPLETED)
                    for one in done:
                        one.result()
                    report(progress.percent)
            except BaseException:
                progress.stop.set()
                pool.shutdown(cancel_futures=True)
                raise

    def manifests(self, artifact: Artifact, into: Into) -> None:
        """Push the manifests of an artifact, the one that stands for it last; no tag is set.

        Raises:
            Failure: the repository refuses one of them.
        """
        for found in artifact.manifests:
            self.manifest(found, into)

    def manifest(self, found: Found, into: Into, *tags: str) -> None:
        """Push one manifest whose content is there, and let tags name it.

        Raises:
            Failure: the repository refuses it.
        """
        self._pushes.put(into.push(found, *tags))

    def _missing(self, place: Place, blobs: Sequence[Blob]) -> list[Blob]:
        with self._database.read() as tx:
            repository = content_repositories.find(tx, place.registry_id, place.repository)
            if repository is None:
                return list(blobs)
            held = content_blobs.links(tx, repository.id, [blob.digest for blob in blobs])
        return [blob for blob in blobs if blob.digest not in held or held[blob.digest].released]

    def _copy(self, source: Source, blob: Blob, place: Place, progress: Progress) -> None:
        digest = parse_digest(blob.digest)
        if isinstance(source, LocalSource) and (size := source.size(blob.digest)) is not None:
            self._uploads.hold(place, digest, size)
            progress.done += blob.size
            return
        for number in range(1, _TRIES + 1):
            try:
                with source.blob(blob.digest) as chunks:
                    self._uploads.take(place, digest, progress.counted(chunks))
            except UpstreamError as error:
                if blob.optional and error.trouble in {Trouble.MISSING, Trouble.REFUSED}:
                    return  # layers that may not be distributed are often nowhere
                # A connection that broke in the middle of a blob is no reason to give up the others.
                if not error.passing or number == _TRIES or progress.stop.wait(_PAUSE * number):
                    raise
            else:
                return


def _parsed(found: Found) -> Manifest:
    try:
        return parse_manifest(found.payload or b"", found.media_type or None)
    except ManifestError as error:
        raise UpstreamError(Trouble.WRONG, f"manifest {found.digest} cannot be taken: {error}") from error
