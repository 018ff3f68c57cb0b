"""Writers that meet: on each kind of database, whoever is second starts over or is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.api.deployment import GROUPS, Deployment, make_template, serve, settings_in

CROWD = 8
BODY = {"location": "eastus"}


@pytest.fixture
def anywhere(database_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment; the test runs once on each kind of database."""
    template = make_template(tmp_path, database_url)
    deployment = serve(template, settings_in(tmp_path, database_url))
    yield deployment
    deployment.database.dispose()


def together(count: int, call: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(CROWD) as pool:
        return list(pool.map(call, range(count)))


def path(api: Deployment, name: str, kind: str = "widgets", group: str | None = None) -> str:
    return f"{group or api.group}/providers/Microsoft.ContainerRegistry/{kind}/{name}"


def test_of_many_creations_one_creates(anywhere: Deployment) -> None:
    def create(_: int) -> int:
        client = anywhere.with_own_client()
        return client.put(path(anywhere, "cog"), BODY).status_code

    assert Counter(together(24, create)) == {201: 1, 200: 23}


def test_of_many_slow_creations_one_is_accepted(anywhere: Deployment) -> None:
    def create(_: int) -> int:
        return anywhere.with_own_client().put(path(anywhere, "diesel", "engines"), BODY).status_code

    assert Counter(together(24, create)) == {201: 1, 409: 23}
    assert anywhere.work() == 1


def test_no_change_of_many_is_lost(anywhere: Deployment) -> None:
    anywhere.put(path(anywhere, "cog"), BODY)

    def label(number: int) -> int:
        change = {"properties": {"labels": {f"t{number}": "x"}}}
        return anywhere.with_own_client().patch(path(anywhere, "cog"), change).status_code

    assert Counter(together(24, label)) == {200: 24}
    assert len(anywhere.get(path(anywhere, "cog")).json["properties"]["labels"]) == 24


def test_of_many_with_one_etag_one_writes(anywhere: Deployment) -> None:
    tag = anywhere.put(path(anywhere, "cog"), BODY).headers["ETag"]

    def write(_: int) -> int:
        client = anywhere.with_own_client()
        return client.put(path(anywhere, "cog"), BODY, headers={"If-Match": tag}).status_code

    assert Counter(together(24, write)) == {200: 1, 412: 23}


def test_nothing_outlives_its_group(anywhere: Deployment) -> None:
    lab = f"{anywhere.subscription}/resourceGroups/lab"
    anywhere.put(lab, BODY, version=GROUPS)

    def act(number: int) -> int:
        client = anywhere.with_own_client()
        if number == CROWD:
            return client.delete(lab, version=GROUPS).status_code
        return client.put(path(anywhere, f"cog{number}", group=lab), BODY).status_code

    answers = together(24, act)
    assert answers[CROWD] == 202
    assert set(answers) <= {201, 202, 409}
    anywhere.work()
    assert anywhere.get(lab, version=GROUPS).status_code == 404
    left = anywhere.get(f"{anywhere.subscription}/providers/Microsoft.ContainerRegistry/widgets")
    assert left.json["value"] == []
