"""Keeps the forwarder's ports in step with the registries in the database."""

from __future__ import annotations

import logging
import threading

from controlplane.persistence import registries
from controlplane.persistence.database import Database, DatabaseUnavailableError
from controlplane.supervisor.forwarder import Forwarder

_log = logging.getLogger(__name__)

# A registry's creation waits for its port, so this is part of how long it takes.
INTERVAL = 0.1
_OUTAGE_INTERVAL = 1.0


class LoginPorts:
    """A thread that looks at the database and tells the forwarder which ports to open."""

    def __init__(self, database: Database, forwarder: Forwarder) -> None:
        self._database = database
        self._forwarder = forwarder
        self._stop = threading.Event()
        self._outage = False
        self._thread = threading.Thread(target=self._run, name="login-ports", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; ports stay as they are."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_OUTAGE_INTERVAL if self._outage else INTERVAL):
            try:
                with self._database.read() as tx:
                    ports = [port for port, _host in registries.all_ports(tx)]
            except DatabaseUnavailableError as error:
                self._tell_outage(str(error))
                continue
            self._outage = False
            self._forwarder.want(ports)

    def _tell_outage(self, reason: str) -> None:
        if not self._outage:
            _log.error("the database cannot be reached, login ports stay as they are: %s", reason)
        self._outage = True
