"""Secrets: high-entropy text a scanner can recognise and a table can find without knowing it.

A secret of a client reads ``acr_`` (the password of a registry token ``acrtok_``) + lookup (9) + body (43)
+ checksum (6), all in base 62 after the prefix:

- the prefix lets secret scanners and people see what leaked;
- the lookup is not secret: it is stored as it is, names one row, and serves as the hint shown in lists;
- the body carries 256 random bits; only a keyed hash of the whole text is ever stored;
- the checksum refuses typing errors and random guesses before the database is asked.
"""

from __future__ import annotations

import base64
import string
import zlib
from dataclasses import dataclass

from controlplane.kernel.ids import Ids

PREFIX = "acr_"
TOKEN_PREFIX = "acrtok_"  # noqa: S105 - what such a password begins with
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_LOOKUP_BYTES, _LOOKUP_LENGTH = 6, 9
_BODY_BYTES, _BODY_LENGTH = 32, 43
_CHECKSUM_LENGTH = 6
_LENGTH = _LOOKUP_LENGTH + _BODY_LENGTH + _CHECKSUM_LENGTH  # after the prefix


@dataclass(frozen=True, slots=True, repr=False)
class ClientSecret:
    """A secret just made. ``text`` is shown once; ``lookup`` is what may be kept in the clear."""

    text: str
    lookup: str
    prefix: str = PREFIX

    @property
    def hint(self) -> str:
        """The recognisable start of the secret, harmless to show."""
        return self.prefix + self.lookup

    def __repr__(self) -> str:
        """Name the secret without telling it, so that no log or traceback does."""
        return f"ClientSecret({self.hint}…)"


def new_secret(ids: Ids, prefix: str = PREFIX) -> ClientSecret:
    """Make a secret from the injected randomness."""
    lookup = _base62(_random(ids, _LOOKUP_BYTES), _LOOKUP_LENGTH)
    start = prefix + lookup + _base62(_random(ids, _BODY_BYTES), _BODY_LENGTH)
    return ClientSecret(start + _checksum(start), lookup, prefix)


def lookup_of(text: str, prefix: str = PREFIX) -> str | None:
    """Return the lookup part of a well-formed secret, None for anything else.

    Says nothing of whether the secret was ever issued; the checksum is no protection against forging.
    """
    if len(text) != len(prefix) + _LENGTH or not text.startswith(prefix) or not text.isascii():
        return None
    start, checksum = text[:-_CHECKSUM_LENGTH], text[-_CHECKSUM_LENGTH:]
    if checksum != _checksum(start):
        return None
    return start[len(prefix) : len(prefix) + _LOOKUP_LENGTH]


def _random(ids: Ids, nbytes: int) -> int:
    text = ids.token(nbytes)
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
