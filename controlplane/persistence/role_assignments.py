"""What the evaluator reads: role assignments by principal and scope, and the custom roles they name.

Both are side tables of ARM resources, written in the transaction of the resource they belong to; every
change bumps the identity stamp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from controlplane.persistence import stamps
from controlplane.persistence.database import Transaction
from controlplane.persistence.tables import role_assignments as assignments
from controlplane.persistence.tables import role_definitions as definitions


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    """One assignment. ``key`` is the resource's; ``role_id`` the GUID of the role definition."""

    key: str
    scope_key: str
    principal_id: str
    principal_type: str
    role_id: str
    condition: str | None


@dataclass(frozen=True, slots=True)
class CustomRoleRow:
    """One custom role. ``permissions`` holds permission blocks as the wire spells them."""

    role_id: str
    key: str
    role_name_key: str
    permissions: Sequence[Mapping[str, Any]]
    assignable_scopes: Sequence[str]


@dataclass(frozen=True, slots=True)
class GrantRow:
    """What one assignment contributes; ``permissions`` is None for a built-in role."""

    role_id: str
    condition: str | None
    permissions: Sequence[Mapping[str, Any]] | None


_GRANTS = (
    sa.select(assignments.c.role_id, assignments.c.condition, definitions.c.permissions)
    .select_from(assignments.outerjoin(definitions, definitions.c.role_id == assignments.c.role_id))
    .where(
        assignments.c.principal_id.in_(sa.bindparam("principals", expanding=True)),
        assignments.c.scope_key.in_(sa.bindparam("scopes", expanding=True)),
    )
)


def grants(tx: Transaction, principal_ids: Sequence[str], scope_keys: Sequence[str]) -> Sequence[GrantRow]:
    """Return what principals hold at any of some scopes: one query, by index, whatever else is stored."""
    found = tx.connection.execute(_GRANTS, {"principals": list(principal_ids), "scopes": list(scope_keys)})
    return [GrantRow(role_id, condition, permissions) for role_id, condition, permissions in found]


def add(tx: Transaction, row: AssignmentRow) -> None:
    """Store an assignment.

    Raises:
        UniqueViolationError: the principal holds the role at the scope already.
    """
    tx.connection.execute(assignments.insert().values(**_values(row)))
    stamps.bump(tx, stamps.IDENTITY)


def find(tx: Transaction, scope_key: str, principal_id: str, role_id: str) -> str | None:
    """Return the key of the assignment of a role to a principal at exactly a scope."""
    query = sa.select(assignments.c.key).where(
        assignments.c.scope_key == scope_key,
        assignments.c.principal_id == principal_id,
        assignments.c.role_id == role_id,
    )
    key: str | None = tx.connection.execute(query).scalar()
    return key


def set_condition(tx: Transaction, key: str, condition: str | None) -> None:
    """Change the condition of an assignment."""
    tx.connection.execute(assignments.update().where(assignments.c.key == key).values(condition=condition))
    stamps.bump(tx, stamps.IDENTITY)


def remove(tx: Transaction, key: str) -> None:
    """Forget an assignment; one that is not there is no error."""
    tx.connection.execute(assignments.delete().where(assignments.c.key == key))
    stamps.bump(tx, stamps.IDENTITY)


@dataclass(frozen=True, slots=True)
class Around:
    """What a list is about: assignments at some scopes, or below one, of a principal (None: any)."""

    at: Sequence[str]
    below: str | None = None
    principal_id: str | None = None


def keys_around(tx: Transaction, around: Around) -> Sequence[str]:
    """Return the keys of assignments, in order."""
    places: sa.ColumnElement[bool] = assignments.c.scope_key.in_(around.at)
    if around.below is not None:
        literal = around.below.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        places |= assignments.c.scope_key.like(literal.rstrip("/") + "/%", escape="\\")
    query = sa.select(assignments.c.key).where(places).order_by(assignments.c.key)
    if around.principal_id is not None:
        query = query.where(assignments.c.principal_id == around.principal_id)
    return list(tx.connection.execute(query).scalars())


def role_in_use(tx: Transaction, role_id: str) -> bool:
    """Tell whether any assignment names a role."""
    query = sa.select(assignments.c.key).where(assignments.c.role_id == role_id).limit(1)
    return tx.connection.execute(query).first() is not None


def custom_role(
    tx: Transaction, *, role_id: str | None = None, role_name: str | None = None
) -> CustomRoleRow | None:
    """Return a custom role by GUID, or by its name without regard to case."""
    wanted = (
        definitions.c.role_id == role_id
        if role_id is not None
        else definitions.c.role_name_key == (role_name or "").lower()
    )
    row = tx.connection.execute(sa.select(definitions).where(wanted)).mappings().first()
    return None if row is None else CustomRoleRow(**row)


def add_custom_role(tx: Transaction, row: CustomRoleRow) -> None:
    """Store a new custom role.

    Raises:
        UniqueViolationError: another custom role has the GUID or the name.
    """
    tx.connection.execute(definitions.insert().values(**_values(row)))
    stamps.bump(tx, stamps.IDENTITY)


def change_custom_role(tx: Transaction, row: CustomRoleRow) -> None:
    """Replace a custom role that is stored under the same key.

    Raises:
        UniqueViolationError: another custom role has the name.
    """
    tx.connection.execute(definitions.update().where(definitions.c.key == row.key).values(**_values(row)))
    stamps.bump(tx, stamps.IDENTITY)


def remove_custom_role(tx: Transaction, role_id: str) -> None:
    """Forget a custom role; one that is not there is no error."""
    tx.connection.execute(definitions.delete().where(definitions.c.role_id == role_id))
    stamps.bump(tx, stamps.IDENTITY)


def _values(row: AssignmentRow | CustomRoleRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in type(row).__slots__}
