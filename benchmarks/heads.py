"""Rates of HEAD requests. wrk waits for a body that never comes, so this is a generator of our own.

Threads that each send a prepared request and read up to the empty line spend little more than the two TLS
calls; identical for both sides.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

from benchmarks.content import MANIFEST
from benchmarks.programs import BenchmarkError
from benchmarks.registry import TIMEOUT, Registry

_END = b"\r\n\r\n"
_OK = b"HTTP/1.1 200 "


class _Load:
    """Threads that ask the same thing again and again, each over its own connection."""

    def __init__(self, registry: Registry, url: str, token: str) -> None:
        target = urlsplit(url)
        self._address = (target.hostname or "", target.port or 443)
        self._tls = registry.tls
        self._request = (
            f"HEAD {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\nAccept: {MANIFEST}\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        ).encode()
        self.over = threading.Event()
        self.answers: list[int] = []
        self.troubles: list[str] = []

    def ask(self) -> None:
        """Ask until it is over; note how many answers came, or what went wrong."""
        count = 0
        try:
            raw = socket.create_connection(self._address, timeout=TIMEOUT)
            with self._tls.wrap_socket(raw, server_hostname=self._address[0]) as connection:
                while not self.over.is_set():
                    connection.sendall(self._request)
                    _read_head(connection)
                    count += 1
        except (OSError, BenchmarkError) as error:
            self.troubles.append(str(error))
            self.over.set()
        self.answers.append(count)


def requests_per_second(registry: Registry, url: str, token: str, *, connections: int, seconds: int) -> float:
    """Return how many HEAD requests a second were answered with 200, connecting included.

    Raises:
        BenchmarkError: an answer was not 200, or a connection failed.
    """
    load = _Load(registry, url, token)
    threads = [threading.Thread(target=load.ask) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    load.over.wait(seconds)
    load.over.set()
    for thread in threads:
        thread.join()
    if load.troubles:
        raise BenchmarkError(f"HEAD {url}: {load.troubles[0]}")
    return sum(load.answers) / (time.perf_counter() - began)


def _read_head(connection: ssl.SSLSocket) -> None:
    head = connection.recv(16384)
    while not head.endswith(_END):
        more = connection.recv(16384)
        if not more:
            raise BenchmarkError("the connection was closed within an answer")
        head += more
    if not head.startswith(_OK):
        raise BenchmarkError(head.partition(b"\r\n")[0].decode(errors="replace"))
