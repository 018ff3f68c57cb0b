"""What every database must do with operations: claims, fences, leases, and the sweeper's questions."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from controlplane.kernel.catalogue import CONFLICT
from controlplane.kernel.errors import Failure
from controlplane.kernel.states import OperationStatus
from controlplane.persistence import operations as store
from controlplane.persistence.database import Database
from controlplane.persistence.operations import Ended, OperationRow
from tests.support.clocks import ManualClock
from tests.support.jobs import look, names, submit

LEASE = timedelta(seconds=30)
DONE = Ended(OperationStatus.SUCCEEDED, {"one": 1}, {"answer": 42}, None)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def claim(database: Database, operation_id: str, clock: ManualClock) -> OperationRow | None:
    with database.write() as tx:
        return store.claim(tx, operation_id, clock.now(), LEASE)


def test_an_accepted_operation_is_stored_as_given(database: Database, clock: ManualClock) -> None:
    row = look(database, submit(database, clock=clock, given={"sku": {"name": "Basic"}}))
    assert row.status is OperationStatus.ACCEPTED
    assert (row.attempt, row.percent, row.lease_until, row.ended_at) == (0, 0, None, None)
    assert row.input == {"sku": {"name": "Basic"}}
    assert row.previous is None
    assert row.created_at == row.rung_at == row.not_before == clock.now()
    assert row.deadline == clock.now() + timedelta(seconds=600)


def test_a_resource_has_one_live_operation_and_the_refusal_names_it(database: Database) -> None:
    first = submit(database)
    with pytest.raises(Failure) as refused:
        submit(database)
    assert refused.value.kind is CONFLICT
    assert first in refused.value.message


def test_a_resource_takes_the_next_operation_when_the_first_has_ended(
    database: Database, clock: ManualClock
) -> None:
    first = submit(database, clock=clock)
    with database.write() as tx:
        assert store.complete(tx, first, 0, clock.now(), DONE)
    assert submit(database, clock=clock) != first


def test_many_who_accept_at_once_for_one_resource_get_one_operation(database: Database) -> None:
    start, won, lost = threading.Barrier(8), [], []

    def race() -> None:
        start.wait()
        try:
            won.append(submit(database))
        except Failure as failure:
            lost.append(failure.kind)

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert lost == [CONFLICT] * 7


def test_a_claim_is_exclusive_until_its_lease_runs_out(database: Database, clock: ManualClock) -> None:
    operation = submit(database, clock=clock)
    first = claim(database, operation, clock)
    assert first is not None
    assert (first.status, first.attempt) == (OperationStatus.RUNNING, 1)
    assert first.started_at == clock.now()
    clock.pass_by(29)
    assert claim(database, operation, clock) is None
    clock.pass_by(1)
    second = claim(database, operation, clock)
    assert second is not None
    assert second.attempt == 2
    assert second.started_at == first.started_at


def test_an_operation_waits_for_its_time_and_not_beyond_its_deadline(
    database: Database, clock: ManualClock
) -> None:
    operation = submit(database, clock=clock, deadline=100)
    assert claim(database, operation, clock)
    with database.write() as tx:
        again = clock.now() + timedelta(seconds=50)
        assert store.release(tx, operation, 1, again, {"code": "Later", "message": "later"})
    assert look(database, operation).error == {"code": "Later", "message": "later"}
    assert claim(database, operation, clock) is None
    clock.pass_by(50)
    assert claim(database, operation, clock)
    clock.pass_by(50)
    assert claim(database, operation, clock) is None


def test_nothing_of_a_lost_claim_is_written(database: Database, clock: ManualClock) -> None:
    operation = submit(database, clock=clock)
    claim(database, operation, clock)
    clock.pass_by(31)
    claim(database, operation, clock)
    before = look(database, operation)
    with database.write() as tx:
        assert not store.renew(tx, operation, 1, clock.now() + LEASE, 50)
        assert not store.record(tx, operation, 1, {"one": 1}, 50)
        assert not store.release(tx, operation, 1, clock.now(), None)
        assert not store.complete(tx, operation, 1, clock.now(), DONE)
    assert look(database, operation) == before


def test_what_the_holder_writes_is_kept(database: Database, clock: ManualClock) -> None:
    operation = submit(database, clock=clock)
    claim(database, operation, clock)
    clock.pass_by(10)
    with database.write() as tx:
        assert store.renew(tx, operation, 1, clock.now() + LEASE)
        assert store.record(tx, operation, 1, {"one": {"made": ["a"]}}, 40)
    row = look(database, operation)
    assert row.lease_until == clock.now() + LEASE
    assert (row.checkpoints, row.percent) == ({"one": {"made": ["a"]}}, 40)
    with database.write() as tx:
        assert store.complete(tx, operation, 1, clock.now(), DONE)
    row = look(database, operation)
    assert (row.status, row.percent, row.result) == (OperationStatus.SUCCEEDED, 100, {"answer": 42})
    assert (row.ended_at, row.lease_until) == (clock.now(), None)


def test_an_operation_that_has_ended_never_changes(database: Database, clock: ManualClock) -> None:
    operation = submit(database, clock=clock)
    claim(database, operation, clock)
    with database.write() as tx:
        assert store.any_live(tx)
        store.complete(tx, operation, 1, clock.now(), DONE)
        assert not store.any_live(tx)
    ended = look(database, operation)
    clock.pass_by(100)
    with database.write() as tx:
        assert not store.complete(tx, operation, 1, clock.now(), DONE)
        assert not store.renew(tx, operation, 1, clock.now() + LEASE)
        assert not store.release(tx, operation, 1, clock.now(), None)
        assert not store.request_cancel(tx, operation, clock.now())
        assert not store.stamp_ring(tx, ended, clock.now())
        assert store.claim(tx, operation, clock.now(), LEASE) is None
    assert look(database, operation) == ended


def test_a_request_to_cancel_lets_a_waiting_operation_go_on_at_once(
    database: Database, clock: ManualClock
) -> None:
    operation = submit(database, clock=clock)
    claim(database, operation, clock)
    with database.write() as tx:
        store.release(tx, operation, 1, clock.now() + timedelta(seconds=300), None)
    clock.pass_by(1)
    with database.write() as tx:
        assert store.request_cancel(tx, operation, clock.now())
        assert names(store.due(tx, clock.now(), 10)) == [operation]


def test_an_unanswered_doorbell_is_lost_after_a_while_and_then_half_as_often(
    database: Database, clock: ManualClock
) -> None:
    operation = submit(database, clock=clock)
    rings = []
    for second in range(70):
        with database.write() as tx:
            for row in store.lost(tx, clock.now(), timedelta(seconds=5), 10):
                assert store.stamp_ring(tx, row, clock.now())
                rings.append((row.id, second))
        clock.pass_by(1)
    assert rings == [(operation, second) for second in (5, 10, 20, 40)]


def test_every_doorbell_is_lost_with_its_broker_but_not_what_somebody_holds(
    database: Database, clock: ManualClock
) -> None:
    waiting, held = submit(database, "a", clock=clock), submit(database, "b", clock=clock)
    claim(database, held, clock)
    with database.read() as tx:
        assert names(store.lost(tx, clock.now(), None, 10)) == [waiting]


def test_an_expired_lease_is_found_without_delay(database: Database, clock: ManualClock) -> None:
    operation = submit(database, clock=clock)
    for _ in range(4):
        claim(database, operation, clock)
        clock.pass_by(29)
        with database.read() as tx:
            assert names(store.lost(tx, clock.now(), timedelta(seconds=5), 10)) == []
        clock.pass_by(1)
        with database.write() as tx:
            found = store.lost(tx, clock.now(), timedelta(seconds=5), 10)
            assert names(found) == [operation]
            assert store.stamp_ring(tx, found[0], clock.now())


def test_a_retry_is_due_once(database: Database, clock: ManualClock) -> None:
    operation = submit(database, clock=clock)
    claim(database, operation, clock)
    with database.write() as tx:
        store.release(tx, operation, 1, clock.now() + timedelta(seconds=2), None)
        assert names(store.due(tx, clock.now(), 10)) == []
    clock.pass_by(2)
    with database.write() as tx:
        (row,) = store.due(tx, clock.now(), 10)
        assert store.stamp_ring(tx, row, clock.now())
        assert not store.stamp_ring(tx, row, clock.now())
        assert names(store.due(tx, clock.now(), 10)) == []


def test_overdue_operations_are_found_whatever_their_state(database: Database, clock: ManualClock) -> None:
    short = submit(database, "a", clock=clock, deadline=5)
    held = submit(database, "b", clock=clock, deadline=6)
    submit(database, "c", clock=clock, deadline=60)
    claim(database, held, clock)
    clock.pass_by(6)
    with database.read() as tx:
        assert names(store.overdue(tx, clock.now(), 10)) == [short, held]
        assert names(store.overdue(tx, clock.now(), 1)) == [short]


def test_the_sweepers_questions_read_the_index_of_live_operations_only(
    sqlite_database: Database, clock: ManualClock
) -> None:
    seen: list[str] = []
    with sqlite_database.read() as tx:
        tx.connection.connection.driver_connection.set_trace_callback(seen.append)  # type: ignore[union-attr]
        store.lost(tx, clock.now(), LEASE, 10)
        store.due(tx, clock.now(), 10)
        store.overdue(tx, clock.now(), 10)
        tx.connection.connection.driver_connection.set_trace_callback(None)  # type: ignore[union-attr]
        asked = [text for text in seen if text.startswith("SELECT")]
        assert len(asked) == 3
        for text in asked:
            plan = tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
            assert any("uq_operations_live" in str(row) for row in plan), plan
