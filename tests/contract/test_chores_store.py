"""What every database must do with chores."""

from __future__ import annotations

from datetime import timedelta

from controlplane.persistence import chores
from controlplane.persistence.chores import ChoreRow, Rest
from controlplane.persistence.database import Database
from tests.support.clocks import ManualClock

LEASE = timedelta(seconds=30)
PATIENCE = timedelta(seconds=5)


def claim(database: Database, clock: ManualClock, name: str = "sweep") -> ChoreRow | None:
    with database.write() as tx:
        return chores.claim(tx, name, clock.now(), LEASE)


def due(database: Database, clock: ManualClock, patience: timedelta | None = PATIENCE) -> list[str]:
    with database.read() as tx:
        return [row.name for row in chores.due(tx, clock.now(), patience)]


def test_a_chore_is_added_once_and_is_due_when_its_time_comes(database: Database) -> None:
    clock = ManualClock()
    with database.write() as tx:
        chores.add(tx, "sweep", clock.now() + timedelta(seconds=10))
        chores.add(tx, "sweep", clock.now())
    assert due(database, clock) == []
    assert claim(database, clock) is None
    clock.pass_by(10)
    assert due(database, clock) == ["sweep"]


def test_one_of_two_gets_it_and_whoever_is_too_late_writes_nothing(database: Database) -> None:
    clock = ManualClock()
    with database.write() as tx:
        chores.add(tx, "sweep", clock.now())
    first = claim(database, clock)
    assert first is not None
    assert claim(database, clock) is None
    with database.write() as tx:
        assert chores.record(tx, first, {"after": 1}, clock.now() + LEASE)
    clock.pass_by(30)
    second = claim(database, clock)
    assert second is not None
    assert (second.attempt, second.state) == (2, {"after": 1})
    with database.write() as tx:
        assert not chores.record(tx, first, {"after": 0}, clock.now() + LEASE)
        assert not chores.renew(tx, first, clock.now() + LEASE)
        assert not chores.leave(tx, first, Rest(clock.now()))
        assert chores.leave(tx, second, Rest(clock.now() + LEASE, ended_at=clock.now()))
        assert not chores.record(tx, second, {}, clock.now() + LEASE)  # it has been left
    with database.read() as tx:
        (row,) = chores.known(tx)
    assert (row.state, row.lease_until, row.ended_at, row.error) == ({"after": 1}, None, clock.now(), None)


def test_a_worker_is_asked_once_until_patience_is_over(database: Database) -> None:
    clock = ManualClock()
    with database.write() as tx:
        chores.add(tx, "sweep", clock.now())
        (row,) = chores.due(tx, clock.now(), PATIENCE)
        assert chores.stamp_ring(tx, row, clock.now())
        assert not chores.stamp_ring(tx, row, clock.now())
    assert due(database, clock) == []
    assert due(database, clock, None) == ["sweep"]
    clock.pass_by(5)
    assert due(database, clock) == ["sweep"]
    assert claim(database, clock) is not None
    assert due(database, clock, None) == []


def test_a_failure_is_kept_until_the_next_end(database: Database) -> None:
    clock = ManualClock()
    with database.write() as tx:
        chores.add(tx, "sweep", clock.now())
    for error in ("it broke", None):
        row = claim(database, clock)
        assert row is not None
        with database.write() as tx:
            assert chores.leave(tx, row, Rest(clock.now(), error=error))
            assert [one.error for one in chores.known(tx)] == [error]


def test_a_chore_that_is_hastened_is_due_now(database: Database) -> None:
    clock = ManualClock()
    with database.write() as tx:
        chores.add(tx, "sweep", clock.now() + LEASE)
        chores.hasten(tx, ["sweep"], clock.now())
    assert due(database, clock) == ["sweep"]
