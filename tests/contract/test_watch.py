"""A watch never misses a change, and on SQLite spares looks."""

from __future__ import annotations

from pathlib import Path

from controlplane.persistence import facts
from controlplane.persistence.database import Database
from controlplane.persistence.watch import Watch


def write(database: Database, name: str) -> None:
    with database.write() as tx:
        facts.set_default(tx, name, "x")


def test_each_change_is_told_of(database: Database) -> None:
    watch = Watch(database)
    assert watch.changed()
    for name in "abc":
        write(database, name)
        assert watch.changed()
    watch.close()
    assert watch.changed()
    watch.close()


def test_nothing_is_told_while_nothing_is_written(sqlite_database: Database) -> None:
    sqlite_database.ping()
    watch = Watch(sqlite_database)
    watch.changed()
    with sqlite_database.read() as tx:
        facts.get(tx, "a")
    assert not watch.changed()
    other = Database(sqlite_database.url)
    write(other, "a")
    other.dispose()
    assert watch.changed()
    assert not watch.changed()
    watch.close()


def test_a_database_that_is_away_may_have_changed(tmp_path: Path) -> None:
    watch = Watch(Database(f"sqlite:///{tmp_path}/later/acrctl.db"))
    assert watch.changed()
    assert watch.changed()
