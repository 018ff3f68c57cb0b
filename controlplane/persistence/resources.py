"""ARM resources of every type, one table: the row and its statements.

Every change of a row names the version it was read at; a statement that changes nothing says so, and the
caller looks again. Lists run in the order of keys, so that a page continues after the last key seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from controlplane.kernel.batches import batches
from controlplane.kernel.states import ProvisioningState
from controlplane.persistence.database import Transaction
from controlplane.persistence.tables import resources

_BATCH = 200


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """One resource of any type, as stored. See ``tables.resources`` for the columns."""

    key: str
    id: str
    type: str
    name: str
    parent_key: str
    subscription: str | None
    group_key: str | None
    location: str | None
    tags: Mapping[str, str] | None
    members: Mapping[str, Any]
    properties: Mapping[str, Any]
    provisioning_state: ProvisioningState
    version: int
    system_data: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Where:
    """Which rows a list is about; what is None does not count. Types and keys are in lower case."""

    types: Sequence[str] | None = None
    parent_key: str | None = None
    subscription: str | None = None
    group_key: str | None = None
    name: str | None = None
    location: str | None = None


def get(tx: Transaction, key: str, *, lock: bool = False) -> ResourceRow | None:
    """Return a row; ``lock`` keeps other writers away from it until the transaction ends."""
    statement = sa.select(resources).where(resources.c.key == key)
    if lock:
        statement = statement.with_for_update()
    found = tx.connection.execute(statement).mappings().first()
    return None if found is None else _row(found)


def many(tx: Transaction, keys: Sequence[str]) -> list[ResourceRow]:
    """Return the rows with some keys, in their order; those that are not there are left out."""
    found: list[ResourceRow] = []
    for some in batches(keys):
        statement = sa.select(resources).where(resources.c.key.in_(some))
        found += [_row(row) for row in tx.connection.execute(statement).mappings()]
    return sorted(found, key=lambda row: row.key)


def insert(tx: Transaction, row: ResourceRow) -> None:
    """Add a row.

    Raises:
        UniqueViolationError: (when the transaction ends or at once) the key exists.
    """
    tx.connection.execute(resources.insert().values(**_values(row)))


def update(tx: Transaction, row: ResourceRow) -> ResourceRow | None:
    """Write everything of a row that was read at ``row.version``; return it with its new version.

    Returns None, having changed nothing, when the row has moved on meanwhile or is gone.
    """
    moved = replace(row, version=row.version + 1)
    statement = resources.update().where(resources.c.key == row.key, resources.c.version == row.version)
    return moved if tx.connection.execute(statement.values(**_values(moved))).rowcount else None


def delete(tx: Transaction, key: str, version: int) -> bool:
    """Remove a row read at ``version``; tell whether it was still that one."""
    statement = resources.delete().where(resources.c.key == key, resources.c.version == version)
    return bool(tx.connection.execute(statement).rowcount)


def page(tx: Transaction, where: Where, *, after: str = "", limit: int = _BATCH) -> list[ResourceRow]:
    """Return up to ``limit`` rows with keys greater than ``after``, in their order."""
    columns = resources.c
    statement = sa.select(resources).where(columns.key > after).order_by(columns.key).limit(limit)
    if where.types is not None:
        statement = statement.where(columns.type.in_(where.types))
    if where.name is not None:
        statement = statement.where(sa.func.lower(columns.name) == where.name.lower())
    for column in ("parent_key", "subscription", "group_key", "location"):
        wanted = getattr(where, column)
        if wanted is not None:
            statement = statement.where(columns[column] == wanted)
    return [_row(found) for found in tx.connection.execute(statement).mappings()]


def every(tx: Transaction, where: Where) -> Iterator[ResourceRow]:
    """Yield every row, read in batches."""
    after = ""
    while True:
        batch = page(tx, where, after=after)
        yield from batch
        if len(batch) < _BATCH:
            return
        after = batch[-1].key


def count(tx: Transaction, type_key: str, parent_key: str) -> int:
    """Count the resources of a type below a parent."""
    statement = sa.select(sa.func.count()).where(
        resources.c.type == type_key, resources.c.parent_key == parent_key
    )
    return int(tx.connection.execute(statement).scalar_one())


def referring(tx: Transaction, type_key: str, member: str, target_id: str) -> list[ResourceRow]:
    """Return the resources of a type whose ``properties.{member}`` is an id, in any case."""
    held = sa.func.lower(resources.c.properties[member].as_string())
    statement = sa.select(resources).where(resources.c.type == type_key, held == target_id.lower())
    return [_row(found) for found in tx.connection.execute(statement).mappings()]


def clear_property(tx: Transaction, key: str, member: str) -> None:
    """Remove one member of a row's properties."""
    row = get(tx, key, lock=True)
    if row is not None:
        kept = {name: value for name, value in row.properties.items() if name != member}
        update(tx, replace(row, properties=kept))


def _values(row: ResourceRow) -> dict[str, Any]:
    return asdict(row) | {"provisioning_state": row.provisioning_state.value}


def _row(found: sa.RowMapping) -> ResourceRow:
    known = dict(found)
    known["provisioning_state"] = ProvisioningState(known["provisioning_state"])
    return ResourceRow(**known)
