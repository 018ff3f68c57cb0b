"""The policy every write of content passes: locks first, then the registry's own rules.

Each function raises for what is not allowed and returns nothing. They are called inside the transaction that
writes, with the repository locked, so that what was checked is what is written.
"""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.domain.locks import ATTRIBUTES, BARS_CREATION, BARS_DELETION, BARS_MOVES
from controlplane.domain.registry_errors import CONTENT_LOCKED
from controlplane.kernel.errors import Failure
from controlplane.persistence.content_manifests import ManifestRow
from controlplane.persistence.content_repositories import RepositoryRow
from controlplane.persistence.content_tags import TagRow


def refuse_creation(repository: RepositoryRow) -> None:
    """Refuse a new manifest or tag where the repository takes none.

    Raises:
        Failure: CONTENT_LOCKED.
    """
    _refuse(repository.locks, BARS_CREATION)


def refuse_move(repository: RepositoryRow, tag: TagRow) -> None:
    """Refuse to let a tag name something else.

    Raises:
        Failure: CONTENT_LOCKED.
    """
    _refuse(repository.locks | tag.locks, BARS_MOVES)


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


def _refuse(locks: int, barred: int) -> None:
    for name, lock in ATTRIBUTES.items():
        if locks & barred & lock:
            raise Failure(CONTENT_LOCKED, attribute=name)
