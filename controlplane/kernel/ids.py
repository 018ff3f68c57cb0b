"""Ids and randomness, injected so that tests can fix them."""

from __future__ import annotations

import secrets
import uuid
from typing import Protocol


class Ids(Protocol):
    """A source of unguessable names."""

    def uuid(self) -> str:
        """Return a new lower-case UUID, version 4."""
        ...

    def token(self, nbytes: int) -> str:
        """Return URL-safe text carrying ``nbytes`` random bytes."""
        ...


class RandomIds:
    """The operating system's randomness."""

    def uuid(self) -> str:
        """Return a new lower-case UUID, version 4."""
        return str(uuid.uuid4())

    def token(self, nbytes: int) -> str:
        """Return URL-safe text carrying ``nbytes`` random bytes."""
        return secrets.token_urlsafe(nbytes)
