"""chores list, chores run, audit: what the service does over and over, done or looked at by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from controlplane.commands.common import Refusal, load_settings, reporting, start_logging
from controlplane.commands.databases import opened, require_schema
from controlplane.kernel.clock import rfc3339
from controlplane.persistence import chores as store
from controlplane.services.assembly import assemble
from controlplane.services.chores import CHORES
from controlplane.services.content_audit import Audit
from controlplane.services.graph import Services
from controlplane.services.upkeep import Upkeep
from controlplane.services.vault import VaultError


@click.group()
def chores() -> None:
    """Look at the service's chores, and do one now."""


@chores.command(name="list")
@reporting
def list_() -> None:
    """Print every chore: how often it is done, when it is due, when it was done last, and its last error."""
    with _services() as services:
        upkeep = Upkeep(services, CHORES)
        upkeep.announce()
        with services.database.read() as tx:
            rows = [row for row in store.known(tx) if row.name in upkeep.chores]
    for row in rows:
        ended = rfc3339(row.ended_at) if row.ended_at else "never"
        every = f"{upkeep.chores[row.name].every:.0f} s"
        click.echo(f"{row.name:20} every {every:8} due {rfc3339(row.due_at)}  done {ended}")
        if row.error:
            click.echo(f"  failed: {row.error}")


@chores.command()
@click.argument("name", type=click.Choice([chore.name for chore in CHORES]))
@reporting
def run(name: str) -> None:
    """Do the chore NAME now, in this process, to its end."""
    with _services() as services:
        row = Upkeep(services, CHORES).finish(name)
    if row is None:
        raise Refusal(f"Another process is doing {name} right now.")
    if row.error:
        raise Refusal(f"{name} failed: {row.error}")
    click.echo(f"{name} is done")


@click.command()
@click.option("--fix", is_flag=True, help="Correct what can be corrected.")
@reporting
def audit(*, fix: bool) -> None:
    """Count sizes, links and tags again and compare. Exit code 1 when something does not add up.

    With --fix, exit code 1 when something is left that cannot be corrected.
    """
    with _services() as services:
        found = Audit(services.database, services.blobs, services.clock).run(fix=fix)
    left = [difference for difference in found if not fix or difference.fix is None]
    for difference in found:
        click.echo(f"{difference}{'' if difference in left else ' (corrected)'}")
    click.echo("everything adds up" if not found else f"{len(found)} differences, {len(left)} left")
    if left:
        sys.exit(1)


@contextmanager
def _services() -> Iterator[Services]:
    settings = load_settings()
    start_logging(settings)
    require_schema(settings)
    with opened(settings) as database:
        try:
            yield assemble(settings, database)
        except VaultError as error:
            raise Refusal(f"{error}.") from error
