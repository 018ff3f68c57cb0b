"""Statements run by the driver alone mean what SQLAlchemy would make of them, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from controlplane.persistence.content_tables import events, registries
from controlplane.persistence.database import Database, DatabaseUnavailableError, UniqueViolationError
from controlplane.persistence.statements import Statement

NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
INSERT = Statement(sa.insert(registries).returning(registries.c.id))
FIND = Statement(sa.select(registries).where(registries.c.name == sa.bindparam("wanted")).limit(1))
RENAME = Statement(
    sa.update(registries)
    .where(registries.c.name == sa.bindparam("before"))
    .values(name=sa.bindparam("after"))
)
ADD_EVENT = Statement(sa.insert(events))
VALUES = {
    "key": "/a",
    "name": "a",
    "tier": "Basic",
    "admin_enabled": True,
    "anonymous_pull": False,
    "role_assignment_mode": "x",
    "arm_tokens_accepted": True,
    "public_access": True,
    "default_action": "Allow",
    "ip_rules": ["10.0.0.0/8", "é"],
    "size": 2**40,
    "stamp": 0,
    "ready": True,
}


def event(registry: int, number: int, **more: object) -> dict[str, object]:
    columns = {
        "id": str(number),
        "registry_id": registry,
        "action": "push",
        "repository": "app",
        "region": "",
    }
    return {**columns, "request": {"id": number}, "created_at": NOW, "untold_since": None, **more}


@pytest.fixture
def registry(database: Database) -> int:
    with database.write() as tx:
        found = INSERT.first(tx, **VALUES)
    assert found is not None
    return int(found[0])


def test_values_come_back_as_sqlalchemy_gives_them(database: Database, registry: int) -> None:
    with database.write() as tx:
        ADD_EVENT.run_each(tx, [event(registry, 1), event(registry, 2, untold_since=NOW)])
    with database.read() as tx:
        for statement in (sa.select(registries), sa.select(events).order_by(events.c.seq)):
            assert Statement(statement).rows(tx) == [tuple(row) for row in tx.connection.execute(statement)]
        found = FIND.first(tx, wanted="a")
        assert found is not None
        assert (found[0], found[4], found[5], found[10]) == (registry, True, False, ["10.0.0.0/8", "é"])
        assert FIND.first(tx, wanted="b") is None


def test_what_is_run_ends_with_its_transaction(database: Database, registry: int) -> None:
    assert registry

    def fail_half_way() -> None:
        with database.write() as tx:
            RENAME.run(tx, before="a", after="b")
            assert FIND.first(tx, wanted="b") is not None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with database.read() as tx:
        assert FIND.first(tx, wanted="b") is None
    with database.write() as tx:
        RENAME.run(tx, before="a", after="b")
    with database.read() as tx:
        assert FIND.first(tx, wanted="b") is not None


def test_errors_are_those_of_the_database(database: Database, registry: int) -> None:
    with pytest.raises(UniqueViolationError, match=r"name|key"), database.write() as tx:
        INSERT.first(tx, **VALUES)
    with database.read() as tx:
        assert [row[0] for row in Statement(sa.select(registries)).rows(tx)] == [registry]


@pytest.mark.parametrize("given", [{}, {"wanted": "a", "more": 1}, {"wnated": "a"}])
def test_other_parameters_are_refused(database: Database, given: dict[str, object]) -> None:
    with database.read() as tx, pytest.raises((TypeError, KeyError)):
        FIND.first(tx, **given)


def test_a_connection_that_was_lost_is_that(postgres_url: str) -> None:
    database = Database(postgres_url)
    end = Statement(sa.select(sa.func.pg_terminate_backend(sa.func.pg_backend_pid())))
    with pytest.raises(DatabaseUnavailableError), database.write() as tx:
        end.run(tx)
    with database.read() as tx:
        assert FIND.first(tx, wanted="a") is None
    database.dispose()
