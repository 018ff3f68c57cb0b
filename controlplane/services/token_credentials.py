"""Passwords of registry tokens: made on demand, shown once, kept as keyed hashes.

A token has up to two, so that one can be replaced while the other is used. What may be known of them, when
they were made and until when they count, stands in the token's resource; hash and lookup stand beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from controlplane.domain.secrets import TOKEN_PREFIX, lookup_of, new_secret
from controlplane.kernel.catalogue import CONFLICT
from controlplane.kernel.clock import Clock, rfc3339
from controlplane.kernel.errors import Failure
from controlplane.kernel.ids import Ids
from controlplane.persistence import registries, resources, tokens
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow
from controlplane.persistence.tokens import PasswordRow
from controlplane.services.vault import Vault

Json = dict[str, Any]


class TokenPasswordName(StrEnum):
    """The passwords of a token, as the wire spells them."""

    FIRST = "password1"
    SECOND = "password2"


@dataclass(frozen=True, slots=True)
class TokenPassword:
    """One password in the clear, for the one answer that shows it."""

    name: str
    value: str
    known: Mapping[str, Any]

    def __repr__(self) -> str:
        """Name the password without telling it."""
        return f"TokenPassword({self.name})"

    def to_json(self) -> Json:
        """Return the password as the one answer shows it."""
        return {**self.known, "value": self.value}


@dataclass(frozen=True, slots=True)
class TokenPasswords:
    """What can be done about passwords of tokens. Safe to share between threads."""

    vault: Vault
    ids: Ids
    clock: Clock

    def generate(
        self,
        tx: Transaction,
        token: ResourceRow,
        names: Sequence[TokenPasswordName],
        expires_at: datetime | None,
    ) -> list[TokenPassword]:
        """Make passwords of a token anew; those that had the names are refused from the next request on.

        Raises:
            Failure: CONFLICT when the token was changed since it was read.
        """
        made = [self._make(tx, token.key, name.value, expires_at) for name in names]
        known = {one["name"]: one for one in passwords_of(token.properties)}
        known |= {one.name: dict(one.known) for one in made}
        shown = [known[name.value] for name in TokenPasswordName if name.value in known]
        properties = {**token.properties, "credentials": credentials(shown)}
        if resources.update(tx, replace(token, properties=properties)) is None:
            raise Failure(CONFLICT, operation="unknown", resource=token.id)
        bump(tx, token)
        return made

    def match(self, rows: Sequence[PasswordRow], password: str) -> PasswordRow | None:
        """Return the row a presented password belongs to; hashes are compared in constant time."""
        lookup = lookup_of(password, TOKEN_PREFIX)
        if lookup is None:
            return None
        matching = [row for row in rows if row.lookup == lookup and self.vault.matches(password, row.hash)]
        return matching[0] if matching else None

    def _make(self, tx: Transaction, token_key: str, name: str, expires_at: datetime | None) -> TokenPassword:
        secret, now = new_secret(self.ids, TOKEN_PREFIX), self.clock.now()
        row = PasswordRow(token_key, name, secret.lookup, self.vault.mac(secret.text), now, expires_at)
        tokens.put_password(tx, row)
        known = {"creationTime": rfc3339(now), "name": name}
        known |= {} if expires_at is None else {"expiry": rfc3339(expires_at)}
        return TokenPassword(name, secret.text, known)


def passwords_of(properties: Mapping[str, Any]) -> list[Json]:
    """Return what a token's properties say of its passwords."""
    return list((properties.get("credentials") or {}).get("passwords") or ())


def credentials(passwords: Sequence[Json]) -> Json:
    """Return the member ``credentials`` of a token with some passwords."""
    return {"certificates": [], "passwords": list(passwords)}


def bump(tx: Transaction, row: ResourceRow) -> None:
    """Let rights on the registry above a token or scope map be looked at again."""
    registries.bump_stamp(tx, registry_id_above(tx, row.parent_key))


def registry_id_above(tx: Transaction, registry_key: str) -> int:
    """Return the row id of the registry of a key.

    Raises:
        LookupError: there is none, which a resource below it rules out.
    """
    registry = registries.by_key(tx, registry_key)
    if registry is None:
        raise LookupError(registry_key)
    return registry.id
