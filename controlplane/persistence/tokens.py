"""Registry tokens, their passwords and scope maps, as the data plane looks them up.

The rows are written in the transactions of the resources they belong to. Whoever takes something away lets
the registry's stamp grow (``registries.bump_stamp``), so that it counts from the next request on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from controlplane.persistence.database import Transaction
from controlplane.persistence.token_tables import scope_maps, token_passwords, tokens


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token. See ``token_tables.tokens`` for the columns."""

    key: str
    registry_id: int
    name: str
    enabled: bool
    scope_map_key: str | None


@dataclass(frozen=True, slots=True)
class PasswordRow:
    """One password of a token; ``hash`` is a keyed hash, the password itself is not kept."""

    token_key: str
    name: str
    lookup: str
    hash: str = field(repr=False)
    created_at: datetime
    expires_at: datetime | None

    def valid_at(self, moment: datetime) -> bool:
        """Tell whether the password may be used at a moment."""
        return self.expires_at is None or moment < self.expires_at


def find(tx: Transaction, registry_id: int, name: str) -> TokenRow | None:
    """Return a registry's token by its name in lower case."""
    wanted = sa.select(tokens).where(tokens.c.registry_id == registry_id, tokens.c.name == name)
    found = tx.connection.execute(wanted).mappings().one_or_none()
    return None if found is None else TokenRow(**found)


def put(tx: Transaction, row: TokenRow) -> None:
    """Store a token, or what has changed of it."""
    _put(tx, tokens, asdict(row), ["key"])


def delete(tx: Transaction, key: str) -> None:
    """Forget a token with its passwords; one that is not there is no error."""
    tx.connection.execute(sa.delete(tokens).where(tokens.c.key == key))


def passwords(tx: Transaction, token_key: str) -> Sequence[PasswordRow]:
    """Return a token's passwords, by name."""
    wanted = sa.select(token_passwords).where(token_passwords.c.token_key == token_key)
    found = tx.connection.execute(wanted.order_by(token_passwords.c.name)).mappings()
    return [PasswordRow(**row) for row in found]


def put_password(tx: Transaction, row: PasswordRow) -> None:
    """Store a password, in place of the one of that name."""
    _put(tx, token_passwords, asdict(row), ["token_key", "name"])


def keep_passwords(tx: Transaction, token_key: str, names: Collection[str]) -> None:
    """Forget a token's passwords but those of some names."""
    columns = token_passwords.c
    statement = sa.delete(token_passwords).where(columns.token_key == token_key)
    tx.connection.execute(statement.where(columns.name.not_in(list(names))))


def scope_map(tx: Transaction, key: str) -> Sequence[str]:
    """Return the actions of a scope map that a user made; none when there is no such map."""
    found = tx.connection.execute(sa.select(scope_maps.c.actions).where(scope_maps.c.key == key)).scalar()
    return [] if found is None else list(found)


def put_scope_map(tx: Transaction, registry_id: int, key: str, actions: Sequence[str]) -> None:
    """Store a scope map, or its new actions."""
    _put(tx, scope_maps, {"key": key, "registry_id": registry_id, "actions": list(actions)}, ["key"])


def delete_scope_map(tx: Transaction, key: str) -> None:
    """Forget a scope map; one that is not there is no error."""
    tx.connection.execute(sa.delete(scope_maps).where(scope_maps.c.key == key))


def _put(tx: Transaction, table: sa.Table, values: dict[str, Any], key: list[str]) -> None:
    insert: Any = postgresql_insert if tx.dialect == "postgresql" else sqlite_insert
    changed = {name: value for name, value in values.items() if name not in key}
    statement = insert(table).values(values)
    tx.connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))
