"""What every database must do with the outbox."""

from __future__ import annotations

import pytest

from controlplane.persistence import outbox
from controlplane.persistence.database import Database
from tests.support.clocks import ManualClock

NOW = ManualClock().now()


def test_messages_leave_oldest_first_and_only_when_deleted(database: Database) -> None:
    with database.write() as tx:
        for number in range(5):
            outbox.put(tx, "operations", {"id": str(number), "nested": {"a": [1, None]}}, NOW)
    with database.read() as tx:
        taken = outbox.take(tx, 3)
        assert [row.payload["id"] for row in taken] == ["0", "1", "2"]
        assert taken[0].topic == "operations"
        assert taken[0].payload["nested"] == {"a": [1, None]}
        assert outbox.take(tx, 3) == taken
    with database.write() as tx:
        assert not outbox.is_empty(tx)
        outbox.delete(tx, [row.id for row in taken])
        outbox.delete(tx, [taken[0].id])  # another relay was first
        outbox.delete(tx, [])
    with database.read() as tx:
        assert [row.payload["id"] for row in outbox.take(tx, 10)] == ["3", "4"]


def test_a_message_of_a_transaction_that_fails_was_never_there(database: Database) -> None:
    def fail_half_way() -> None:
        with database.write() as tx:
            outbox.put(tx, "operations", {"id": "x"}, NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    with database.read() as tx:
        assert outbox.take(tx, 10) == []
        assert outbox.is_empty(tx)
