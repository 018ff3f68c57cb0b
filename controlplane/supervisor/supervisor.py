"""The supervisor: one web process, one worker, the login ports, and the peace among them."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path
from types import FrameType

from controlplane.kernel.clock import Clock
from controlplane.persistence import registries
from controlplane.persistence.database import Database
from controlplane.persistence.watch import Watch
from controlplane.settings.model import Settings
from controlplane.supervisor import certificates, log_files
from controlplane.supervisor.children import STOP_SECONDS, Child, Program
from controlplane.supervisor.login_ports import LoginPorts, meeting_place
from controlplane.supervisor.places import Places
from controlplane.supervisor.report import ProcessReport, Report, supervising

_log = logging.getLogger(__name__)

_LOOK = 0.5
_ROTATE_EVERY = 10.0
_RENEW_EVERY = 3600.0


def programs(settings: Settings, places: Places, meeting: Path) -> tuple[Program, ...]:
    """Return what the supervisor runs; the web process comes first.

    A relay of its own is needed where the broker is not in the worker's memory. ``-P``: a file that lies in
    the working folder is never imported.
    """
    commands = {"web": ("serve", "--login-ports", str(meeting)), "worker": ("worker",)}
    if not settings.broker_in_memory:
        commands["relay"] = ("relay",)
    python = (sys.executable, "-P", "-m", "controlplane")
    environment = {"ACRCTL_STATE_DIR": str(places.root), "PYTHONUNBUFFERED": "1"}
    return tuple(
        Program(name, (*python, *command, "--leash"), places.log / f"{name}.log", environment)
        for name, command in commands.items()
    )


class Supervisor:
    """Runs until it is asked to stop (SIGTERM, SIGINT)."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._places = Places(settings.state_dir.resolve())
        self._database = database
        self._watch = Watch(database)
        self._clock = clock
        self._children: list[Child] = []
        self._login_ports: LoginPorts | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._since = time.time()
        self._reported: Report | None = None
        self._next_rotation = 0.0
        self._next_renewal = time.monotonic() + _RENEW_EVERY

    def run(self) -> None:
        """Supervise.

        Raises:
            AlreadyRunningError: the state folder has a supervisor.
        """
        with supervising(self._places), meeting_place(self._places.run) as meeting:
            self._listen_to_signals()
            if self._settings.login_server_mode == "port":
                self._login_ports = LoginPorts(
                    self._wanted_ports, self._settings.web_workers, meeting, self._watch.changed
                )
                self._login_ports.start()
            self._children += map(Child, programs(self._settings, self._places, meeting))
            for child in self._children:
                child.start()
            while not self._stopping:
                self._keep_house()
                self._wake.wait(_LOOK)
                self._wake.clear()
            self._stop()

    def _wanted_ports(self) -> list[int]:
        with self._database.read() as tx:
            return [port for port, _host in registries.all_ports(tx, self._settings.serve_region)]

    def _listen_to_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, self._on_child)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal is no reason to stop

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        self._wake.set()

    def _on_child(self, _number: int, _frame: FrameType | None) -> None:
        self._wake.set()

    def _keep_house(self) -> None:
        for child in self._children:
            child.heal()
        now = time.monotonic()
        if now >= self._next_rotation:
            self._next_rotation = now + _ROTATE_EVERY
            log_files.rotate(self._places.log)
        if now >= self._next_renewal:
            self._next_renewal = now + _RENEW_EVERY
            self._renew_certificate()
        self._tell()

    def _renew_certificate(self) -> None:
        if certificates.ensure(self._settings, self._clock.now()).renewed:
            _log.info("the server certificate has been renewed; web starts again with it")
            web = self._children[0]
            web.ask_to_stop()
            web.finish(time.monotonic() + STOP_SECONDS)
            web.start()

    def _tell(self) -> None:
        report = Report(
            pid=os.getpid(),
            since=self._since,
            version=version("acrctl"),
            endpoint=self._settings.public_url,
            processes=tuple(
                ProcessReport(child.program.name, child.pid, child.since, child.restarts)
                for child in self._children
            ),
            login_ports=self._login_ports.open_ports if self._login_ports else (),
        )
        if report != self._reported:
            self._reported = report
            report.save(self._places)

    def _stop(self) -> None:
        _log.info("stopping")
        for child in self._children:
            child.ask_to_stop()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children:
            child.finish(deadline)
        if self._login_ports is not None:
            self._login_ports.stop()
        self._watch.close()
        self._places.report.unlink(missing_ok=True)
        _log.info("stopped")
