"""A Redis server of the tests' own, on a free port, from Debian's package. It keeps nothing on disk."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import accepts, free_port
from tests.support.postgres import MISSING
from tests.support.processes import Process
from tests.support.waiting import eventually


@dataclass(frozen=True)
class RedisServer:
    """A server that a test may kill and start again; it comes back empty, like a failed-over one."""

    port: int
    process: Process

    @property
    def url(self) -> str:
        """Broker URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        self.process.start()
        eventually(lambda: accepts(self.port), what=f"redis\n{self.process.tail()}")

    def kill(self) -> None:
        """End it with SIGKILL; everything it held is lost."""
        self.process.kill()


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Run a server until the block ends; a missing package fails the test."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.fail(MISSING.format(program="Redis", package="redis-server"), pytrace=False)
    folder = Path(tempfile.mkdtemp(prefix="acrctl-redis-"))
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = RedisServer(port, Process("redis", [*command, "--dir", str(folder)], folder / "log"))
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
