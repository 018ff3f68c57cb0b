"""Listing operations."""

from __future__ import annotations

import pytest

from controlplane.kernel.errors import Failure
from controlplane.operations import queries
from controlplane.persistence.database import Database
from tests.support.clocks import ManualClock
from tests.support.jobs import SUBSCRIPTION, look, names, submit


def test_operations_are_paged_newest_first_without_gaps(database: Database) -> None:
    clock = ManualClock()
    made = []
    for number in range(7):
        made.append(submit(database, f"thing{number}", clock=clock))
        clock.pass_by(number % 2)  # some share a moment
    seen: list[str] = []
    marker = None
    with database.read() as tx:
        while True:
            page = queries.page(tx, SUBSCRIPTION, marker=marker, limit=3)
            seen += names(page.rows)
            marker = page.next
            if marker is None:
                break
        assert sorted(seen) == sorted(made)
        moments = [look(database, one).created_at for one in seen]
        assert moments == sorted(moments, reverse=True)
        assert queries.page(tx, "other").rows == []


def test_operations_of_one_resource_can_be_listed(database: Database) -> None:
    wanted, _ = submit(database, "a"), submit(database, "b")
    with database.read() as tx:
        key = look(database, wanted).resource_key
        assert names(queries.page(tx, SUBSCRIPTION, resource_key=key).rows) == [wanted]
        live = queries.live(tx, key)
    assert live is not None
    assert live.id == wanted


@pytest.mark.parametrize("marker", ["", "yesterday", "2026-99-01T00:00:00Z~x"])
def test_a_marker_that_is_none_is_refused(sqlite_database: Database, marker: str) -> None:
    with pytest.raises(Failure) as refused, sqlite_database.read() as tx:
        queries.page(tx, SUBSCRIPTION, marker=marker)
    assert refused.value.kind.status == 400
