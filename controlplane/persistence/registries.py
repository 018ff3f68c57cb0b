"""Registries as the data plane sees them: settings in force, login servers, admin passwords.

The ARM resource is the truth for people; these rows hold what a pull or push must find in one look, and
what must be unique (name, host, port) or secret (passwords). They are written in the resource's
transaction. ``stamp`` grows with every change that may take a right away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from controlplane.domain.tiers import Tier
from controlplane.persistence.content_tables import admin_passwords as passwords_table
from controlplane.persistence.content_tables import endpoints as endpoints_table
from controlplane.persistence.content_tables import registries
from controlplane.persistence.database import Transaction
from controlplane.persistence.replicas import add_blob_region
from controlplane.persistence.statements import Statement
from controlplane.persistence.tables import resources


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings:
    """What an owner sets on a registry and the data plane obeys. ``ip_rules`` are normalised CIDR texts.

    Untagged manifests go after ``retention_days``, deleted content after ``soft_delete_days``; None: the
    policy is off.
    """

    tier: Tier
    admin_enabled: bool
    anonymous_pull: bool
    role_assignment_mode: str
    arm_tokens_accepted: bool
    public_access: bool
    default_action: str
    ip_rules: tuple[str, ...]
    quarantine: bool = False
    retention_days: int | None = None
    soft_delete_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryRow(RegistrySettings):
    """One registry, as stored. See ``tables.registries`` for the columns; ``name`` is in lower case."""

    id: int
    key: str
    name: str
    size: int
    stamp: int
    ready: bool
    write_once: tuple[str, ...] = ()
    cached: bool = False

    @property
    def settings(self) -> RegistrySettings:
        """The part that an owner sets."""
        return RegistrySettings(**{name: getattr(self, name) for name in _SETTINGS})


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """A host (``host[:port]``, lower case) that a registry answers under.

    ``kind`` is login, regional or data.
    """

    host: str
    registry_id: int
    kind: str
    region: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class AdminPasswordRow:
    """One of the admin user's passwords, sealed. ``version`` starts at 1 and grows with each renewal."""

    name: str
    value: str
    version: int
    created_at: datetime


LOGIN, REGIONAL, DATA = "login", "regional", "data"
_SETTINGS = tuple(field.name for field in fields(RegistrySettings))


def by_key(tx: Transaction, key: str) -> RegistryRow | None:
    """Return the registry of an ARM resource (lower-cased id)."""
    return _one(tx, registries.c.key == key)


def lock(tx: Transaction, key: str) -> RegistryRow | None:
    """Return the registry of an ARM resource and keep others from changing it until the transaction ends."""
    statement = sa.select(registries).where(registries.c.key == key).with_for_update()
    found = tx.connection.execute(statement).mappings().one_or_none()
    return None if found is None else _row(found)


def by_name(tx: Transaction, name: str) -> RegistryRow | None:
    """Return the registry of a name, in any case."""
    return _one(tx, registries.c.name == name.lower())


def by_id(tx: Transaction, registry_id: int) -> RegistryRow | None:
    """Return the registry with a row id."""
    return _one(tx, registries.c.id == registry_id)


def by_host(tx: Transaction, host: str) -> tuple[RegistryRow, str, str] | None:
    """Return the registry a host belongs to, with the endpoint's kind and region."""
    statement = (
        sa.select(registries, endpoints_table.c.kind, endpoints_table.c.region)
        .join(endpoints_table, endpoints_table.c.registry_id == registries.c.id)
        .where(endpoints_table.c.host == host.lower())
    )
    found = tx.connection.execute(statement).mappings().one_or_none()
    return None if found is None else (_row(found), found["kind"], found["region"])


def insert(tx: Transaction, key: str, name: str, settings: RegistrySettings) -> RegistryRow | None:
    """Store a registry that is not ready yet; None when its name is taken, and then nothing is written."""
    values = {
        "key": key,
        "name": name.lower(),
        "size": 0,
        "stamp": 1,
        "ready": False,
        "write_once": [],
        "cached": False,
        **_columns(settings),
    }
    statement = _insert(tx)(registries).values(values).on_conflict_do_nothing().returning(registries)
    found = tx.connection.execute(statement).mappings().one_or_none()
    return None if found is None else _row(found)


def update(tx: Transaction, registry_id: int, settings: RegistrySettings, *, revokes: bool) -> None:
    """Put settings in force; ``revokes`` lets the stamp grow."""
    values: dict[str, Any] = _columns(settings)
    if revokes:
        values["stamp"] = registries.c.stamp + 1
    tx.connection.execute(sa.update(registries).where(registries.c.id == registry_id).values(values))


def set_write_once(tx: Transaction, registry_id: int, patterns: Sequence[str]) -> None:
    """Say of which repositories the tags are written once (``domain.wildcards``)."""
    statement = sa.update(registries).where(registries.c.id == registry_id)
    tx.connection.execute(statement.values(write_once=list(patterns)))


def set_ready(tx: Transaction, registry_id: int, ready: bool) -> None:
    """Open a registry to the data plane, or close it. The stamp grows, so that every process notices."""
    statement = sa.update(registries).where(registries.c.id == registry_id)
    tx.connection.execute(statement.values(ready=ready, stamp=registries.c.stamp + 1))


