"""The web process: granian serving the WSGI application over TLS."""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from controlplane.kernel import logs
from controlplane.settings.model import Settings
from controlplane.supervisor.certificates import Certificates
from controlplane.supervisor.leash import follow_parent
from controlplane.supervisor.listeners import Application, Listeners, Serving, follow

APPLICATION = "controlplane.app"
# A transfer that is under way when the server stops gets this long; clients resume or repeat it.
_STOP_SECONDS = 5
# Measured: a body is read in pieces of this size at most; larger ones cost memory and win nothing.
_BUFFER = 128 * 1024


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a worker does after the fork."""

    application: str
    serving: Serving
    meeting: Path | None


def serve(
    settings: Settings,
    certificates: Certificates,
    *,
    meeting: Path | None = None,
    application: str = APPLICATION,
) -> None:
    """Serve until SIGTERM or SIGINT. Workers that die are replaced; those that outlive us end themselves.

    Args:
        settings: address, workers, threads.
        certificates: of the TLS port.
        meeting: where a supervisor hands out login ports, if there is one.
        application: module whose ``create()`` makes the WSGI application.
    """
    http1 = HTTP1Settings(max_buffer_size=_BUFFER)
    plan = _Plan(application, Serving(certificates, settings.web_threads, http1), meeting)
    # Loaded once before the workers are forked: they share its memory and start in no time.
    importlib.import_module(application)
    # granian warns whenever there are more threads than cores; slow clients need them.
    logging.getLogger("_granian").addFilter(_not_about_threads)
    Server(
        application,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.auto,
        websockets=False,
        workers=settings.web_workers,
        blocking_threads=settings.web_threads,
        backpressure=max(settings.web_threads * 2, 256),
        http1_settings=http1,
        ssl_cert=certificates.certificate,
        ssl_key=certificates.key,
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
        log_level=LogLevels(settings.log_level),
        log_dictconfig=logs.configuration(settings.log_level, settings.log_format),
    ).serve(target_loader=partial(_load, plan), wrap_loader=False)


def _load(plan: _Plan) -> Application:
    """Build the application in a worker, after the fork."""
    follow_parent()
    application: Application = importlib.import_module(plan.application).create()
    if plan.meeting is not None:
        follow(plan.meeting, Listeners(application, plan.serving))
    return application


def _not_about_threads(record: logging.LogRecord) -> bool:
    return "Python threads, which seems" not in record.getMessage()
