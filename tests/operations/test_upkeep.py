"""Chores: done by one process at a time, from where the last one left off."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from controlplane.persistence import chores as store
from controlplane.persistence import outbox
from controlplane.persistence.chores import ChoreRow
from controlplane.persistence.database import Database, DatabaseUnavailableError
from controlplane.services.graph import Services
from controlplane.services.upkeep import TOPIC, Chore, Upkeep
from controlplane.settings.model import Settings
from tests.support.clocks import ManualClock
from tests.support.distribution import services_over
from tests.support.waiting import eventually


@dataclass
class Counting:
    """A chore that counts to a number, and can be told to stumble on its way."""

    until: int = 3
    stumbles: list[Exception] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    between: Callable[[], None] = lambda: None

    def step(self, _services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        at = int(state.get("at", 0))
        self.seen.append(at)
        self.between()
        if self.stumbles:
            raise self.stumbles.pop()
        return ({"at": at + 1}, True) if at + 1 < self.until else ({}, False)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def services(tmp_path: Path, sqlite_database: Database, clock: ManualClock) -> Services:
    settings = Settings(state_dir=tmp_path / "state", operation_lease=30)
    return services_over(sqlite_database, settings, clock)


def upkeep_of(services: Services, counting: Counting, every: float = 60) -> Upkeep:
    return Upkeep(services, [Chore("count", every, counting.step)])


def look(services: Services) -> ChoreRow:
    with services.database.read() as tx:
        (row,) = store.known(tx)
    return row


def messages(services: Services) -> list[tuple[str, object]]:
    with services.database.write() as tx:
        rows = outbox.take(tx, 10)
        outbox.delete(tx, [row.id for row in rows])
    return [(row.topic, row.payload["name"]) for row in rows]


def test_what_is_due_is_rung_for_and_done_in_steps(services: Services, clock: ManualClock) -> None:
    counting = Counting()
    upkeep = upkeep_of(services, counting)
    assert upkeep.ring() == 0
    clock.pass_by(66)
    assert (upkeep.ring(), upkeep.ring()) == (1, 0)
    assert messages(services) == [(TOPIC, "count")]
    assert upkeep.run("count")
    assert counting.seen == [0, 1, 2]
    row = look(services)
    assert (row.state, row.ended_at, row.error) == ({}, clock.now(), None)
    assert 54 <= (row.due_at - clock.now()).total_seconds() <= 66
    assert not upkeep.run("count")  # a message that comes twice
    assert counting.seen == [0, 1, 2]


def test_a_message_that_nobody_answers_is_sent_again(services: Services, clock: ManualClock) -> None:
    upkeep = upkeep_of(services, Counting())
    upkeep.announce()
    clock.pass_by(66)
    upkeep.ring()
    assert upkeep.ring(every=True) == 1
    clock.pass_by(6)
    assert upkeep.ring() == 1


def test_who_is_asked_to_end_leaves_the_rest_to_another(services: Services, clock: ManualClock) -> None:
    counting = Counting()
    upkeep = upkeep_of(services, counting)
    upkeep.announce()
    clock.pass_by(66)
    assert not upkeep.run("count", lambda: len(counting.seen) >= 2)
    assert look(services).state == {"at": 2}
    assert messages(services) == [(TOPIC, "count")]
    assert upkeep.run("count")
    assert counting.seen == [0, 1, 2]


def test_a_failure_is_kept_and_the_chore_goes_on_from_the_same_state(
    services: Services, clock: ManualClock
) -> None:
    counting = Counting()
    upkeep = upkeep_of(services, counting)
    upkeep.announce()
    clock.pass_by(66)
    counting.between = lambda: counting.stumbles.append(OSError("full")) if counting.seen == [0, 1] else None
    assert not upkeep.run("count")
    row = look(services)
    assert (row.state, row.error, row.lease_until) == ({"at": 1}, "OSError: full", None)
    assert not upkeep.run("count")
    clock.pass_by(60)
    assert upkeep.run("count")
    assert counting.seen == [0, 1, 1, 2]
    assert look(services).error is None


def test_a_dead_process_loses_it_to_the_next(services: Services, clock: ManualClock) -> None:
    counting = Counting()
    upkeep = upkeep_of(services, counting)
    upkeep.announce()
    clock.pass_by(66)
    counting.stumbles = [DatabaseUnavailableError("as if it had died")]
    with pytest.raises(DatabaseUnavailableError):
        upkeep.run("count")
    assert not upkeep.run("count")
    assert upkeep.ring(every=True) == 0
    clock.pass_by(30)
    assert upkeep.ring() == 1
    assert upkeep.run("count")


def test_one_that_stalled_for_longer_than_its_lease_writes_nothing(
    services: Services, clock: ManualClock
) -> None:
    stalled, other = Counting(), Counting(until=1)
    upkeep = upkeep_of(services, stalled)
    upkeep.announce()
    clock.pass_by(66)

    def stall() -> None:
        clock.pass_by(31)
        assert upkeep_of(services, other).run("count")

    stalled.between = stall
    assert not upkeep.run("count")
    assert (stalled.seen, other.seen) == ([0], [0])
    assert look(services).state == {}


def test_the_lease_is_renewed_during_a_long_step(
    tmp_path: Path, sqlite_database: Database, clock: ManualClock
) -> None:
    settings = Settings(state_dir=tmp_path / "state", operation_lease=0.3)
    services = services_over(sqlite_database, settings, clock)
    go_on = threading.Event()
    counting = Counting(until=1, between=lambda: go_on.wait(10))  # type: ignore[arg-type]
    upkeep = upkeep_of(services, counting)
    upkeep.announce()
    clock.pass_by(66)
    thread = threading.Thread(target=upkeep.run, args=("count",))
    thread.start()
    eventually(lambda: counting.seen)
    until = look(services).lease_until
    clock.pass_by(0.25)
    eventually(lambda: look(services).lease_until != until)
    go_on.set()
    thread.join()
    assert look(services).ended_at is not None


def test_a_chore_is_done_by_hand_to_its_end_unless_another_process_has_it(
    services: Services, clock: ManualClock
) -> None:
    counting = Counting()
    upkeep = upkeep_of(services, counting)
    row = upkeep.finish("count")
    assert row is not None
    assert (row.ended_at, counting.seen) == (clock.now(), [0, 1, 2])
    with services.database.write() as tx:
        store.hasten(tx, ["count"], clock.now())
        assert store.claim(tx, "count", clock.now(), upkeep._lease)  # noqa: SLF001 - as another process
    assert upkeep.finish("count") is None
    with pytest.raises(KeyError):
        upkeep.finish("unknown")
