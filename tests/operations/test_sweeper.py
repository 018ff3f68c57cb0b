"""What the sweeper repairs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.kernel.states import OperationStatus
from controlplane.operations import queries
from controlplane.operations.plans import Plan, Plans
from controlplane.operations.sweeper import Sweeper
from controlplane.persistence import operations as store
from controlplane.persistence import outbox
from controlplane.persistence.database import Database
from tests.support.clocks import ManualClock
from tests.support.jobs import KIND, Witness, doorbells, empty_outbox, look, submit

LEASE = timedelta(seconds=30)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def sweeper(database: Database, plans: Plans, clock: ManualClock) -> Sweeper:
    return Sweeper(database, plans, clock, patience=5)


def claim(database: Database, operation: str, clock: ManualClock) -> None:
    with database.write() as tx:
        assert store.claim(tx, operation, clock.now(), LEASE)


def test_a_lost_doorbell_is_rung_again_once(database: Database, clock: ManualClock) -> None:
    operation = submit(database, clock=clock)
    broom = sweeper(database, Witness().plans(queue="import"), clock)
    empty_outbox(database)
    assert broom.ring_lost() == 0
    clock.pass_by(5)
    assert (broom.ring_lost(), broom.ring_lost()) == (1, 0)
    with database.read() as tx:
        (row,) = outbox.take(tx, 10)
    assert (row.topic, row.payload) == ("operations", {"id": operation, "queue": "import"})


def test_an_operation_whose_worker_died_is_rung_again(database: Database, clock: ManualClock) -> None:
    operation = submit(database, clock=clock)
    claim(database, operation, clock)
    empty_outbox(database)
    broom = sweeper(database, Witness().plans(), clock)
    clock.pass_by(29)
    assert broom.ring_lost() == 0
    clock.pass_by(1)
    assert broom.ring_lost() == 1
    assert doorbells(database) == [operation]


def test_an_empty_broker_is_told_of_everything_that_waits(database: Database, clock: ManualClock) -> None:
    operations = [submit(database, name, clock=clock) for name in "abc"]
    empty_outbox(database)
    assert sweeper(database, Witness().plans(), clock).ring_lost(every=True) == 3
    assert sorted(doorbells(database)) == sorted(operations)


def test_a_pause_that_is_over_is_rung_for(database: Database, clock: ManualClock) -> None:
    operation = submit(database, clock=clock)
    claim(database, operation, clock)
    with database.write() as tx:
        store.release(tx, operation, 1, clock.now() + timedelta(seconds=2), None)
    empty_outbox(database)
    broom = sweeper(database, Witness().plans(), clock)
    assert broom.ring_due() == 0
    clock.pass_by(2)
    assert (broom.ring_due(), broom.ring_due()) == (1, 0)
    assert doorbells(database) == [operation]


def test_a_cancelled_operation_that_waits_is_rung_for_at_once(database: Database, clock: ManualClock) -> None:
    operation = submit(database, clock=clock)
    empty_outbox(database)
    clock.pass_by(1)
    with database.write() as tx:
        queries.request_cancel(tx, operation, clock.now())
    assert sweeper(database, Witness().plans(), clock).ring_due() == 1


@pytest.mark.parametrize("held", [True, False])
def test_past_its_deadline_an_operation_fails_with_its_resource(
    database: Database, clock: ManualClock, *, held: bool
) -> None:
    witness = Witness()
    operation = submit(database, clock=clock, deadline=10)
    if held:
        claim(database, operation, clock)
    broom = sweeper(database, witness.plans(), clock)
    clock.pass_by(9)
    assert broom.end_overdue() == 0
    clock.pass_by(1)
    assert (broom.end_overdue(), broom.end_overdue()) == (1, 0)
    row = look(database, operation)
    assert row.status is OperationStatus.FAILED
    assert row.error is not None
    assert row.error["code"] == "OperationTimedOut"
    assert "10 s" in row.error["message"]
    assert witness.ends == [(operation, OperationStatus.FAILED, "OperationTimedOut")]


def test_one_that_cannot_be_ended_does_not_keep_the_others(
    sqlite_database: Database, clock: ManualClock
) -> None:
    def refuses(*_: Any) -> None:
        raise LookupError("broken")

    witness = Witness()
    plans = Plans({**witness.plans().by_kind, "Toy/broken/write": Plan("Toy/broken/write", (), refuses)})
    broken = submit(sqlite_database, "a", kind="Toy/broken/write", clock=clock, deadline=5)
    unknown = submit(sqlite_database, "b", kind="Toy/newer/write", clock=clock, deadline=6)
    good = submit(sqlite_database, "c", kind=KIND, clock=clock, deadline=7)
    clock.pass_by(10)
    assert sweeper(sqlite_database, plans, clock).end_overdue() == 1
    assert look(sqlite_database, good).status is OperationStatus.FAILED
    for left in (broken, unknown):
        assert not look(sqlite_database, left).status.terminal
