"""Several engines and sweepers at once, in threads of their own: leases, fences, one completion."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Any

from controlplane.kernel.clock import SystemClock
from controlplane.kernel.states import OperationStatus
from controlplane.operations.engine import Engine
from controlplane.operations.plans import Plans, StepContext
from controlplane.operations.sweeper import Sweeper
from controlplane.persistence.database import Database
from controlplane.settings.model import Settings
from tests.support.jobs import Witness, look, submit


def engine(database: Database, plans: Plans, lease: float) -> Engine:
    return Engine(database, plans, SystemClock(), Settings(state_dir=Path("unused"), operation_lease=lease))


def together(count: int, work: Any) -> None:
    start = threading.Barrier(count)

    def one(number: int) -> None:
        start.wait()
        work(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_one_of_many_workers_that_hear_a_doorbell_does_the_work(database: Database) -> None:
    witness = Witness()
    runner = engine(database, witness.plans(witness.step("one"), witness.step("two")), 30)
    operations = [submit(database, f"thing{number}") for number in range(5)]

    def hear(_: int) -> None:
        for operation in operations:
            runner.run(operation)

    together(6, hear)
    assert sorted(witness.ends) == sorted((one, OperationStatus.SUCCEEDED, None) for one in operations)
    assert len(witness.steps) == 10


def test_a_long_step_keeps_its_lease(database: Database) -> None:
    witness = Witness()
    began, enough = threading.Event(), threading.Event()

    def long(_: StepContext) -> None:
        began.set()
        enough.wait(10)

    runner = engine(database, witness.plans(witness.step("long", long)), 0.3)
    operation = submit(database)
    worker = threading.Thread(target=runner.run, args=(operation,))
    worker.start()
    began.wait(10)
    end = time.monotonic() + 1.0  # more than three leases
    while time.monotonic() < end:
        runner.run(operation)
        time.sleep(0.05)
    enough.set()
    worker.join()
    assert look(database, operation).attempt == 1
    assert witness.steps == ["long"]


def test_stalling_workers_that_take_over_from_each_other_complete_once(database: Database) -> None:
    """Claims run out under their holders' hands; whatever they believe, one of them completes."""
    witness = Witness()
    chance = random.Random(7)

    def stalls(_: StepContext) -> None:
        time.sleep(chance.uniform(0, 0.06))

    plans = witness.plans(witness.step("one", stalls), witness.step("two", stalls))
    sweeper = Sweeper(database, plans, SystemClock(), patience=0)
    operations = [submit(database, f"thing{number}", deadline=60) for number in range(4)]

    def hear(number: int) -> None:
        runner = engine(database, plans, 0.02)  # a third of it between heartbeats: too late at times
        end = time.monotonic() + 20
        while time.monotonic() < end:
            left = [one for one in operations if not look(database, one).status.terminal]
            if not left:
                return
            runner.run(chance.choice(left))
            if number == 0:
                sweeper.end_overdue()

    together(4, hear)
    assert sorted(one for one, _, _ in witness.ends) == sorted(operations)


def test_a_worker_and_a_sweeper_that_end_an_operation_at_once_end_it_once(database: Database) -> None:
    witness = Witness()
    plans = witness.plans(witness.step("long", lambda _: time.sleep(0.1)))
    runner = engine(database, plans, 30)
    sweeper = Sweeper(database, plans, SystemClock(), patience=1)
    operations = [submit(database, f"thing{number}", deadline=0.1) for number in range(8)]

    def race(number: int) -> None:
        if number < 4:
            runner.run(operations[number])
            runner.run(operations[number + 4])
            return
        end = time.monotonic() + 1
        while time.monotonic() < end:
            sweeper.end_overdue()

    together(6, race)
    assert sorted(one for one, _, _ in witness.ends) == sorted(operations)
    for operation in operations:
        status = look(database, operation).status
        assert (operation, status) in [(one, ended) for one, ended, _ in witness.ends]
