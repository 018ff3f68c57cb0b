"""The policy every write of content passes: locks first, then the registry's own rules.

Each function raises for what is not allowed and returns nothing. They are called inside the transaction that
writes, with the repository locked, so that what was checked is what is written.
"""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.domain.locks import ATTRIBUTES, BARS_CREATION, BARS_DELETION, BARS_MOVES
from controlplane.domain.registry_errors import CONTENT_LOCKED, TAG_IMMUTABLE
from controlplane.domain.wildcards import like
from controlplane.kernel.errors import Failure
from controlplane.persistence import content_parents, registries
from controlplane.persistence.content_manifests import ManifestRow
from controlplane.persistence.content_repositories import RepositoryRow
from controlplane.persistence.content_tags import TagRow
from controlplane.persistence.database import Transaction


def refuse_creation(locks: int) -> None:
    """Refuse a new manifest or tag where a repository, by its locks, takes none.

    Raises:
        Failure: CONTENT_LOCKED.
    """
    _refuse(locks, BARS_CREATION)


def refuse_move(tx: Transaction, repository: RepositoryRow, tag: TagRow) -> None:
    """Refuse to let a tag name something else, for its lock or for a write-once rule of the registry.

    A rule is about tags that are there. One that was deleted may be used anew: who may delete it is a matter
    of rights and locks.

    Raises:
        Failure: CONTENT_LOCKED or TAG_IMMUTABLE.
    """
    _refuse(repository.locks | tag.locks, BARS_MOVES)
    if _is_write_once(tx, repository):
        raise Failure(TAG_IMMUTABLE, tag=tag.name, digest=tag.digest)


def refuse_deletion(
    repository: RepositoryRow, manifests: Iterable[ManifestRow] = (), tags: Iterable[TagRow] = ()
) -> None:
    """Refuse to delete manifests with the tags that name them, or tags alone.

    Raises:
        Failure: CONTENT_LOCKED.
    """
    _refuse(repository.locks, BARS_DELETION)
    for locks in (*(manifest.locks for manifest in manifests), *(tag.locks for tag in tags)):
        _refuse(locks, BARS_DELETION)


def refuse_taking_apart(tx: Transaction, repository: RepositoryRow, manifest: ManifestRow) -> None:
    """Refuse to delete a part of an index that may not be deleted itself: what is locked stays whole.

    Raises:
        Failure: CONTENT_LOCKED.
    """
    for locks in content_parents.locks_above(tx, repository.id, manifest.digest):
        _refuse(locks, BARS_DELETION)


def _refuse(locks: int, barred: int) -> None:
    for name, lock in ATTRIBUTES.items():
        if locks & barred & lock:
            raise Failure(CONTENT_LOCKED, attribute=name)


def _is_write_once(tx: Transaction, repository: RepositoryRow) -> bool:
    registry = registries.by_id(tx, repository.registry_id)
    return registry is not None and any(like(repository.name, pattern) for pattern in registry.write_once)
