"""A hundred service principals want one registry name at the same moment, through real processes."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.support import invariants
from tests.support.service import GROUPS, REGISTRY, Caller, Service, stop_all
from tests.support.waiting import eventually

pytestmark = pytest.mark.faults

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
_CALLERS = 100
_GROUPS = 10
_BODY = {"location": "eastus", "sku": {"name": "Basic"}}


def hire(service: Service) -> list[Caller]:
    """Make the callers, each signed in, and the groups they write into."""
    owner = service.caller()
    for number in range(_GROUPS):
        path = f"/subscriptions/{service.owner.subscription_id}/resourceGroups/group{number}"
        assert owner.call("PUT", path, {"location": "eastus"}, version=GROUPS).ok
    callers = [service.another_caller(f"caller{number}") for number in range(_CALLERS)]
    for caller in callers:
        owner.let(caller, CONTRIBUTOR)
    owner.close()
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lambda caller: caller.call("GET", caller.group, version=GROUPS).ok, callers))
    return callers


def race(callers: list[Caller]) -> list[requests.Response]:
    """Have all of them create the registry at once, ten in each group."""
    start = threading.Barrier(len(callers))

    def want(number: int) -> requests.Response:
        caller = callers[number]
        group = (
            f"/subscriptions/{caller.service.owner.subscription_id}/resourceGroups/group{number % _GROUPS}"
        )
        start.wait()
        return caller.call("PUT", caller.registry("wanted", group), _BODY)

    with ThreadPoolExecutor(len(callers)) as pool:
        return list(pool.map(want, range(len(callers))))


def test_one_of_a_hundred_callers_gets_the_name(database_url: str, tmp_path: Path) -> None:
    service = Service.prepare(tmp_path, database_url)
    invariants.watch(service.database)
    processes = [service.process("serve").start(), service.process("worker").start()]
    callers: list[Caller] = []
    try:
        service.wait_until_ready()
        callers = hire(service)
        answers = race(callers)
        eventually(lambda: invariants.everything_ended(service.database), within=30, what="the end")
        codes = Counter(
            (answer.status_code, "" if answer.ok else answer.json()["error"]["code"]) for answer in answers
        )
        # Those in the winner's group may come so late that they update what it created.
        assert codes[201, ""] == 1, codes
        assert codes[409, "RegistryNameAlreadyInUse"] == _CALLERS - _CALLERS // _GROUPS, codes
        assert sum(count for (status, _), count in codes.items() if status not in {200, 201, 409}) == 0, codes
        accepted = {operation for caller in callers for operation in caller.accepted}
        assert invariants.violations(service.database, accepted) == []
        names = [row["name"] for row in _registries(callers[0])]
        assert names == ["wanted"]
    finally:
        for caller in callers:
            caller.close()
        stop_all(processes)
        service.database.dispose()


def _registries(caller: Caller) -> list[dict[str, str]]:
    path = f"/subscriptions/{caller.service.owner.subscription_id}/providers/{REGISTRY}"
    found: list[dict[str, str]] = caller.call("GET", path).json()["value"]
    return found
