"""How much storage registries, repositories and images take, and what deleting them would give back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.domain.registry_errors import NAME_UNKNOWN, PARAMETER_INVALID, TAG_UNKNOWN
from controlplane.kernel.errors import Failure
from controlplane.persistence import content_repositories, content_tags, content_usage, registries
from controlplane.persistence.database import Database, Transaction

_MOST_MANIFESTS = 10_000  # of one image; all of them are named in one statement


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes. ``unique`` are those that nothing else in the registry holds.

    ``freed`` is what a deletion takes off the registry's size; where deleted content can be restored, once
    the time for that is over.
    """

    name: str
    size: int
    unique: int
    freed: int

    @property
    def shared(self) -> int:
        """Bytes that something else holds as well."""
        return self.size - self.unique


@dataclass(frozen=True, slots=True)
class RepositoryUsage:
    """The usage of a repository; ``deleted`` is the part of its size that only deleted manifests hold."""

    total: Usage
    manifests: int
    tags: int
    deleted: int


@dataclass(frozen=True, slots=True)
class ImageUsage:
    """The usage of what a tag names, with everything that refers to."""

    total: Usage
    digest: str


class UsageReports:
    """Answers what takes how much storage."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def registry(self, registry_id: int, after: str, limit: int) -> tuple[int, list[Usage]]:
        """Return the size of a registry, and the usage of repositories whose names follow a name."""
        with self._database.read() as tx:
            row = registries.by_id(tx, registry_id)
            found = content_usage.page(tx, registry_id, after, limit)
            unique = content_usage.unique(tx, registry_id, [one.id for one in found])
        shown = [Usage(one.name, one.size, unique[one.id], unique[one.id]) for one in found]
        return 0 if row is None else row.size, shown

    def repository(self, registry_id: int, name: str) -> RepositoryUsage:
        """Return the usage of a repository.

        Raises:
            Failure: NAME_UNKNOWN.
        """
        with self._database.read() as tx:
            row = content_repositories.find(tx, registry_id, name)
            if row is None or row.size == 0:
                raise Failure(NAME_UNKNOWN)
            unique = content_usage.unique(tx, registry_id, [row.id])[row.id]
            deleted = content_usage.deleted(tx, row.id)
        return RepositoryUsage(
            Usage(name, row.size, unique, unique), row.manifest_count, row.tag_count, deleted
        )

    def image(self, registry_id: int, repository: str, tag: str) -> ImageUsage:
        """Return the usage of what a tag names.

        ``freed`` is what goes with the manifest, all of its tags, and those manifests it refers to that
        nothing else refers to and no tag names.

        Raises:
            Failure: NAME_UNKNOWN or TAG_UNKNOWN; PARAMETER_INVALID for one of more than 10,000 manifests.
        """
        with self._database.read() as tx:
            row = content_repositories.find(tx, registry_id, repository)
            if row is None or row.manifest_count == 0:
                raise Failure(NAME_UNKNOWN)
            found = content_tags.find(tx, row.id, tag)
            if found is None:
                raise Failure(TAG_UNKNOWN)
            image = _Image(tx, registry_id, row.id, found.manifest_id)
            total = Usage(tag, image.size(), image.unique(tag), image.freed())
        return ImageUsage(total, found.digest)


class _Image:
    """A manifest and all that it refers to, in an open transaction."""

    def __init__(self, tx: Transaction, registry_id: int, repository_id: int, root: int) -> None:
        self._tx = tx
        self._registry_id, self._repository_id, self._root = registry_id, repository_id, root
        self._sizes = content_usage.children(tx, repository_id, root, _MOST_MANIFESTS + 1)
        if len(self._sizes) > _MOST_MANIFESTS:
            raise Failure(PARAMETER_INVALID, reason=f"the image has more than {_MOST_MANIFESTS} manifests")
        ids = list(self._sizes)
        self._outside = content_usage.held_from_outside(tx, repository_id, ids)
        self._tags = content_usage.tagged(tx, ids)
        self._edges = content_usage.edges_between(tx, repository_id, ids)

    def size(self) -> int:
        """Return the bytes of all of it."""
        ids = list(self._sizes)
        return sum(self._sizes.values()) + content_usage.named_bytes(self._tx, self._repository_id, ids)

    def unique(self, tag: str) -> int:
        """Return the bytes that nothing but this tag leads to."""
        named = {one for one, names in self._tags.items() if names - {tag}}
        return self._without(self._outside | named)

    def freed(self) -> int:
        """Return the bytes that go with the manifest and what only it refers to."""
        named = set(self._tags) | self._outside
        return self._without(named - {self._root})

    def _without(self, kept: Iterable[int]) -> int:
        """Return the bytes that are left to nobody when all goes but the given and what they refer to."""
        stay, open_ = set(kept), set(kept)
        while open_:
            open_ = {child for parent, child in self._edges if parent in open_} - stay
            stay |= open_
        go = [one for one in self._sizes if one not in stay]
        blobs = content_usage.bytes_of_none_but(self._tx, self._registry_id, self._repository_id, go)
        return blobs + sum(self._sizes[one] for one in go)
