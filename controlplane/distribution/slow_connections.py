"""Connections that are too slow are cut, so that they cannot hold threads for ever.

A thread that waits for a client's next bytes, or for room to send more, cannot be interrupted from Python,
and a WSGI server has no timeout for either. The kernel knows how every connection is doing, though
(``TCP_INFO``). A guard in each web process looks at all connections to its ports every few seconds and shuts
down those that, over the whole window,

- did not take at the minimum rate what was ready for them, or
- sent us less than that rate and were not answered, while a request waits for more of its body.

The second rule also cuts connections that idle between requests while somebody else is slow, as any server
does in time; a client opens another one. On systems other than Linux the guard sees nothing and does nothing;
``bodies`` still ends slow uploads that at least trickle.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_LOG = logging.getLogger(__name__)
_FOLDER = "/proc/self/fd"
_ESTABLISHED, _LISTENING = 1, 10
_LOOKS = 6  # in one window
# The parts of struct tcp_info (linux/tcp.h) that are read, with their offsets.
_LAST_SENT = struct.Struct("=I"), 44  # milliseconds ago
_COUNTERS = struct.Struct("=QQ"), 120  # bytes acknowledged by the client, bytes received from it
_UNSENT = struct.Struct("=I"), 144  # bytes
_INFO_SIZE = 148


class Waits:
    """Which threads wait for the next bytes of a body, and since when (seconds, monotonic)."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def begin(self) -> None:
        """Note that the current thread begins to wait."""
        self._since[threading.get_ident()] = time.monotonic()

    def end(self) -> None:
        """Note that it waits no more."""
        self._since.pop(threading.get_ident(), None)

    def any_longer_than(self, seconds: float) -> bool:
        """Tell whether a thread has been waiting for so long."""
        limit = time.monotonic() - seconds
        return any(since <= limit for since in list(self._since.values()))


WAITS = Waits()
"""The waits of this process."""


@dataclass(frozen=True, slots=True)
class Look:
    """A connection at one moment. Times in seconds, counters in bytes since it was opened."""

    at: float
    sent_ago: float
    acknowledged: int
    received: int
    unsent: int


@dataclass(slots=True)
class _History:
    inode: int
    looks: deque[Look] = field(default_factory=lambda: deque(maxlen=_LOOKS + 1))


class Guard:
    """Watches the connections of this process.

    Args:
        window: seconds over which a rate is judged.
        rate: bytes per second below which a transfer is ended; 0 lets everything be.
    """

    def __init__(self, window: float, rate: int, waits: Waits = WAITS) -> None:
        self._window = window
        self._rate = rate
        self._waits = waits
        self._known: dict[int, _History] = {}

    def start(self) -> threading.Thread:
        """Watch from a thread that ends with the process."""
        thread = threading.Thread(target=self._run, name="slow-connections", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        while True:
            time.sleep(self._window / _LOOKS)
            self.look()

    def look(self) -> int:
        """Look at every connection once; return how many were cut."""
        body_waits = self._waits.any_longer_than(self._window)
        cut, seen = 0, {}
        for number, inode, look in _connections():
            history = self._known.get(number)
            if history is None or history.inode != inode:
                history = _History(inode)
            seen[number] = history
            history.looks.append(look)
            if is_slow(history.looks, self._rate, body_waits=body_waits) and _shut(number, inode):
                cut += 1
        self._known = seen
        if cut:
            _LOG.warning("cut %d connections slower than %d bytes per second", cut, self._rate)
        return cut


def is_slow(looks: Sequence[Look], rate: int, *, body_waits: bool) -> bool:
    """Tell whether a connection was slow all through a window."""
    if len(looks) <= _LOOKS:
        return False
    first, last = looks[0], looks[-1]
    seconds = last.at - first.at
    least = rate * seconds
    if all(look.unsent for look in looks):
        return last.acknowledged - first.acknowledged < least
    return body_waits and last.sent_ago >= seconds and last.received - first.received < least


def _connections() -> Iterator[tuple[int, int, Look]]:
    """Give descriptor, inode and state of every connection that a client opened to this process."""
    found, ports = [], set()
    for number in _descriptors():
        with suppress(OSError), _borrowed(number) as connection:
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 512)
            port = connection.getsockname()[1]
            if info[0] == _LISTENING:
                ports.add(port)
            elif info[0] == _ESTABLISHED and len(info) >= _INFO_SIZE:
                found.append((number, os.fstat(number).st_ino, port, _look(info)))
    yield from ((number, inode, look) for number, inode, port, look in found if port in ports)


def _descriptors() -> list[int]:
    with suppress(OSError):
        return [int(name) for name in os.listdir(_FOLDER)]  # noqa: PTH208 - names only
    return []


@contextmanager
def _borrowed(number: int) -> Iterator[socket.socket]:
    """Give a socket object for somebody else's descriptor, which stays theirs."""
    connection = socket.socket(fileno=number)
    try:
        yield connection
    finally:
        connection.detach()


def _look(info: bytes) -> Look:
    (sent_ago,) = _LAST_SENT[0].unpack_from(info, _LAST_SENT[1])
    acknowledged, received = _COUNTERS[0].unpack_from(info, _COUNTERS[1])
    (unsent,) = _UNSENT[0].unpack_from(info, _UNSENT[1])
    return Look(time.monotonic(), sent_ago / 1000, acknowledged, received, unsent)


def _shut(number: int, inode: int) -> bool:
    with suppress(OSError), _borrowed(number) as connection:
        if os.fstat(number).st_ino == inode:
            connection.shutdown(socket.SHUT_RDWR)
            return True
    return False
