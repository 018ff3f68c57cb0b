"""Receivers of webhooks: real HTTP servers that answer, fail, hang, trickle or redirect, and remember."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.waiting import eventually


@dataclass(frozen=True)
class Received:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found


Behaviour = Callable[[BaseHTTPRequestHandler, int], None]
"""Answers the n-th request, counted from 1; its body has been read."""


def answer(status: int, body: bytes = b"ok", **headers: str) -> Behaviour:
    """Answer every request alike; underscores in header names stand for dashes."""

    def behave(handler: BaseHTTPRequestHandler, _number: int) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def failing_first(count: int) -> Behaviour:
    """Answer 503 so many times, then 200."""
    return lambda handler, number: answer(503 if number <= count else 200)(handler, number)


@dataclass
class Receiver:
    """A server on a free loopback port. ``behave`` may be exchanged at any time."""

    behave: Behaviour = field(default_factory=lambda: answer(200))
    received: list[Received] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def wait_for(self, count: int) -> list[Received]:
        """Wait until so many requests have arrived."""
        eventually(lambda: len(self.received) >= count, within=30, what=f"{count} deliveries")
        return self.received


@contextmanager
def receiver(behave: Behaviour | None = None, port: int = 0) -> Iterator[Receiver]:
    """Run a receiver until the block ends."""
    made = Receiver(behave or answer(200))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            made.received.append(Received(self.path, dict(self.headers), raw))
            made.behave(self, len(made.received))

        do_GET = do_POST  # noqa: N815 - http.server looks it up

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that goes away is what some tests are about."""

    server = Server(("127.0.0.1", port), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
