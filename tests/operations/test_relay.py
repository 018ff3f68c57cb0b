"""The relay never loses a message and outlives brokers and databases."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import event

from controlplane.kernel.clock import SystemClock
from controlplane.operations.pauses import Backoff
from controlplane.operations.plans import Plans
from controlplane.operations.relay import Errand, Relay, RelayLoop
from controlplane.operations.sweeper import Sweeper
from controlplane.persistence.database import Database
from controlplane.persistence.watch import Watch
from controlplane.settings.model import Settings
from tests.support.jobs import doorbells, submit
from tests.support.waiting import eventually


class Broker:
    """A broker that can be away, or go away after some messages."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.tries = 0
        self.accepts = 1000

    def publish(self, topic: str, payload: Mapping[str, Any]) -> None:
        self.tries += 1
        if self.accepts <= 0:
            raise ConnectionError("broker is away")
        self.accepts -= 1
        self.got.append(f"{topic} {payload['id']}")


def loop_over(database: Database, broker: Broker, **settings: Any) -> RelayLoop:
    chosen = Settings(state_dir=Path("unused"), relay_interval=0.005, **settings)
    sweeper = Sweeper(database, Plans(), SystemClock(), patience=chosen.sweep_interval)
    return RelayLoop(Relay(database, broker.publish), sweeper, chosen)


def test_messages_go_out_in_order_and_once(database: Database) -> None:
    broker = Broker()
    operations = [submit(database, f"thing{number}") for number in range(120)]
    relay = Relay(database, broker.publish)
    assert [relay.pass_once() for _ in range(3)] == [100, 20, 0]
    assert broker.got == [f"operations {one}" for one in operations]


def test_what_a_failing_broker_did_not_take_stays(database: Database) -> None:
    broker = Broker()
    broker.accepts = 2
    operations = [submit(database, f"thing{number}") for number in range(5)]
    loop_over(database, broker).round()
    assert broker.got == [f"operations {one}" for one in operations[:2]]
    assert doorbells(database) == operations[2:]


def test_while_the_broker_is_away_the_relay_backs_off_and_the_outbox_does_not_grow(
    database: Database,
) -> None:
    broker = Broker()
    broker.accepts = 0
    operation = submit(database)
    loop = loop_over(database, broker, sweep_interval=0.01)
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,))
    thread.start()
    time.sleep(1.0)  # the span that is measured
    away = broker.tries
    broker.accepts = 1000
    try:
        eventually(lambda: broker.got and doorbells(database) == [])
    finally:
        stop.set()
        thread.join()
    assert 2 <= away <= 10
    assert f"operations {operation}" in broker.got


def test_the_loop_outlives_a_database_that_is_away(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    broker = Broker()
    loop = loop_over(Database(f"sqlite:///{folder}/acrctl.db"), broker)
    for _ in range(5):
        assert loop.round() > 0
    assert broker.tries == 0


def test_pauses_grow_to_a_cap_and_start_over() -> None:
    backoff = Backoff(first=1, longest=5, spread=lambda: 1.0)
    assert [backoff.after_failure() for _ in range(5)] == [1, 2, 4, 5, 5]
    assert backoff.after_success()
    assert not backoff.after_success()
    assert Backoff(first=1, spread=lambda: 0.0).after_failure() == 0.5


def test_an_errand_pauses_after_a_failure() -> None:
    calls: list[int] = []

    def work() -> int:
        calls.append(1)
        raise OSError("away")

    errand = Errand(work, "do it")
    for _ in range(50):
        errand.attempt()
    assert len(calls) == 1
    assert errand.failing


def test_nothing_is_looked_for_while_nothing_is_written(sqlite_database: Database) -> None:
    broker = Broker()
    watch = Watch(sqlite_database)
    asked: list[str] = []
    event.listen(
        sqlite_database.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: asked.append(statement),
    )
    chosen = Settings(state_dir=Path("unused"), sweep_interval=3600)
    sweeper = Sweeper(sqlite_database, Plans(), SystemClock(), patience=5)
    loop = RelayLoop(Relay(sqlite_database, broker.publish), sweeper, chosen, changed=watch.changed)
    for _ in range(2):  # the first time, what the database's first connection wrote is looked at
        asked.clear()
        end = time.monotonic() + 0.3  # longer than the pause between looks for what is due
        while time.monotonic() < end:
            loop.round()
    assert asked == []
    other = Database(sqlite_database.url)
    operation = submit(other, "thing")
    other.dispose()
    loop.round()
    assert broker.got == [f"operations {operation}"]
    watch.close()


def test_a_ring_that_fails_does_not_keep_the_others(sqlite_database: Database) -> None:
    rung: list[bool] = []

    def breaks(*, every: bool = False) -> int:
        raise LookupError(str(every))

    def rings(*, every: bool = False) -> int:
        rung.append(every)
        return 1

    sweeper = Sweeper(sqlite_database, Plans(), SystemClock(), patience=5)
    chosen = Settings(state_dir=Path("unused"))
    loop = RelayLoop(
        Relay(sqlite_database, Broker().publish),
        sweeper,
        chosen,
        fresh_broker=True,
        rings={"a": breaks, "b": rings},
    )

    def seen_twice() -> bool:
        loop.round()
        return len(rung) == 2

    eventually(seen_twice)
    assert rung == [True, False]  # what was rung before a broker started is lost once
