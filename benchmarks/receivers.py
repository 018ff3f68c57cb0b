"""A receiver of webhooks that answers at once and notes when each delivery came."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.programs import BenchmarkError


@dataclass
class Receiver:
    """What arrived: the body's tag and the time (``time.perf_counter``), in the order of arrival."""

    port: int = 0
    arrived: list[tuple[str, float]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where webhooks send to."""
        return f"http://127.0.0.1:{self.port}/hook"

    def wait_for(self, count: int, within: float) -> None:
        """Wait until so many deliveries have come.

        Raises:
            BenchmarkError: they have not.
        """
        end = time.monotonic() + within
        while len(self.arrived) < count:
            if time.monotonic() > end:
                raise BenchmarkError(f"{len(self.arrived)} of {count} deliveries came within {within:.0f} s")
            time.sleep(0.005)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver until the block ends."""
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.arrived.append((str(body.get("target", {}).get("tag")), time.perf_counter()))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 512

    server = Server(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
