"""What a tag has named, and why it named it no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.persistence.database import Database
from tests.support.distribution import codes, json_of
from tests.support.timed import APP, DAY, Timed, timed_at

_PATH = f"/acr/v1/{APP}/_tags/v1/_history"


@pytest.fixture
def shop(tmp_path: Path, database: Database) -> Iterator[Timed]:
    shop = timed_at(tmp_path, database)
    yield shop
    shop.plane.close()


def history(shop: Timed, **query: Any) -> list[dict[str, Any]]:
    answer = shop.admin.get(_PATH, query_string=query)
    assert answer.status_code == 200, answer.text
    return list(json_of(answer)["history"])


def test_history_tells_each_digest_its_time_and_its_end(shop: Timed) -> None:
    shop.push("other")
    one = shop.push("v1", "one")
    shop.days(1)
    two = shop.push("v1", "two")
    shop.days(1)
    shop.delete("v1")
    shop.days(1)
    three = shop.push("v1", "three")
    shop.days(1)
    shop.delete(three)
    shop.days(1)
    four = shop.push("v1", "four")
    ends = ["moved", "untagged", "deleted", None]
    shown = history(shop)
    assert [entry["digest"] for entry in shown] == [four, three, two, one]
    assert [entry["endedBy"] for entry in shown] == ends[::-1]
    assert shown[0]["until"] is None
    assert (shown[3]["since"], shown[3]["until"]) == (
        "2026-01-02T03:04:05.000000Z",
        "2026-01-03T03:04:05.000000Z",
    )
    answer = json_of(shop.admin.get(_PATH))
    assert (answer["registry"], answer["imageName"], answer["tag"]) == (shop.admin.host, APP, "v1")


def test_history_comes_in_pages(shop: Timed) -> None:
    digests = [shop.push("v1", str(number)) for number in range(5)]
    first = shop.admin.get(_PATH, query_string={"n": "3"})
    assert [entry["digest"] for entry in json_of(first)["history"]] == digests[:1:-1]
    link = first.headers["Link"]
    second = shop.admin.get(link[1 : link.index(">")])
    assert [entry["digest"] for entry in json_of(second)["history"]] == [digests[1], digests[0]]
    assert "Link" not in second.headers
    assert history(shop, n=0) == []


def test_a_push_that_changes_nothing_is_no_history(shop: Timed) -> None:
    shop.push("v1")
    shop.clock.pass_by(DAY)
    shop.push("v1")
    assert len(history(shop)) == 1


def test_what_was_never_tagged_has_none(shop: Timed) -> None:
    assert codes(shop.admin.get(_PATH)) == ["NAME_UNKNOWN"]
    shop.push("other")
    assert codes(shop.admin.get(_PATH)) == ["TAG_UNKNOWN"]
    assert codes(shop.admin.get(f"/acr/v1/{APP}/_tags/a%20b/_history")) == ["TAG_UNKNOWN"]
    shop.push("v1")
    bad = shop.admin.get(_PATH, query_string={"last": "x"})
    assert (bad.status_code, codes(bad)) == (400, ["PAGINATION_NUMBER_INVALID"])


def test_history_takes_the_right_to_read_metadata(shop: Timed) -> None:
    shop.push("v1")
    refused = shop.plane.client().get(_PATH)
    assert refused.status_code == 401
    assert f'scope="repository:{APP}:metadata_read"' in refused.headers["WWW-Authenticate"]