def delete(tx: Transaction, registry_id: int) -> None:
    """Remove a registry with its endpoints and passwords, and what content is left."""
    tx.connection.execute(sa.delete(registries).where(registries.c.id == registry_id))


def bump_stamp(tx: Transaction, registry_id: int) -> None:
    """Announce that somebody may have lost a right on the registry."""
    statement = sa.update(registries).where(registries.c.id == registry_id)
    tx.connection.execute(statement.values(stamp=registries.c.stamp + 1))


_ADD_SIZE = Statement(
    sa.update(registries)
    .where(registries.c.id == sa.bindparam("registry"))
    .values(size=registries.c.size + sa.bindparam("delta"))
    .returning(registries.c.size, registries.c.tier)
)


def add_size(tx: Transaction, registry_id: int, delta: int) -> tuple[int, str] | None:
    """Let the registry's size grow or, with a negative number of bytes, shrink.

    Returns the size after it and the tier, which nobody else changes before this transaction ends; None
    when there is no such registry.
    """
    row = _ADD_SIZE.first(tx, registry=registry_id, delta=delta)
    return None if row is None else (row[0], row[1])


def children(tx: Transaction, key: str) -> Mapping[str, int]:
    """Count the child resources of a registry by type (lower case)."""
    statement = (
        sa.select(resources.c.type, sa.func.count())
        .where(resources.c.parent_key == key)
        .group_by(resources.c.type)
    )
    return {kind: count for kind, count in tx.connection.execute(statement)}  # noqa: C416 - rows are no pairs to mypy


# --- endpoints -------------------------------------------------------------------------------------------


def endpoints(tx: Transaction, registry_id: int) -> Sequence[EndpointRow]:
    """Return the hosts of a registry, its login server first."""
    statement = (
        sa.select(endpoints_table)
        .where(endpoints_table.c.registry_id == registry_id)
        .order_by(endpoints_table.c.kind != LOGIN, endpoints_table.c.kind.desc(), endpoints_table.c.host)
    )
    return [EndpointRow(**found) for found in tx.connection.execute(statement).mappings()]


def add_endpoint(tx: Transaction, endpoint: EndpointRow) -> bool:
    """Store an endpoint; False when its host or port is taken, and then nothing is written."""
    add_blob_region(tx, endpoint.region)
    statement = _insert(tx)(endpoints_table).values(asdict(endpoint)).on_conflict_do_nothing()
    result = tx.connection.execute(statement.returning(endpoints_table.c.host))
    return result.one_or_none() is not None


def remove_endpoint(tx: Transaction, host: str) -> None:
    """Forget a host, which frees its port."""
    tx.connection.execute(sa.delete(endpoints_table).where(endpoints_table.c.host == host))


def taken_ports(tx: Transaction) -> frozenset[int]:
    """Return the loopback ports that belong to a registry."""
    return frozenset(port for port, _ in all_ports(tx))


def all_ports(tx: Transaction, region: str | None = None) -> list[tuple[int, str]]:
    """Return (port, host) of every endpoint with a loopback port of its own, for whoever opens them.

    ``region`` leaves out those of other regions.
    """
    statement = (
        sa.select(endpoints_table.c.port, endpoints_table.c.host)
        .where(endpoints_table.c.port.is_not(None))
        .order_by(endpoints_table.c.port)
    )
    if region is not None:
        statement = statement.where(endpoints_table.c.region == region)
    return [(port, host) for port, host in tx.connection.execute(statement)]


# --- the admin user --------------------------------------------------------------------------------------


def admin_passwords(tx: Transaction, registry_id: int) -> Sequence[AdminPasswordRow]:
    """Return the admin user's passwords, sealed, by name."""
    statement = (
        sa.select(passwords_table)
        .where(passwords_table.c.registry_id == registry_id)
        .order_by(passwords_table.c.name)
    )
    return [
        AdminPasswordRow(found["name"], found["value"], found["version"], found["created_at"])
        for found in tx.connection.execute(statement).mappings()
    ]


def put_admin_password(tx: Transaction, registry_id: int, name: str, sealed: str, now: datetime) -> None:
    """Store or replace one of the admin user's passwords; its version grows by one."""
    insert_ = _insert(tx)(passwords_table).values(
        registry_id=registry_id, name=name, value=sealed, version=1, created_at=now
    )
    tx.connection.execute(
        insert_.on_conflict_do_update(
            index_elements=["registry_id", "name"],
            set_={"value": sealed, "version": passwords_table.c.version + 1, "created_at": now},
        )
    )


def _insert(tx: Transaction) -> Any:
    return postgresql_insert if tx.dialect == "postgresql" else sqlite_insert


def _columns(settings: RegistrySettings) -> dict[str, Any]:
    values = {name: getattr(settings, name) for name in _SETTINGS}
    return {**values, "tier": settings.tier.value, "ip_rules": list(settings.ip_rules)}


def _one(tx: Transaction, condition: sa.ColumnElement[bool]) -> RegistryRow | None:
    found = tx.connection.execute(sa.select(registries).where(condition)).mappings().one_or_none()
    return None if found is None else _row(found)


def _row(found: sa.RowMapping) -> RegistryRow:
    values = {column.name: found[column] for column in registries.columns}
    lists = {name: tuple(values[name]) for name in ("ip_rules", "write_once")}
    return RegistryRow(**{**values, "tier": Tier(values["tier"]), **lists})
