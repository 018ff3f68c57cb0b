"""down, status, logs: the service that runs on this machine. Loads little, so that it answers at once."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from controlplane.commands.common import load_settings, reporting
from controlplane.supervisor import background, log_files, state
from controlplane.supervisor.places import Places

NOT_RUNNING = 3  # exit code of `status`, as service scripts use it
_PROCESSES = ("supervisor", "web", "worker", "relay")


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
@click.option("--process", type=click.Choice(_PROCESSES), help="Only this process.")
@reporting
def logs(*, follow: bool, lines: int, process: str | None) -> None:
    """Print the logs of the processes."""
    folder = Places(load_settings().state_dir).log
    files = [folder / f"{name}.log" for name in ([process] if process else _PROCESSES)]
    for file in files:
        for line in log_files.tail(file, lines):
            _print_line(file, line)
    if follow:
        try:
            for file, line in log_files.follow(files):
                _print_line(file, line)
        except KeyboardInterrupt:
            click.echo()


def _print_line(file: Path, line: str) -> None:
    click.echo(f"{file.stem:<10} | {line}")
