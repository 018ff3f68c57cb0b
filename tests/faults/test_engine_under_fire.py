"""The engine alone, with a plan whose steps take their time, so that most kills hit one half way."""

from __future__ import annotations

from pathlib import Path

import pytest

from controlplane.kernel.states import OperationStatus
from controlplane.persistence.database import Database
from tests.faults.conftest import Extent
from tests.support import invariants
from tests.support.fire import Fire
from tests.support.jobs import look, submit
from tests.support.processes import Process, python
from tests.support.redis_server import RedisServer
from tests.support.service import stop_all
from tests.support.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


def toy(name: str, folder: Path, url: str, **settings: object) -> Process:
    """Return a process of the toy service, not started."""
    values = {
        "state_dir": folder, "database_url": url, "operation_lease": 1.0, "sweep_interval": 0.5, **settings,
    }  # fmt: skip
    env = {f"ACRCTL_{key.upper()}": str(value) for key, value in values.items()}
    command = python("tests.support.toy_service", name.rstrip("0123456789"))
    return Process(name, command, folder / f"{name}.log", env)


def burn(database: Database, processes: list[Process], extent: Extent) -> None:
    invariants.watch(database)
    fire = Fire(processes, extent.seed, lambda: invariants.ended(database))
    accepted: list[str] = []

    def work() -> None:
        accepted.extend(
            submit(database, f"thing{number}", given={"seconds": number % 4 * 0.2})
            for number in range(extent.operations // 4)
        )
        eventually(lambda: invariants.everything_ended(database), within=600, every=0.2, what="an end")

    for process in processes:
        process.start()
    try:
        fire.during(work)
        print(fire.report())  # noqa: T201 - shown when something below does not hold
        assert invariants.violations(database, accepted) == []
        assert {look(database, one).status for one in accepted} == {OperationStatus.SUCCEEDED}
        assert fire.keeper.surprises == []
    finally:
        stop_all(processes)


def test_the_embedded_profile(
    sqlite_database: Database, sqlite_url: str, tmp_path: Path, extent: Extent
) -> None:
    burn(sqlite_database, [toy("worker", tmp_path, sqlite_url)], extent)


def test_postgresql_with_redis(postgres_url: str, redis: RedisServer, tmp_path: Path, extent: Extent) -> None:
    database = Database(postgres_url)
    names = ("worker1", "worker2", "relay")
    servers = [toy(name, tmp_path, postgres_url, broker_url=redis.url) for name in names]
    redis.kill()
    burn(database, [*servers, redis.process], extent)
    database.dispose()
