"""The whole service: web, worker, relay and Redis killed at random while registries come and go.

Every accepted operation ends, exactly once, as Succeeded; no resource stays in a non-terminal state; no
accepted operation is lost; nothing is left of what was deleted.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.faults.conftest import Extent
from tests.support import invariants
from tests.support.fire import Fire
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.service import Caller, Service, stop_all
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(1800),
    # urllib3 forgets a socket whose peer was killed in the middle of the TLS handshake.
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
]

_CALLERS = 6


class Crowd:
    """Callers that create and delete registries, each under a name of its own, until it is enough."""

    def __init__(self, service: Service, enough: Callable[[int], bool]) -> None:
        self.callers: list[Caller] = []
        self.faults: list[str] = []
        self._service = service
        self._enough = enough
        self._numbers = itertools.count()

    @property
    def accepted(self) -> set[str]:
        """Operations that the service told somebody of."""
        return {operation for caller in self.callers for operation in caller.accepted}

    def work(self) -> None:
        """Work until ``enough`` is true of the number of operations begun."""
        threads = [threading.Thread(target=self._one) for _ in range(_CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one(self) -> None:
        caller = self._service.caller()
        self.callers.append(caller)
        try:
            while not self._enough(2 * (number := next(self._numbers))):
                self._come_and_go(caller, f"fire{number:05}")
        except Exception as error:  # noqa: BLE001 - told to the test, which runs in another thread
            self.faults.append(repr(error))
        finally:
            caller.close()

    def _come_and_go(self, caller: Caller, name: str) -> None:
        created = caller.create(name)
        deleted = caller.delete(name)
        if (created, deleted) != ("Succeeded", ""):
            self.faults.append(f"{name} was created: {created!r}, deleted: {deleted!r}")


def burn(service: Service, processes: list[Process], extent: Extent) -> None:
    invariants.watch(service.database)
    fire = Fire(processes, extent.seed, lambda: invariants.ended(service.database))
    crowd = Crowd(
        service, lambda begun: begun >= extent.operations and len(fire.killer.kills) >= extent.kills
    )
    for process in processes:
        process.start()
    try:
        service.wait_until_ready()
        fire.during(crowd.work)
        eventually(lambda: invariants.everything_ended(service.database), within=60, what=fire.report())
        print(fire.report())  # noqa: T201 - shown when something below does not hold
        assert crowd.faults == []
        assert invariants.violations(service.database, crowd.accepted) == []
        assert leftovers(service) == {"registries": 0, "operations not Succeeded": 0}
        assert fire.keeper.surprises == []
    finally:
        stop_all(processes)
        service.database.dispose()


def leftovers(service: Service) -> dict[str, object]:
    statements = {
        "registries": "SELECT (SELECT count(*) FROM registries) + "
        "(SELECT count(*) FROM resources WHERE type = 'microsoft.containerregistry/registries')",
        "operations not Succeeded": "SELECT count(*) FROM operations WHERE status <> 'Succeeded'",
    }
    with service.database.read() as tx:
        return {what: tx.connection.execute(sa.text(text)).scalar() for what, text in statements.items()}


def test_the_embedded_profile(sqlite_url: str, tmp_path: Path, extent: Extent) -> None:
    service = Service.prepare(tmp_path, sqlite_url)
    burn(service, [service.process("serve"), service.process("worker")], extent)


def test_postgresql_with_redis(postgres_url: str, redis: RedisServer, tmp_path: Path, extent: Extent) -> None:
    service = Service.prepare(tmp_path, postgres_url, broker_url=redis.url)
    redis.kill()
    names = ("serve", "worker1", "worker2", "relay")
    burn(service, [*map(service.process, names), redis.process], extent)
