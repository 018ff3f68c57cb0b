"""The engine alone, with a toy plan: workers, relay and Redis killed at random. Every operation ends once."""

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
from tests.support.waiting import eventually

pytestmark = pytest.mark.faults


def toy(name: str, folder: Path, url: str, **settings: object) -> Process:
    role = name.rstrip("12")
    values = {
        "state_dir": folder, "database_url": url, "operation_lease": 1.0, "sweep_interval": 0.5, **settings,
    }  # fmt: skip
    env = {f"ACRCTL_{name.upper()}": str(value) for name, value in values.items()}
    return Process(name, python("tests.support.toy_service", role), folder / f"{name}.log", env)


def burn(database: Database, processes: list[Process], extent: Extent) -> None:
    invariants.watch(database)
    fire = Fire(processes, extent.seed)
    accepted: list[str] = []

    def work() -> None:
        accepted.extend(
            submit(database, f"thing{number}", given={"seconds": number % 4 * 0.2})
            for number in range(extent.operations)
        )
        eventually(
            lambda: invariants.everything_ended(database),
            within=120,
            every=0.2,
            what=f"an end\n{fire.report()}",
        )

    for process in processes:
        process.start()
    try:
        fire.during(work)
        found = invariants.violations(database, accepted)
        assert found == [], fire.report()
        assert fire.keeper.surprises == [], fire.report()
        assert {look(database, one).status for one in accepted} == {OperationStatus.SUCCEEDED}
    finally:
        for process in processes:
            process.kill()


def test_the_embedded_profile(
    sqlite_database: Database, sqlite_url: str, tmp_path: Path, extent: Extent
) -> None:
    burn(sqlite_database, [toy("worker", tmp_path, sqlite_url)], extent)


def test_postgresql_and_redis(postgres_url: str, redis: RedisServer, tmp_path: Path, extent: Extent) -> None:
    database = Database(postgres_url)
    servers = [
        toy(role, tmp_path, postgres_url, broker_url=redis.url) for role in ("worker1", "worker2", "relay")
    ]
    redis.kill()
    burn(database, [*servers, redis.process], extent)
    database.dispose()
