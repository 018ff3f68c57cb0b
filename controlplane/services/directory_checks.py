"""What requests to the directory are checked for, and the failures that say so."""

from __future__ import annotations

from typing import TypeVar

from controlplane.kernel.catalogue import DIRECTORY_BAD_REQUEST, DIRECTORY_NOT_FOUND
from controlplane.kernel.errors import Failure

Row = TypeVar("Row")

MAX_NAME = 256  # characters of a display name, as in Graph


def checked_name(name: str) -> str:
    """Return a display name that is acceptable.

    Raises:
        Failure: DIRECTORY_BAD_REQUEST.
    """
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise bad(f"displayName must be 1 to {MAX_NAME} printable characters.")
    return name


def found(row: Row | None, wanted: object) -> Row:
    """Return a row that exists.

    Raises:
        Failure: DIRECTORY_NOT_FOUND.
    """
    if row is None:
        raise missing(wanted)
    return row


def missing(wanted: object) -> Failure:
    """Say that the directory has no such object."""
    return Failure(DIRECTORY_NOT_FOUND, id=wanted)


def bad(reason: str) -> Failure:
    """Say what is wrong with a request to the directory."""
    return Failure(DIRECTORY_BAD_REQUEST, reason=reason)
