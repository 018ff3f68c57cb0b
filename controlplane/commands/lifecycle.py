"""up, down, status, logs: the service on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import click

from controlplane.commands.common import load_settings, open_database, reporting, start_logging
from controlplane.kernel.clock import SystemClock
from controlplane.kernel.ids import RandomIds
from controlplane.settings.model import Settings
from controlplane.supervisor import background, first_start, log_files, profile, state
from controlplane.supervisor.places import Places
from controlplane.supervisor.report import running_pid, starting
from controlplane.supervisor.supervisor import Supervisor

NOT_RUNNING = 3  # exit code of `status`, as service scripts use it


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
    _supervise(settings)


@click.command(hidden=True)
@reporting
def supervise() -> None:
    """Run the supervisor in this process; `up` has prepared everything."""
    _supervise(load_settings())


@click.command()
@reporting
def down() -> None:
    """Stop everything that `up` started. Nothing is lost."""
    settings = load_settings()
    stopped = background.stop(settings)
    click.echo("stopped" if stopped else f"not running (state folder {settings.state_dir})")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@reporting
def status(*, as_json: bool) -> None:
    """Show what runs, where, and whether it is well. Exit code 3 when it does not run."""
    settings = load_settings()
    found = state.look(settings)
    click.echo(found.to_json() if as_json else found.to_text())
    if not found.running:
        sys.exit(NOT_RUNNING)


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is added.")
@click.option("-n", "--lines", default=40, show_default=True, help="Lines of each log to begin with.")
@click.option("--process", type=click.Choice(["supervisor", "web", "worker"]), help="Only this process.")
@reporting
def logs(*, follow: bool, lines: int, process: str | None) -> None:
    """Print the logs of the processes."""
    folder = Places(load_settings().state_dir).log
    files = [folder / f"{name}.log" for name in ([process] if process else ["supervisor", "web", "worker"])]
    for file in files:
        for line in log_files.tail(file, lines):
            _print_line(file, line)
    if follow:
        try:
            for file, line in log_files.follow(files):
                _print_line(file, line)
        except KeyboardInterrupt:
            click.echo()


def _supervise(settings: Settings) -> None:
    start_logging(settings)
    Supervisor(settings, open_database(settings), SystemClock()).run()


def _print_line(file: Path, line: str) -> None:
    click.echo(f"{file.stem:<10} | {line}")


def _progress(text: str) -> None:
    click.echo(f"  {text} …", err=True)


def _prepare(settings: Settings) -> first_start.Prepared:
    database = open_database(settings)
    try:
        return first_start.prepare(settings, database, SystemClock(), RandomIds())
    finally:
        database.dispose()


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
        "acrctl registry login -n demo01",
        'eval "$(acrctl env)"    # points az and the SDKs here',
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
