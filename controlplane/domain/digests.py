"""Digests: ``algorithm:hex``, for the two algorithms the OCI specifications register."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Protocol

DEFAULT_ALGORITHM = "sha256"
ALGORITHMS = frozenset({DEFAULT_ALGORITHM, "sha512"})
_DIGEST = re.compile(r"(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})")


class Hasher(Protocol):
    """The part of :mod:`hashlib`'s objects that is used here."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""
        ...

    def hexdigest(self) -> str:
        """Return the digest of all bytes taken so far."""
        ...

    def copy(self) -> Hasher:
        """Return a twin that goes on apart."""
        ...


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest taken apart; ``str()`` puts it together."""

    algorithm: str
    hex: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


def is_digest(text: str) -> bool:
    """Tell whether a text is a digest of a known algorithm, in lower case and of the right length."""
    return _DIGEST.fullmatch(text) is not None


def parse_digest(text: str) -> Digest:
    """Take a digest apart.

    Raises:
        ValueError: it is not a digest of a known algorithm.
    """
    if not is_digest(text):
        raise ValueError(f"'{text[:200]}' is not a sha256 or sha512 digest")
    algorithm, _, hexadecimal = text.partition(":")
    return Digest(algorithm, hexadecimal)


def hasher(algorithm: str = DEFAULT_ALGORITHM) -> Hasher:
    """Begin a digest.

    Raises:
        KeyError: the algorithm is not one of ours.
    """
    return {"sha256": hashlib.sha256, "sha512": hashlib.sha512}[algorithm]()


def digest_of(data: bytes, algorithm: str = DEFAULT_ALGORITHM) -> str:
    """Return the digest of bytes."""
    taken = hasher(algorithm)
    taken.update(data)
    return f"{algorithm}:{taken.hexdigest()}"
