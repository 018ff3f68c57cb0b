"""The distribution plane under granian, for tests of what only a real server shows.

``create`` is what granian's workers call; ``PlaneServer`` runs it over a test's database and folder.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from controlplane.distribution.application import DistributionPlane, watch_connections, wsgi
from controlplane.persistence.database import Database
from controlplane.settings.model import Settings
from tests.support.distribution import services_over
from tests.support.processes import Process
from tests.support.waiting import eventually

_URL, _SETTINGS = "TEST_DATABASE_URL", "TEST_SETTINGS"


def create() -> DistributionPlane:
    """Build the plane of one worker process."""
    settings = Settings(**json.loads(os.environ[_SETTINGS]))
    services = services_over(Database(os.environ[_URL]), settings)
    watch_connections(services)
    return wsgi(services)


def answers(port: int) -> bool:
    """Tell whether a worker answers on the port; the port accepts connections before one does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().read() != b""
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def plane_server(
    folder: Path, port: int, url: str, *, workers: int = 2, threads: int = 8, **settings: Any
) -> Iterator[Process]:
    """Serve the plane on a loopback port without TLS; the settings are those of the test's own plane."""
    command = [
        *(
            sys.executable,
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "--factory",
            "--no-ws",
            "--log-level",
            "warning",
        ),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)),
        *("--blocking-threads", str(threads), "tests.support.plane_server:create"),
    ]
    text = json.dumps({"state_dir": str(folder / "state"), **settings})
    process = Process("plane", command, folder / "plane.log", {_URL: url, _SETTINGS: text})
    process.start()
    try:
        eventually(lambda: answers(port), within=60, what="the plane answers")
        yield process
    finally:
        process.kill()
