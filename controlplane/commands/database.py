"""db upgrade, db check: the schema of the configured database."""

from __future__ import annotations

import click

from controlplane.commands.common import Refusal, load_settings, reporting
from controlplane.commands.databases import opened
from controlplane.persistence import schema


@click.group()
def db() -> None:
    """Migrate and check the database."""


@db.command()
@reporting
def upgrade() -> None:
    """Apply every migration that is missing."""
    with opened(load_settings()) as database:
        before, newest = schema.current(database)
        schema.upgrade(database)
    click.echo(f"{before or 'empty'} -> {newest}" if before != newest else f"up to date ({newest})")


@db.command()
@reporting
def check() -> None:
    """Compare the migrated database with the tables this version declares. Exit code 1 if they differ."""
    with opened(load_settings()) as database:
        found, newest = schema.current(database)
        if found != newest:
            raise Refusal(f"The database is at {found or 'nothing'}, the newest migration is {newest}.")
        differences = schema.drift(database)
    if differences:
        raise Refusal("\n".join(["Migrations and tables differ:", *differences]))
    click.echo(f"no drift ({database.dialect}, {newest})")
