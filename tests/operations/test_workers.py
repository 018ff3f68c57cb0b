"""Real worker and relay processes, on both brokers, carrying out a toy plan and being treated badly."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from controlplane.kernel.clock import SystemClock
from controlplane.kernel.states import OperationStatus
from controlplane.operations import queries
from controlplane.persistence.database import Database, DatabaseUnavailableError
from controlplane.persistence.operations import OperationRow
from tests.support.databases import migrated_postgres
from tests.support.jobs import look, submit
from tests.support.postgres import postgres_server
from tests.support.processes import Process, descendants, python
from tests.support.redis_server import RedisServer
from tests.support.toy_service import steps_of
from tests.support.waiting import eventually

MODULE = "tests.support.toy_service"
LEASE = 1.5


@dataclass
class Deployment:
    """A toy service over one database: its state folder and how to start its processes."""

    database: Database
    folder: Path
    env: dict[str, str]
    started: list[Process]

    def start(self, role: str = "worker") -> Process:
        """Start a process of the service and wait until it is ready."""
        (process,) = self.start_all(role)
        return process

    def start_all(self, *roles: str) -> list[Process]:
        """Start processes side by side and wait until all are ready."""
        processes = []
        for role in roles:
            name = f"{role}-{len(self.started)}"
            process = Process(name, python(MODULE, role), self.folder / f"{name}.log", self.env)
            self.started.append(process.start())
            processes.append(process)
        for process in processes:
            process.wait_for("ready")
        return processes

    def ended(self, operation_id: str, within: float = 15) -> OperationRow:
        """Wait for the end of an operation."""

        def row_if_ended() -> OperationRow | None:
            row = look(self.database, operation_id)
            return row if row.status.terminal else None

        def logs() -> str:
            return "\n".join(process.tail(30) for process in self.started)

        try:
            found = eventually(row_if_ended, within=within)
        except AssertionError:
            raise AssertionError(f"{look(self.database, operation_id)}\n{logs()}") from None
        assert found is not None
        return found

    def begun(self, operation_id: str) -> None:
        """Wait until the first step of an operation runs."""
        eventually(lambda: steps_of(self.folder, operation_id), what="a step that begins")


Deploy = Callable[..., Deployment]


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Deploy]:
    made: list[Deployment] = []

    def make(url: str, **settings: object) -> Deployment:
        values = {
            "state_dir": tmp_path,
            "database_url": url,
            "operation_lease": LEASE,
            "sweep_interval": 0.5,
            **settings,
        }
        env = {f"ACRCTL_{name.upper()}": str(value) for name, value in values.items()}
        made.append(Deployment(Database(url), tmp_path, env, []))
        return made[-1]

    yield make
    for deployment in made:
        for process in deployment.started:
            process.kill()
        deployment.database.dispose()


def test_operations_end_soon_after_they_were_accepted(deploy: Deploy, sqlite_url: str) -> None:
    service = deploy(sqlite_url)
    service.start()
    service.ended(submit(service.database, "first"))
    times = []
    for number in range(11):
        row = service.ended(submit(service.database, f"thing{number}"))
        assert row.ended_at is not None
        times.append((row.ended_at - row.created_at).total_seconds())
        assert steps_of(service.folder, row.id) == ["first 1", "second 1"]
    assert statistics.median(times) < 0.3  # 0.02 on a quiet machine


def test_many_operations_do_not_wait_for_each_others_acknowledgement(deploy: Deploy, sqlite_url: str) -> None:
    service = deploy(sqlite_url)
    service.start()
    operations = [submit(service.database, f"thing{number}") for number in range(60)]
    for operation in operations:
        assert service.ended(operation).status is OperationStatus.SUCCEEDED


def test_failures_retries_and_cancellation_through_a_worker(deploy: Deploy, sqlite_url: str) -> None:
    service = deploy(sqlite_url)
    service.start()
    refused = submit(service.database, "a", given={"refused": True})
    flaky = submit(service.database, "b", given={"fails": 2})
    long = submit(service.database, "c", given={"seconds": 60})
    service.begun(long)
    with service.database.write() as tx:
        queries.request_cancel(tx, long, SystemClock().now())
    assert service.ended(refused).status is OperationStatus.FAILED
    assert (service.ended(flaky).status, service.ended(flaky).attempt) == (OperationStatus.SUCCEEDED, 3)
    assert service.ended(long).status is OperationStatus.CANCELED


def test_a_pool_process_that_dies_in_a_step_is_replaced_and_the_step_runs_again(
    deploy: Deploy, sqlite_url: str
) -> None:
    service = deploy(sqlite_url, worker_processes=1)
    service.start()
    operation = submit(service.database, given={"dies": 1})
    row = service.ended(operation)
    assert (row.status, row.attempt) == (OperationStatus.SUCCEEDED, 2)
    assert steps_of(service.folder, operation) == ["first 1", "first 2", "second 2"]


@pytest.mark.parametrize("broker", ["memory", "redis"])
def test_idle_pool_processes_that_die_leave_the_others_working(
    deploy: Deploy, sqlite_url: str, request: pytest.FixtureRequest, broker: str
) -> None:
    if broker == "redis":
        service = deploy(sqlite_url, broker_url=request.getfixturevalue("redis_url"))
        _, worker = service.start_all("relay", "worker")
    else:
        service = deploy(sqlite_url)
        worker = service.start()
    service.ended(submit(service.database, "first"))
    for number in range(4):
        children = descendants(worker.pid)
        os.kill(children[number % len(children)], signal.SIGKILL)
        service.ended(submit(service.database, f"thing{number}"), within=8)
    assert worker.running


def test_a_worker_that_is_killed_in_a_step_is_followed_by_another(deploy: Deploy, sqlite_url: str) -> None:
    service = deploy(sqlite_url)
    first = service.start()
    running = submit(service.database, "a", given={"seconds": 1})
    service.begun(running)
    children = descendants(first.pid)
    os.kill(first.pid, signal.SIGKILL)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), what="no orphans")
    waiting = submit(service.database, "b")
    service.start()
    assert service.ended(waiting, within=3).attempt == 1
    row = service.ended(running)
    assert (row.status, row.attempt) == (OperationStatus.SUCCEEDED, 2)


def test_a_worker_asked_to_end_gives_its_operation_back(deploy: Deploy, sqlite_url: str) -> None:
    service = deploy(sqlite_url, operation_lease=60)
    first = service.start()
    operation = submit(service.database, given={"seconds": 1.5})
    service.begun(operation)
    began = time.monotonic()
    assert first.stop() == 0
    assert time.monotonic() - began < 6
    row = look(service.database, operation)
    assert (row.status, row.attempt) == (OperationStatus.ACCEPTED, 1)
    service.start()
    assert service.ended(operation).attempt == 2


def test_a_relay_of_its_own_has_no_use_for_a_broker_in_memory(tmp_path: Path) -> None:
    env = {**os.environ, "ACRCTL_STATE_DIR": str(tmp_path)}
    ran = subprocess.run(python(MODULE, "relay"), env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "ACRCTL_BROKER_URL" in ran.stderr


def test_relay_and_workers_over_redis_outlive_its_death(
    deploy: Deploy, postgres_url: str, redis: RedisServer
) -> None:
    service = deploy(postgres_url, broker_url=redis.url)
    processes = service.start_all("relay", "worker", "worker")
    assert service.ended(submit(service.database, "before")).status is OperationStatus.SUCCEEDED
    for number in range(2):
        redis.kill()
        while_away = submit(service.database, f"away{number}")
        processes[0].wait_for("cannot publish the outbox")
        redis.start()
        assert service.ended(while_away, within=20).attempt == 1
        assert service.ended(submit(service.database, f"after{number}")).attempt == 1
    assert all(process.running for process in processes)
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(Process.stop, processes)) == [0, 0, 0]


def test_a_worker_that_is_busy_while_redis_dies_goes_on_listening(
    deploy: Deploy, postgres_url: str, redis: RedisServer
) -> None:
    """Its pool is full, so it asks for no message and notices nothing until it acknowledges."""
    service = deploy(postgres_url, broker_url=redis.url, worker_processes=1)
    processes = service.start_all("relay", "worker")
    for number in range(2):
        busy = submit(service.database, f"busy{number}", given={"seconds": 0.5})
        service.begun(busy)
        redis.kill()
        assert service.ended(busy).attempt == 1
        redis.start()
        assert service.ended(submit(service.database, f"after{number}"), within=20).attempt == 1
    assert all(process.running for process in processes)


def test_a_message_that_died_with_redis_is_rung_again(
    deploy: Deploy, postgres_url: str, redis: RedisServer
) -> None:
    service = deploy(postgres_url, broker_url=redis.url)
    relay = service.start("relay")
    operation = submit(service.database)
    eventually(lambda: b"operation" in _queued(redis), what="the message in redis")
    redis.kill()
    redis.start()
    service.start()
    assert service.ended(operation).attempt == 1
    assert relay.running


def _queued(redis: RedisServer) -> bytes:
    command = ["redis-cli", "-p", str(redis.port), "lrange", "provision", "0", "-1"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_worker_and_relay_outlive_the_death_of_the_database(deploy: Deploy) -> None:
    with postgres_server() as server:
        service = deploy(server.url(migrated_postgres(server)))
        worker = service.start()
        children = descendants(worker.pid)
        assert service.ended(submit(service.database, "before")).status is OperationStatus.SUCCEEDED
        running = submit(service.database, "running", given={"seconds": 2})
        service.begun(running)
        server.process.kill()
        worker.wait_for("cannot publish the outbox")
        time.sleep(1.0)  # the span it is away
        server.process.start()
        eventually(lambda: _answers(service.database), within=20, what="the database to be back")
        assert service.ended(running).status is OperationStatus.SUCCEEDED
        assert service.ended(submit(service.database, "after")).status is OperationStatus.SUCCEEDED
        assert worker.running
        assert descendants(worker.pid) == children
        service.database.dispose()


def _answers(database: Database) -> bool:
    try:
        database.ping()
    except DatabaseUnavailableError:
        return False
    return True
