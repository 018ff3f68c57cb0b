"""Which connections count as too slow."""

from __future__ import annotations

import threading

import pytest

from controlplane.distribution.slow_connections import Look, Waits, is_slow
from tests.support.waiting import eventually

RATE = 1000  # bytes per second


def looks(*, sent_ago: float, taken: int, received: int, unsent: int, count: int = 7) -> list[Look]:
    """Return what is seen of a connection over six seconds; taken and received are bytes per second."""
    return [
        Look(
            at=second,
            sent_ago=sent_ago,
            acknowledged=taken * second,
            received=received * second,
            unsent=unsent,
        )
        for second in range(count)
    ]


@pytest.mark.parametrize(
    ("seen", "body_waits", "slow"),
    [
        (looks(sent_ago=9, taken=0, received=0, unsent=0), True, True),  # sends nothing
        (looks(sent_ago=9, taken=0, received=999, unsent=0), True, True),  # trickles
        (looks(sent_ago=9, taken=0, received=1000, unsent=0), True, False),  # fast enough
        (looks(sent_ago=9, taken=0, received=0, unsent=0), False, False),  # idle, nobody waits for it
        (looks(sent_ago=1, taken=0, received=0, unsent=0), True, False),  # was answered meanwhile
        (looks(sent_ago=0, taken=999, received=0, unsent=1), False, True),  # does not read
        (looks(sent_ago=0, taken=1000, received=0, unsent=1), False, False),  # reads fast enough
        (looks(sent_ago=9, taken=0, received=0, unsent=0, count=6), True, False),  # not seen for long enough
    ],
)
def test_is_decided_over_a_whole_window(seen: list[Look], *, body_waits: bool, slow: bool) -> None:
    assert is_slow(seen, RATE, body_waits=body_waits) is slow


def test_waits_are_known_while_they_last() -> None:
    waits, go = Waits(), threading.Event()

    def wait() -> None:
        waits.begin()
        go.wait(20)
        waits.end()

    thread = threading.Thread(target=wait)
    thread.start()
    eventually(lambda: waits.any_longer_than(0.01))
    assert not waits.any_longer_than(100)
    go.set()
    thread.join()
    assert not waits.any_longer_than(0)
