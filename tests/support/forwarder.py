"""A TCP forwarder in front of a server: the way to it can be narrow, or gone for a while."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 64 * 1024


@dataclass
class Forwarder:
    """Forwards connections of a loopback port to another one.

    ``rate`` is how many bytes a second come back through each connection; None does not limit them.
    ``passed`` counts the bytes that came back.
    """

    target: int
    port: int = 0
    rate: float | None = None
    passed: int = 0
    _listener: socket.socket | None = None
    _open: set[socket.socket] = field(default_factory=set)

    @property
    def host(self) -> str:
        """Its name: ``127.0.0.1:port``."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Take connections, on the same port as before."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections, and break those that are open."""
        listener, self._listener = self._listener, None
        for one in (listener, *list(self._open)):
            if one is not None:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    client.close()
                    continue
                self._open |= {client, server}
                for source, sink, limited in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass, args=(source, sink, limited), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, limited: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                if limited:
                    self.passed += len(data)
                    if self.rate is not None:
                        time.sleep(len(data) / self.rate)
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open -= {source, sink}


@contextmanager
def forwarder(target: int) -> Iterator[Forwarder]:
    """Run a forwarder until the block ends."""
    made = Forwarder(target)
    made.start()
    try:
        yield made
    finally:
        made.stop()
