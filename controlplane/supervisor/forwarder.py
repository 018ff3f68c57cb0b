"""The port forwarder: loopback ports whose connections are passed on to the TLS port, byte for byte.

One thread serves every connection with a selector; it knows nothing of TLS or HTTP. A client that ends its
half of a connection still gets the rest of the answer.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import selectors
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.supervisor.streams import BUFFER, Stream

_log = logging.getLogger(__name__)

LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_BACKLOG = 512
_ACCEPTS = 64
_RETRY_BIND = 1.0  # seconds between attempts at a port that is taken
_TICK = 0.5
_NO_IPV6 = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class _Connection:
    """A client, the server it is joined to, and the two streams between them."""

    __slots__ = ("client", "down", "server", "up")

    def __init__(self, client: socket.socket, server: socket.socket, scratch: bytearray) -> None:
        self.client = client
        self.server = server
        self.up = Stream(client, server, scratch)
        self.down = Stream(server, client, scratch)

    def pump(self, side: object, events: int) -> None:
        """Move bytes after ``side`` became readable, writable or both."""
        reads, writes = (self.up, self.down) if side is self.client else (self.down, self.up)
        if events & _READ:
            reads.pump()
        if events & _WRITE:
            writes.pump()

    @property
    def done(self) -> bool:
        return self.up.done and self.down.done

    def interests(self) -> tuple[tuple[socket.socket, int], tuple[socket.socket, int]]:
        """Say what to wait for: a full sink is waited for first, its source is not read meanwhile."""
        client = _READ * (not self.up.ended and not self.up.pending) | _WRITE * self.down.pending
        server = _READ * (not self.down.ended and not self.down.pending) | _WRITE * self.up.pending
        return (self.client, client), (self.server, server)

    def close(self) -> None:
        self.up.close()
        self.down.close()
        self.client.close()
        self.server.close()


@dataclass(frozen=True, slots=True)
class _Listener:
    socket: socket.socket


class Forwarder:
    """Forwards a changing set of loopback ports to one address.

    Args:
        target: host and port of the server behind every port.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
        self._selector = selectors.DefaultSelector()
        self._scratch = bytearray(BUFFER)
        self._connections: set[_Connection] = set()
        self._listeners: dict[int, list[socket.socket]] = {}
        self._refused: set[int] = set()  # ports whose trouble has been logged
        self._wanted: frozenset[int] = frozenset()
        self._next_attempt = 0.0
        self._stopping = False
        self._bell, self._bell_rope = socket.socketpair()
        self._bell.setblocking(False)
        self._selector.register(self._bell, _READ, None)
        self._thread = threading.Thread(target=self._run, name="forwarder", daemon=True)

    def start(self) -> None:
        """Begin to serve in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Close every port and connection and end the thread."""
        self._stopping = True
        self._ring()
        self._thread.join()

    def want(self, ports: Iterable[int]) -> None:
        """Say which ports are to be open from now on. Connections of closed ports run on to their end."""
        wanted = frozenset(ports)
        if wanted != self._wanted:
            self._wanted = wanted
            self._ring()

    @property
    def open_ports(self) -> tuple[int, ...]:
        """The ports that accept connections now."""
        return tuple(sorted(self._listeners))

    @property
    def connections(self) -> int:
        """How many connections are being forwarded."""
        return len(self._connections)

    def _ring(self) -> None:
        with contextlib.suppress(OSError):
            self._bell_rope.send(b"\0")

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._bring_ports_about()
                for key, events in self._selector.select(_TICK):
                    self._handle(key, events)
        finally:
            self._close_all()

    def _handle(self, key: selectors.SelectorKey, events: int) -> None:
        if isinstance(key.data, _Connection):
            self._serve(key.data, key.fileobj, events)
        elif isinstance(key.data, _Listener):
            self._accept(key.data.socket)
        else:
            with contextlib.suppress(BlockingIOError):
                self._bell.recv(4096)

    # --- ports

    def _bring_ports_about(self) -> None:
        wanted = self._wanted
        for port in self._listeners.keys() - wanted:
            self._close_port(port)
        missing = wanted - self._listeners.keys()
        if (missing - self._refused) or (missing and time.monotonic() >= self._next_attempt):
            self._next_attempt = time.monotonic() + _RETRY_BIND
            for port in sorted(missing):
                self._open_port(port)
        self._refused &= wanted

    def _open_port(self, port: int) -> None:
        opened: list[socket.socket] = []
        for family, address in LOOPBACK:
            try:
                opened.append(_listen(family, address, port))
            except OSError as error:
                if error.errno in _NO_IPV6 and family == socket.AF_INET6:
                    continue
                self._refuse(port, address, error, opened)
                return
        for listener in opened:
            self._selector.register(listener, _READ, _Listener(listener))
        self._listeners[port] = opened
        self._refused.discard(port)
        _log.info("login port %d is open", port)

    def _refuse(self, port: int, address: str, error: OSError, opened: list[socket.socket]) -> None:
        for listener in opened:
            listener.close()
        if port not in self._refused:
            _log.error("login port %d cannot be opened on %s: %s; trying on", port, address, error.strerror)
        self._refused.add(port)

    def _close_port(self, port: int) -> None:
        for listener in self._listeners.pop(port):
            self._selector.unregister(listener)
            listener.close()
        _log.info("login port %d is closed", port)

    # --- connections

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPTS):
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._cannot_accept(error)
                return
            self._join(client)

    def _cannot_accept(self, error: OSError) -> None:
        if error.errno in {errno.EMFILE, errno.ENFILE}:
            _log.error("no file descriptor is left for another connection")
            time.sleep(0.05)  # the waiting connection would wake the selector again at once

    def _join(self, client: socket.socket) -> None:
        try:
            server = _connect(self._family, self._target)
        except OSError as error:
            _log.warning("cannot reach the server: %s", error.strerror)
            client.close()
            return
        _prepare(client)
        connection = _Connection(client, server, self._scratch)
        self._connections.add(connection)
        self._wait(connection)

    def _serve(self, connection: _Connection, side: object, events: int) -> None:
        if connection not in self._connections:  # closed by an earlier event of the same round
            return
        try:
            connection.pump(side, events)
        except OSError:
            self._close(connection)
            return
        if connection.done:
            self._close(connection)
        else:
            self._wait(connection)

    def _wait(self, connection: _Connection) -> None:
        registered = self._selector.get_map()
        for side, events in connection.interests():
            key = registered.get(side)
            if key is None:
                if events:
                    self._selector.register(side, events, connection)
            elif not events:
                self._selector.unregister(side)
            elif events != key.events:
                self._selector.modify(side, events, connection)

    def _close(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        for side in (connection.client, connection.server):
            with contextlib.suppress(KeyError):
                self._selector.unregister(side)
        connection.close()

    def _close_all(self) -> None:
        for port in list(self._listeners):
            self._close_port(port)
        for connection in list(self._connections):
            self._close(connection)
        self._selector.close()
        self._bell.close()
        self._bell_rope.close()


def _listen(family: int, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _connect(family: int, target: tuple[str, int]) -> socket.socket:
    """Begin a connection; writes are held back until it stands, a refusal shows on the first read."""
    server = socket.socket(family, socket.SOCK_STREAM)
    _prepare(server)
    code = server.connect_ex(target)
    if code not in {0, errno.EINPROGRESS}:
        server.close()
        raise OSError(code, "connection refused")
    return server


def _prepare(side: socket.socket) -> None:
    side.setblocking(False)
    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    side.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
