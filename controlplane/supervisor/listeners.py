"""The web worker's side of login ports: accepting on sockets that the supervisor opened.

granian listens on one port a process and has no public call for a further one. This module makes further
listeners of granian's own parts, inside the worker, so that a registry's port is served by the same
threads' kind, the same TLS and at the same speed as the main port. It is written for the granian versions
that pyproject.toml allows, and a test serves through it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from granian import _futures, _granian
from granian import wsgi as _wsgi
from granian.constants import SSLProtocols
from granian.http import HTTP1Settings

from controlplane.supervisor.certificates import Certificates
from controlplane.supervisor.login_ports import MESSAGE, OPEN

_log = logging.getLogger(__name__)

_WORKER_ID = 1000  # beyond those of the main listener; shown in logs only
_RUNTIME_BLOCKING_THREADS = 512
_IDLE_SECONDS = 30
_BACKLOG = 1024
_NOT_UNIX = False
_PAUSE = 0.1

Application = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Serving:
    """How a listener serves: the same for the main port and all others."""

    certificates: Certificates
    threads: int
    http1: HTTP1Settings


class Listeners:
    """The further listeners of this process."""

    def __init__(self, application: Application, serving: Serving) -> None:
        self._application = application
        self._serving = serving
        self._open: dict[int, tuple[Any, ...]] = {}

    def open(self, port: int, listener: int) -> None:
        """Serve on a listening socket, which this takes over."""
        self.close(port)
        signal: Any = _granian.WorkerSignal()
        loop = asyncio.new_event_loop()
        worker = self._worker(listener)
        callback = _wsgi._callback_wrapper(self._application, {"url_path_prefix": None})  # noqa: SLF001 - see above
        new_scheduler: Any = _futures._new_cbscheduler  # noqa: SLF001
        scheduler = new_scheduler(loop, callback, impl_asyncio=True)
        worker.serve_mtr(scheduler, loop, signal)  # returns at once; its threads are granian's
        self._open[port] = (signal, worker, scheduler, loop)

    def close(self, port: int) -> None:
        """Accept no more on a port; what is under way is finished."""
        if (found := self._open.pop(port, None)) is not None:
            found[0].set()

    def _worker(self, listener: int) -> Any:
        make: Any = _granian.WSGIWorker
        holder: Any = _granian.SocketHolder
        files = self._serving.certificates
        tls: tuple[Any, ...] = (
            True,
            str(files.certificate),
            str(files.key),
            None,
            str(SSLProtocols.tls12),
            None,
            [],
            False,
        )
        return make(
            _WORKER_ID,
            (None, holder(listener, _NOT_UNIX, _BACKLOG)),
            None,
            1,
            _RUNTIME_BLOCKING_THREADS,
            self._serving.threads,
            _IDLE_SECONDS,
            max(self._serving.threads * 2, 256),
            "auto",
            self._serving.http1,
            None,
            None,
            *tls,
            (None, None),
        )


def follow(meeting: Path, listeners: Listeners) -> None:
    """Begin to serve whatever ports the supervisor hands over, until the process ends."""
    threading.Thread(target=_follow, args=(meeting, listeners), name="login-ports", daemon=True).start()


def _follow(meeting: Path, listeners: Listeners) -> None:
    while True:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as supervisor:
            supervisor.connect(str(meeting))
            while _obey(supervisor, listeners):
                pass
        time.sleep(_PAUSE)


def _obey(supervisor: socket.socket, listeners: Listeners) -> bool:
    """Receive one message and do what it says; tell whether there was one."""
    message, descriptors, _flags, _address = socket.recv_fds(supervisor, MESSAGE.size, 1)
    if len(message) < MESSAGE.size:
        return False
    what, port = MESSAGE.unpack(message)
    if what == OPEN and descriptors:
        os.set_inheritable(descriptors[0], False)
        listeners.open(port, descriptors[0])
    else:
        listeners.close(port)
    _log.debug("login port %d: %s", port, "accepting" if what == OPEN else "closed")
    return True
