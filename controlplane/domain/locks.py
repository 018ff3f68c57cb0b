"""Locks on repositories, manifests and tags: which rights are taken away, and what each attribute means.

ACR has four attributes; a fresh object has all of them on. Three more rights tell apart what
``writeEnabled`` takes away together: a tag may then be protected from being moved and still be deleted.
A stored lock is the set of rights that are off, so that 0 is a fresh object.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag
from types import MappingProxyType
from typing import Any


class Lock(IntFlag):
    """Rights that are off. The values are stored."""

    NONE = 0
    DELETE = 1  # it may not be deleted
    WRITE = 2  # nothing in it may be created, moved or deleted
    READ = 4  # it may not be pulled
    LIST = 8  # it is left out of lists
    CREATE = 16  # no new tag or manifest
    UPDATE = 32  # no tag may be moved


# ACR's own attributes are always shown; the further ones only where they are off.
ATTRIBUTES: Mapping[str, Lock] = MappingProxyType(
    {
        "deleteEnabled": Lock.DELETE,
        "writeEnabled": Lock.WRITE,
        "readEnabled": Lock.READ,
        "listEnabled": Lock.LIST,
        "createEnabled": Lock.CREATE,
        "updateEnabled": Lock.UPDATE,
    }
)
_OWN = frozenset({"createEnabled", "updateEnabled"})
# Nothing is created in a tag, and a manifest never changes: what would do nothing is unknown there.
TAG_ATTRIBUTES: Mapping[str, Lock] = MappingProxyType(
    {name: lock for name, lock in ATTRIBUTES.items() if lock is not Lock.CREATE}
)
MANIFEST_ATTRIBUTES: Mapping[str, Lock] = MappingProxyType(
    {name: lock for name, lock in ATTRIBUTES.items() if name not in _OWN}
)

BARS_DELETION = Lock.DELETE | Lock.WRITE
BARS_CREATION = Lock.WRITE | Lock.CREATE
BARS_MOVES = Lock.WRITE | Lock.UPDATE


def shown(locks: int) -> dict[str, bool]:
    """Return the attributes of an object as the wire has them."""
    return {name: not locks & lock for name, lock in ATTRIBUTES.items() if name not in _OWN or locks & lock}


def changed(locks: int, wanted: Mapping[str, Any], known: Mapping[str, Lock] = ATTRIBUTES) -> int:
    """Return the locks after a change; attributes that are not named stay as they are.

    ``known`` are the attributes the object has.

    Raises:
        ValueError: an attribute is unknown or is no boolean; it is named.
    """
    for name, enabled in wanted.items():
        lock = known.get(name)
        if lock is None:
            raise ValueError(f"'{name[:100]}' is no attribute here; attributes are {', '.join(known)}")
        if not isinstance(enabled, bool):
            raise ValueError(f"'{name}' must be true or false")  # noqa: TRY004 - a value of the wire
        locks = locks & ~lock if enabled else locks | lock
    return int(locks)
