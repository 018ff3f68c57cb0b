"""The audit counts again what is kept incrementally, and tells registries apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from controlplane.domain.scopes import registry_id
from controlplane.persistence import registries
from controlplane.persistence.content_tables import registries as table
from controlplane.persistence.database import Database, Transaction
from controlplane.services.content_audit import Audit
from tests.support.content import Content
from tests.support.distribution import DEFAULTS, SUBSCRIPTION


def two(folder: Path, database: Database) -> tuple[Content, Content]:
    """Two registries, each with an image of its own and one that both have."""
    first = Content.begin(folder, database)
    with database.write() as tx:
        row = registries.insert(tx, registry_id(SUBSCRIPTION, "group", "other").lower(), "other", DEFAULTS)
        assert row is not None
        registries.set_ready(tx, row.id, True)
    second = replace(first, registry=row)
    for number, content in enumerate((first, second)):
        content.push_image("app", [b"both"], "v1")
        content.push_image("app", [b"own %d" % number], "v2")
    return first, second


def stored(tx: Transaction) -> dict[int, int]:
    return {row.id: row.size for row in tx.connection.execute(sa.select(table.c.id, table.c.size))}


def test_registries_are_counted_one_by_one(tmp_path: Path, database: Database) -> None:
    first, _ = two(tmp_path, database)
    assert first.differences() == []


def test_what_is_wrong_is_told_and_counted_again(tmp_path: Path, database: Database) -> None:
    first, second = two(tmp_path, database)
    with database.read() as tx:
        sizes = stored(tx)
    with database.write() as tx:
        tx.connection.execute(sa.update(table).where(table.c.id == second.registry.id).values(size=7))
    assert first.differences() == [
        f"size of registries other: stored 7, counted {sizes[second.registry.id]}",
    ]
    services = first.services
    Audit(services.database, services.blobs, services.clock).run(fix=True)
    with database.read() as tx:
        assert stored(tx) == sizes
