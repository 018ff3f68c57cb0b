"""Applications, their secrets, and service principals.

An application is the global side (client id, secrets), a service principal its presence in the directory:
the one that signs in and that roles are assigned to. A managed identity is a service principal without an
application; it belongs to a resource.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from controlplane.persistence.database import Transaction
from controlplane.persistence.tables import application_secrets as secrets
from controlplane.persistence.tables import applications
from controlplane.persistence.tables import service_principals as principals

Row = TypeVar("Row")

APPLICATION = "Application"
MANAGED_IDENTITY = "ManagedIdentity"


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """One application. ``id`` is its object id, ``app_id`` the client id it signs in with."""

    id: str
    app_id: str
    display_name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SecretRow:
    """One secret of an application; ``hash`` is a keyed hash, the secret itself is not kept."""

    key_id: str
    application_id: str
    display_name: str | None
    hint: str
    lookup: str
    hash: str = field(repr=False)
    starts_at: datetime
    expires_at: datetime

    def valid_at(self, moment: datetime) -> bool:
        """Tell whether the secret may be used at a moment."""
        return self.starts_at <= moment < self.expires_at


@dataclass(frozen=True, slots=True)
class ServicePrincipalRow:
    """One service principal. ``kind`` is Application or ManagedIdentity, as Graph spells it."""

    id: str
    app_id: str
    kind: str
    resource_key: str | None
    display_name: str
    enabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Match:
    """What a listing looks for; members that are set must all hold. Text compares without case."""

    ids: tuple[str, ...] | None = None
    app_id: str | None = None
    display_name: str | None = None
    display_name_prefix: str | None = None
    after: tuple[str, str] | None = None  # display name and id of the last row of the page before


# --- applications ----------------------------------------------------------------------------------------


def add_application(tx: Transaction, row: ApplicationRow) -> None:
    """Store an application.

    Raises:
        UniqueViolationError: its client id is taken.
    """
    tx.connection.execute(applications.insert().values(**_values(row)))


def application(
    tx: Transaction, *, object_id: str | None = None, app_id: str | None = None
) -> ApplicationRow | None:
    """Return the application with an object id or with a client id."""
    wanted = applications.c.id == object_id if object_id is not None else applications.c.app_id == app_id
    return _one(tx, applications, wanted, ApplicationRow)


def list_applications(tx: Transaction, match: Match, limit: int) -> Sequence[ApplicationRow]:
    """Return applications by display name and id, ``limit`` at most."""
    query = _matching(applications, match).limit(limit)
    return [ApplicationRow(**row) for row in tx.connection.execute(query).mappings()]


def update_application(tx: Transaction, object_id: str, **changes: Any) -> bool:
    """Change columns of an application; tell whether it exists."""
    done = tx.connection.execute(
        applications.update().where(applications.c.id == object_id).values(**changes)
    )
    return done.rowcount == 1


def delete_application(tx: Transaction, object_id: str) -> bool:
    """Remove an application with its secrets; tell whether it existed. Its principal is the caller's."""
    tx.connection.execute(secrets.delete().where(secrets.c.application_id == object_id))
    return tx.connection.execute(applications.delete().where(applications.c.id == object_id)).rowcount == 1


# --- secrets ---------------------------------------------------------------------------------------------


def add_secret(tx: Transaction, row: SecretRow) -> None:
    """Store a secret of an application."""
    tx.connection.execute(secrets.insert().values(**_values(row)))


def secrets_of(tx: Transaction, application_id: str) -> Sequence[SecretRow]:
    """Return the secrets of an application, oldest first."""
    query = (
        sa.select(secrets)
        .where(secrets.c.application_id == application_id)
        .order_by(secrets.c.starts_at, secrets.c.key_id)
    )
    return [SecretRow(**row) for row in tx.connection.execute(query).mappings()]


