"""A web process as the supervisor runs it, around an application of a few lines. Run as a program."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from controlplane.settings.model import Settings
from controlplane.supervisor import certificates, web

BLOCK = bytes(range(256)) * 256


def create() -> Callable[..., Iterable[bytes]]:
    """Make the application."""
    return answer


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Say who answers and under which host; or send, or count, or dawdle."""
    path = environ["PATH_INFO"]
    if path == "/count":
        size = 0
        while part := environ["wsgi.input"].read(65536):
            size += len(part)
        body = str(size).encode()
    elif path.startswith("/send/"):
        blocks = int(path.rpartition("/")[2])
        start_response("200 OK", [("Content-Length", str(blocks * len(BLOCK)))])
        return Blocks(blocks, 0.0)
    elif path == "/slowly":
        start_response("200 OK", [("Content-Length", str(5 * len(BLOCK)))])
        return Blocks(5, 0.2)
    else:
        body = f"{os.getpid()} {environ['HTTP_HOST']}".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class Blocks:
    """A body of equal blocks with pauses between them."""

    def __init__(self, count: int, pause: float) -> None:
        self._left = count
        self._pause = pause

    def __iter__(self) -> Iterator[bytes]:
        """Return itself."""
        return self

    def __next__(self) -> bytes:
        """Return the next block."""
        if self._left == 0:
            raise StopIteration
        self._left -= 1
        time.sleep(self._pause)
        return BLOCK

    def close(self) -> None:
        """Do nothing; the server calls it."""


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    files = certificates.ensure(settings, datetime.now(UTC))
    web.serve(settings, files, meeting=Path(sys.argv[1]), application="tests.support.tiny_service")


if __name__ == "__main__":
    main()
