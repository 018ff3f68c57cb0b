"""Where content is copied from: another registry, or a repository of this deployment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from controlplane.blobs.store import BlobMissingError, BlobStore
from controlplane.domain.digests import parse_digest
from controlplane.persistence import (
    content_blobs,
    content_manifests,
    content_referrers,
    content_repositories,
    content_tags,
)
from controlplane.persistence.content_pages import Page
from controlplane.persistence.database import Database
from controlplane.services.upstream import Found, Upstream
from controlplane.services.upstream_errors import Trouble, UpstreamError

_REFERRERS = 1000


class Source(Protocol):
    """A repository to copy from. What it raises is an UpstreamError, whose text names the cause."""

    def manifest(self, reference: str) -> Found:
        """Return a manifest by tag or digest, with its bytes."""
        ...

    def blob(self, digest: str) -> AbstractContextManager[Iterator[bytes]]:
        """Open a blob as chunks; whoever reads it checks its digest."""
        ...

    def referrers(self, digest: str) -> list[str]:
        """Return digests of the manifests that refer to one."""
        ...


class UpstreamSource:
    """A repository of another registry."""

    def __init__(self, upstream: Upstream, repository: str) -> None:
        self._upstream = upstream
        self._repository = repository

    def manifest(self, reference: str) -> Found:
        """Return a manifest; see the protocol."""
        return self._upstream.manifest(self._repository, reference)

    @contextmanager
    def blob(self, digest: str) -> Iterator[Iterator[bytes]]:
        """Open a blob; see the protocol."""
        with self._upstream.blob(self._repository, digest) as stream:
            yield stream.chunks()

    def referrers(self, digest: str) -> list[str]:
        """Return referrers; see the protocol."""
        return self._upstream.referrers(self._repository, digest)


class LocalSource:
    """A repository of this deployment. Its bytes are in the store already."""

    def __init__(self, database: Database, blobs: BlobStore, registry_id: int, repository: str) -> None:
        self._database = database
        self._blobs = blobs
        self._registry_id = registry_id
        self._repository = repository

    def manifest(self, reference: str) -> Found:
        """Return a manifest; see the protocol."""
        with self._database.read() as tx:
            repository = content_repositories.find(tx, self._registry_id, self._repository)
            if repository is None:
                raise self._missing(f"repository {self._repository}")
            digest = reference
            if ":" not in reference:
                tag = content_tags.find(tx, repository.id, reference)
                digest = "" if tag is None else tag.digest
            row = content_manifests.find(tx, repository.id, digest)
            if row is None:
                raise self._missing(f"{self._repository} has no {reference}")
            return Found(row.digest, row.media_type, content_manifests.payload(tx, row.id))

    @contextmanager
    def blob(self, digest: str) -> Iterator[Iterator[bytes]]:
        """Open a blob; see the protocol."""
        try:
            reader = self._blobs.open(parse_digest(digest))
        except BlobMissingError as error:
            raise self._missing(f"blob {digest}") from error
        try:
            yield iter(reader)
        finally:
            reader.close()

    def size(self, digest: str) -> int | None:
        """Return the size of a blob that the repository holds."""
        with self._database.read() as tx:
            repository = content_repositories.find(tx, self._registry_id, self._repository)
            return None if repository is None else content_blobs.size_of(tx, repository.id, digest)

    def referrers(self, digest: str) -> list[str]:
        """Return referrers; see the protocol."""
        with self._database.read() as tx:
            repository = content_repositories.find(tx, self._registry_id, self._repository)
            if repository is None:
                return []
            found = content_referrers.referrers(tx, repository.id, digest, Page(_REFERRERS))
        return [one for one, _ in found]

    def _missing(self, what: str) -> UpstreamError:
        return UpstreamError(Trouble.MISSING, f"{what}: not found in the source registry")
