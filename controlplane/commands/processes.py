"""serve, worker, relay: one process each, in the foreground, for any process manager."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from pathlib import Path

import click

from controlplane.commands.common import load_settings, reporting, start_logging
from controlplane.kernel.clock import SystemClock
from controlplane.settings.model import Settings
from controlplane.supervisor import certificates, first_start
from controlplane.supervisor.leash import follow_parent

_log = logging.getLogger(__name__)

_LEASH = click.option("--leash", is_flag=True, hidden=True, help="End when the parent process does.")


@click.command()
@click.option(
    "--plane", type=click.Choice(["all", "management", "distribution"]), help="Serve only this plane."
)
@click.option("--login-ports", type=click.Path(path_type=Path), hidden=True)
@_LEASH
@reporting
def serve(*, plane: str | None, login_ports: Path | None, leash: bool) -> None:
    """Serve one plane or all over TLS (granian), until SIGTERM."""
    if plane is not None:
        os.environ["ACRCTL_PLANE"] = plane
    settings = _begin(leash=leash)
    first_start.check_port(settings)
    if login_ports is None and settings.login_server_mode == "port" and settings.plane != "management":
        _log.warning(
            "nobody opens login ports for this process: use `controlplane up`, "
            "or set ACRCTL_LOGIN_SERVER_MODE=domain"
        )
    files = certificates.ensure(settings, SystemClock().now())
    web = importlib.import_module("controlplane.supervisor.web")
    web.serve(settings, files, meeting=None if settings.plane == "management" else login_ports)


@click.command()
@_LEASH
@reporting
def worker(*, leash: bool) -> None:
    """Run operations (Celery), until SIGTERM. With the broker in memory it relays as well."""
    settings = _begin(leash=leash)
    sys.exit(importlib.import_module("controlplane.worker").run(settings))


@click.command()
@_LEASH
@reporting
def relay(*, leash: bool) -> None:
    """Pass the outbox on to the broker and sweep for lost operations, until SIGTERM."""
    settings = _begin(leash=leash)
    importlib.import_module("controlplane.worker").relay(settings)


def _begin(*, leash: bool) -> Settings:
    if leash:
        follow_parent()
    settings = load_settings()
    start_logging(settings)
    if not leash:  # a supervisor has migrated the database just before
        importlib.import_module("controlplane.commands.databases").require_schema(settings)
    return settings