def secrets_by_app_id(tx: Transaction, app_ids: Sequence[str]) -> Mapping[str, Sequence[SecretRow]]:
    """Return the secrets of several applications by client id, oldest first; in one query."""
    query = (
        sa.select(applications.c.app_id, secrets)
        .join(secrets, secrets.c.application_id == applications.c.id)
        .where(applications.c.app_id.in_(app_ids))
        .order_by(secrets.c.starts_at, secrets.c.key_id)
    )
    found: dict[str, list[SecretRow]] = {}
    for app_id, *columns in tx.connection.execute(query):
        found.setdefault(app_id, []).append(SecretRow(*columns))
    return found


def secrets_by_lookup(tx: Transaction, application_id: str, lookup: str) -> Sequence[SecretRow]:
    """Return the secrets of an application that a presented secret can be."""
    query = sa.select(secrets).where(secrets.c.application_id == application_id, secrets.c.lookup == lookup)
    return [SecretRow(**row) for row in tx.connection.execute(query).mappings()]


def secret(tx: Transaction, key_id: str) -> SecretRow | None:
    """Return a secret by its key id."""
    return _one(tx, secrets, secrets.c.key_id == key_id, SecretRow)


def delete_secret(tx: Transaction, application_id: str, key_id: str) -> bool:
    """Remove a secret of an application; tell whether it existed."""
    done = tx.connection.execute(
        secrets.delete().where(secrets.c.application_id == application_id, secrets.c.key_id == key_id)
    )
    return done.rowcount == 1


# --- service principals ----------------------------------------------------------------------------------


def add_principal(tx: Transaction, row: ServicePrincipalRow) -> None:
    """Store a service principal.

    Raises:
        UniqueViolationError: the application, or the resource, has one already.
    """
    tx.connection.execute(principals.insert().values(**_values(row)))


def principal(
    tx: Transaction,
    *,
    object_id: str | None = None,
    app_id: str | None = None,
    resource_key: str | None = None,
) -> ServicePrincipalRow | None:
    """Return the service principal with an object id, of a client id, or of a resource."""
    if object_id is not None:
        wanted = principals.c.id == object_id
    elif app_id is not None:
        wanted = principals.c.app_id == app_id
    else:
        wanted = principals.c.resource_key == resource_key
    return _one(tx, principals, wanted, ServicePrincipalRow)


def list_principals(tx: Transaction, match: Match, limit: int) -> Sequence[ServicePrincipalRow]:
    """Return service principals by display name and id, ``limit`` at most."""
    query = _matching(principals, match).limit(limit)
    return [ServicePrincipalRow(**row) for row in tx.connection.execute(query).mappings()]


def update_principal(tx: Transaction, object_id: str, **changes: Any) -> bool:
    """Change columns of a service principal; tell whether it exists."""
    done = tx.connection.execute(principals.update().where(principals.c.id == object_id).values(**changes))
    return done.rowcount == 1


def delete_principal(tx: Transaction, object_id: str) -> bool:
    """Remove a service principal; tell whether it existed."""
    return tx.connection.execute(principals.delete().where(principals.c.id == object_id)).rowcount == 1


# --- shared ----------------------------------------------------------------------------------------------


def _values(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in type(row).__slots__}


def _one(tx: Transaction, table: sa.Table, wanted: sa.ColumnElement[bool], kind: type[Row]) -> Row | None:
    row = tx.connection.execute(sa.select(table).where(wanted)).mappings().first()
    return None if row is None else kind(**row)


def _matching(table: sa.Table, match: Match) -> sa.Select[Any]:
    name = sa.func.lower(table.c.display_name)
    query = sa.select(table).order_by(table.c.display_name, table.c.id)
    if match.ids is not None:
        query = query.where(table.c.id.in_(match.ids))
    if match.app_id is not None:
        query = query.where(table.c.app_id == match.app_id)
    if match.display_name is not None:
        query = query.where(name == match.display_name.lower())
    if match.display_name_prefix is not None:
        query = query.where(name.like(_like_literal(match.display_name_prefix.lower()) + "%", escape="\\"))
    if match.after is not None:
        last = sa.tuple_(*(sa.literal(value) for value in match.after))
        query = query.where(sa.tuple_(table.c.display_name, table.c.id) > last)
    return query


def _like_literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
