"""up: everything on this machine, from nothing to ready."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import click

from controlplane.commands import supervising
from controlplane.commands.common import load_settings, reporting
from controlplane.commands.databases import opened
from controlplane.kernel.clock import SystemClock
from controlplane.kernel.ids import RandomIds
from controlplane.settings.model import Settings
from controlplane.supervisor import background, first_start, profile
from controlplane.supervisor.places import Places
from controlplane.supervisor.report import running_pid, starting


@click.command()
@click.option("--foreground", is_flag=True, help="Stay in the foreground and log to standard error.")
@reporting
def up(*, foreground: bool) -> None:
    """Start everything on this machine and wait until it is ready."""
    settings = load_settings()
    began = time.monotonic()
    places = Places(settings.state_dir)
    places.make()
    with starting(places):
        if running_pid(places) is not None:
            background.wait_until_ready(settings, None, _progress)
            click.echo(f"acrctl is already running at {settings.public_url}")
            _say_next(settings)
            return
        first_start.check_port(settings)
        prepared = _prepare(settings)
        if not foreground:
            _start(settings, prepared, began)
            return
    _say_access(settings, prepared)
    supervising.run(settings)


def _progress(text: str) -> None:
    click.echo(f"  {text} …", err=True)


def _prepare(settings: Settings) -> first_start.Prepared:
    with opened(settings) as database:
        return first_start.prepare(settings, database, SystemClock(), RandomIds())


def _start(settings: Settings, prepared: first_start.Prepared, began: float) -> None:
    process: subprocess.Popen[bytes] = background.start(settings)
    try:
        background.wait_until_ready(settings, process, _progress)
    except BaseException:
        background.stop(settings)
        raise
    click.echo(f"acrctl is ready at {settings.public_url} ({time.monotonic() - began:.1f} s)")
    _say_access(settings, prepared)
    _say_next(settings)


def _say_access(settings: Settings, prepared: first_start.Prepared) -> None:
    access = prepared.access
    rows = [
        ("state folder", str(settings.state_dir)),
        ("tenant", access.tenant_id),
        ("subscription", access.subscription_id),
        ("owner", f"{access.client_id} (client id)"),
    ]
    if prepared.secret is not None:
        rows.append(("secret", f"{prepared.secret} ({prepared.why}; shown once)"))
    if access.ca_file:
        rows.append(("authority", access.ca_file))
    rows.append(("profile", f"{profile.NAME} in {prepared.profile_file}"))
    click.echo("\n" + "\n".join(f"  {name:<13} {value}" for name, value in rows))
    if prepared.current_profile != profile.NAME:
        click.echo(
            f"\nThe current profile of acrctl is '{prepared.current_profile}'; "
            f"for this service: export ACRCTL_PROFILE={profile.NAME}"
        )


def _say_next(settings: Settings) -> None:
    lines = [
        "acrctl registry create -n demo01 --sku Basic --admin-enabled",
        'eval "$(acrctl env)"    # az, the SDKs and container tools find and trust it in this shell',
        "acrctl registry login -n demo01",
    ]
    activate = Path(sys.prefix) / "bin" / "activate"
    if activate.exists() and os.environ.get("VIRTUAL_ENV") != sys.prefix:
        lines.insert(0, f". {_short(activate)}")
    click.echo("\nNext:\n\n" + "\n".join(f"  {line}" for line in lines))
    click.echo(f"\nAPI description: {settings.public_url}/docs")


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
