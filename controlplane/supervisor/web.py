"""The web process: granian serving the WSGI application over TLS."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from controlplane.kernel import logs
from controlplane.settings.model import Settings
from controlplane.supervisor.certificates import Certificates
from controlplane.supervisor.leash import follow_parent

APPLICATION = "controlplane.app"
# A transfer that is under way when the server stops gets this long; clients resume or repeat it.
_STOP_SECONDS = 5


def serve(settings: Settings, certificates: Certificates) -> None:
    """Serve until SIGTERM or SIGINT. Workers that die are replaced; those that outlive us end themselves."""
    # Loaded once before the workers are forked: they share its memory and start in no time.
    importlib.import_module(APPLICATION)
    Server(
        APPLICATION,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.auto,
        websockets=False,
        workers=settings.web_workers,
        blocking_threads=settings.web_threads,
        backpressure=max(settings.web_threads * 2, 256),
        http1_settings=HTTP1Settings(header_read_timeout=30_000),
        ssl_cert=certificates.certificate,
        ssl_key=certificates.key,
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
        log_level=LogLevels(settings.log_level),
        log_dictconfig=logs.configuration(settings.log_level, settings.log_format),
    ).serve(target_loader=_load)


def _load(target: str) -> Callable[..., Any]:
    """Build the application in a worker, after the fork."""
    follow_parent()
    application: Callable[..., Any] = importlib.import_module(target).create()
    return application
