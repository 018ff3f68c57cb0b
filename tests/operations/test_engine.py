"""One operation, one engine: steps, checkpoints, failures, retries, cancellation, deadline, shutdown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from controlplane.kernel.catalogue import INTERNAL_ERROR, QUOTA_EXCEEDED
from controlplane.kernel.errors import Failure
from controlplane.kernel.states import OperationStatus
from controlplane.operations import queries
from controlplane.operations.engine import Engine
from controlplane.operations.plans import Plans, StepContext
from controlplane.persistence.database import Database
from controlplane.settings.model import Settings
from tests.support.clocks import ManualClock
from tests.support.jobs import Witness, look, submit

SUCCEEDED, FAILED, CANCELED = OperationStatus.SUCCEEDED, OperationStatus.FAILED, OperationStatus.CANCELED


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def witness() -> Witness:
    return Witness()


def settings(**changes: Any) -> Settings:
    return Settings(state_dir=Path("unused"), **changes)


def engine(database: Database, plans: Plans, clock: ManualClock, **more: Any) -> Engine:
    return Engine(database, plans, clock, settings(), **more)


def fails(kind: Any = QUOTA_EXCEEDED, *, retryable: bool = False, times: int = 1000) -> Any:
    left = [times]

    def action(_: StepContext) -> str:
        if left[0] > 0:
            left[0] -= 1
            raise Failure(kind, type="things", sku="Basic", request_id="r", retryable=retryable)
        return "at last"

    return action


def test_steps_run_in_order_and_end_with_one_completion(
    database: Database, clock: ManualClock, witness: Witness
) -> None:
    def second(ctx: StepContext) -> Any:
        return {"saw": ctx.results["first"], "input": ctx.operation.input["size"]}

    plans = witness.plans(
        witness.step("first"),
        witness.step("second", second),
        result=lambda row, results: {"id": row.resource_id, **results["second"]},
    )
    operation = submit(database, clock=clock, given={"size": 3})
    engine(database, plans, clock).run(operation)
    row = look(database, operation)
    assert (row.status, row.percent, row.attempt) == (SUCCEEDED, 100, 1)
    assert row.checkpoints == {"first": "first", "second": {"saw": "first", "input": 3}}
    assert row.result == {"id": row.resource_id, "saw": "first", "input": 3}
    assert witness.steps == ["first", "second"]
    assert witness.ends == [(operation, SUCCEEDED, None)]


def test_a_plan_without_steps_ends_at_once(
    sqlite_database: Database, clock: ManualClock, witness: Witness
) -> None:
    operation = submit(sqlite_database, clock=clock)
    engine(sqlite_database, witness.plans(), clock).run(operation)
    assert look(sqlite_database, operation).status is SUCCEEDED


def test_a_permanent_failure_ends_the_operation_with_its_error(
    database: Database, clock: ManualClock, witness: Witness
) -> None:
    plans = witness.plans(witness.step("first"), witness.step("bad", fails()), witness.step("never"))
    operation = submit(database, clock=clock)
    engine(database, plans, clock).run(operation)
    row = look(database, operation)
    assert row.status is FAILED
    assert row.error == {
        "code": "QuotaExceeded",
        "message": "Quota exceeded for resource type things for the registry SKU Basic.",
    }
    assert witness.steps == ["first", "bad"]
    assert witness.ends == [(operation, FAILED, "QuotaExceeded")]


def test_a_retryable_failure_shows_and_is_tried_again_where_it_stopped(
    database: Database, clock: ManualClock, witness: Witness
) -> None:
    plans = witness.plans(
        witness.step("first"), witness.step("flaky", fails(INTERNAL_ERROR, retryable=True, times=2))
    )
    runner = engine(database, plans, clock)
    operation = submit(database, clock=clock)
    pauses = []
    for attempt in (1, 2):
        runner.run(operation)
        row = look(database, operation)
        assert (row.status, row.attempt, row.percent) == (OperationStatus.ACCEPTED, attempt, 50)
        assert row.error is not None
        assert row.error["code"] == "InternalServerError"
        pauses.append(row.not_before - clock.now())
        runner.run(operation)  # too early: nothing happens
        assert look(database, operation) == row
        clock.pass_by(pauses[-1].total_seconds())
    assert timedelta(seconds=0.1) <= pauses[0] <= timedelta(seconds=0.2) <= pauses[1]
    runner.run(operation)
    row = look(database, operation)
    assert (row.status, row.attempt, row.error) == (SUCCEEDED, 3, None)
    assert witness.steps == ["first", "flaky", "flaky", "flaky"]


def test_an_unexpected_exception_is_retried_and_its_text_is_kept_from_callers(
    sqlite_database: Database, clock: ManualClock, witness: Witness, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(_: StepContext) -> None:
        raise ZeroDivisionError("inner detail")

    operation = submit(sqlite_database, clock=clock)
    engine(sqlite_database, witness.plans(witness.step("bad", breaks)), clock).run(operation)
    row = look(sqlite_database, operation)
    assert row.status is OperationStatus.ACCEPTED
    assert row.not_before > clock.now()
    assert row.error is not None
    assert "bad" in row.error["message"]
    assert "inner detail" not in row.error["message"]
    assert "inner detail" in caplog.text


def test_an_operation_past_its_deadline_fails_and_says_what_kept_it(
    sqlite_database: Database, clock: ManualClock, witness: Witness
) -> None:
    def lasts(_: StepContext) -> None:
        clock.pass_by(40)

    plans = witness.plans(
        witness.step("flaky", fails(INTERNAL_ERROR, retryable=True, times=1)),
        witness.step("slow", lasts),
        witness.step("never"),
    )
    runner = engine(sqlite_database, plans, clock)
    operation = submit(sqlite_database, clock=clock, deadline=30)
    runner.run(operation)
    clock.pass_by(1)
    runner.run(operation)
    row = look(sqlite_database, operation)
    assert row.status is FAILED
    assert row.error is not None
    assert row.error["code"] == "OperationTimedOut"
    assert row.error["details"][0]["code"] == "InternalServerError"
    assert "never" not in witness.steps


def test_a_retry_is_not_put_off_beyond_the_deadline(
    sqlite_database: Database, clock: ManualClock, witness: Witness
) -> None:
    plans = witness.plans(witness.step("flaky", fails(INTERNAL_ERROR, retryable=True)))
    operation = submit(sqlite_database, clock=clock, deadline=0.05)
    engine(sqlite_database, plans, clock).run(operation)
    row = look(sqlite_database, operation)
    assert row.not_before == row.deadline


def test_a_cancelled_operation_ends_before_its_first_step(
    database: Database, clock: ManualClock, witness: Witness
) -> None:
    operation = submit(database, clock=clock)
    with database.write() as tx:
        assert queries.request_cancel(tx, operation, clock.now()).cancel_requested
    engine(database, witness.plans(witness.step("never")), clock).run(operation)
    row = look(database, operation)
    assert row.status is CANCELED
    assert row.error is not None
    assert row.error["code"] == "OperationCanceled"
    assert witness.steps == []
    assert witness.ends == [(operation, CANCELED, "OperationCanceled")]


@pytest.mark.parametrize("reports", [True, False])
def test_a_running_operation_is_cancelled_at_its_next_report_or_step(
    sqlite_database: Database, clock: ManualClock, witness: Witness, *, reports: bool
) -> None:
    after_report = []

    def cancels(ctx: StepContext) -> None:
        with sqlite_database.write() as tx:
            queries.request_cancel(tx, ctx.operation.id, clock.now())
        if reports:
            ctx.progress(30)
        after_report.append(True)

    plans = witness.plans(witness.step("long", cancels), witness.step("never"))
    operation = submit(sqlite_database, clock=clock)
    engine(sqlite_database, plans, clock).run(operation)
    assert look(sqlite_database, operation).status is CANCELED
    assert after_report == ([] if reports else [True])
    assert witness.steps == ["long"]


def test_cancelling_what_has_ended_or_never_was_is_refused(
    sqlite_database: Database, clock: ManualClock, witness: Witness
) -> None:
    operation = submit(sqlite_database, clock=clock)
    engine(sqlite_database, witness.plans(), clock).run(operation)
    for target, code in ((operation, "OperationNotCancelable"), ("no-such", "OperationNotFound")):
        with pytest.raises(Failure) as refused, sqlite_database.write() as tx:
            queries.request_cancel(tx, target, clock.now())
        assert refused.value.kind.code == code


def test_progress_is_recorded_and_stays_below_the_whole(
    sqlite_database: Database, clock: ManualClock, witness: Witness
) -> None:
    seen = []

    def reports(ctx: StepContext) -> None:
        for percent in (10, 250):
            ctx.progress(percent)
            seen.append(look(sqlite_database, ctx.operation.id).percent)

    operation = submit(sqlite_database, clock=clock)
    engine(sqlite_database, witness.plans(witness.step("one", reports)), clock).run(operation)
    assert seen == [10, 99]


def test_a_step_writes_only_while_its_claim_holds(
    database: Database, clock: ManualClock, witness: Witness
) -> None:
    other = engine(database, witness.plans(witness.step("other")), clock)
    beyond = []

    def slow(ctx: StepContext) -> None:
        with ctx.write() as tx:
            tx.connection.exec_driver_sql("DELETE FROM stamps")
        clock.pass_by(31)  # stalled
        other.run(ctx.operation.id)  # taken over and done
        with ctx.write():
            beyond.append("the fence")

    operation = submit(database, clock=clock)
    engine(database, witness.plans(witness.step("one", slow)), clock).run(operation)
    assert beyond == []
    row = look(database, operation)
    assert (row.status, row.attempt, row.checkpoints) == (SUCCEEDED, 2, {"other": "other"})
    assert len(witness.ends) == 1


def test_a_kind_nobody_here_knows_is_left_to_others(
    sqlite_database: Database, clock: ManualClock, witness: Witness
) -> None:
    operation = submit(sqlite_database, clock=clock, kind="Toy/newer/write")
    before = look(sqlite_database, operation)
    engine(sqlite_database, witness.plans(), clock).run(operation)
    assert look(sqlite_database, operation) == before


def test_a_doorbell_for_nothing_is_ignored(sqlite_database: Database, clock: ManualClock) -> None:
    engine(sqlite_database, Plans(), clock).run("no-such-operation")


def test_a_worker_that_shuts_down_gives_the_operation_back_at_once(
    database: Database, clock: ManualClock, witness: Witness
) -> None:
    stopping = []
    plans = witness.plans(
        witness.step("one", lambda _: stopping.append(True)), witness.step("two", lambda _: "done")
    )
    runner = engine(database, plans, clock, stopping=lambda: bool(stopping))
    operation = submit(database, clock=clock)
    runner.run(operation)
    row = look(database, operation)
    assert (row.status, row.not_before, row.error) == (OperationStatus.ACCEPTED, clock.now(), None)
    assert list(row.checkpoints) == ["one"]
    runner.run(operation)  # claims nothing while it stops
    assert look(database, operation).attempt == 1
    stopping.clear()
    runner.run(operation)
    assert look(database, operation).status is SUCCEEDED
    assert witness.steps == ["one", "two"]


def test_a_completion_that_raises_writes_nothing_and_is_tried_again(
    sqlite_database: Database, clock: ManualClock, witness: Witness
) -> None:
    broken = [True]

    def complete(tx: Any, *rest: Any) -> None:
        tx.connection.exec_driver_sql("INSERT INTO stamps VALUES ('half', 1)")
        if broken:
            raise LookupError("no such resource")
        witness.completed(tx, *rest)

    plan = witness.plans(witness.step("one"))
    plans = Plans({kind: type(p)(p.kind, p.steps, complete) for kind, p in plan.by_kind.items()})
    runner = engine(sqlite_database, plans, clock)
    operation = submit(sqlite_database, clock=clock)
    runner.run(operation)
    assert look(sqlite_database, operation).status is OperationStatus.ACCEPTED
    with sqlite_database.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM stamps").scalar() == 0
    broken.clear()
    clock.pass_by(1)
    runner.run(operation)
    assert look(sqlite_database, operation).status is SUCCEEDED
    assert len(witness.ends) == 1


def test_a_database_that_is_away_leaves_the_operation_to_its_lease(
    tmp_path: Path, clock: ManualClock, witness: Witness
) -> None:
    nowhere = Database(f"sqlite:///{tmp_path}/no/such/folder/acrctl.db")
    engine(nowhere, witness.plans(), clock).run("some-operation")
