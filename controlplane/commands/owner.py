"""owner reset: a way back in for whoever runs the service."""

from __future__ import annotations

import click

from controlplane.commands.common import Refusal, load_settings, reporting
from controlplane.commands.databases import opened, require_schema
from controlplane.kernel.clock import SystemClock
from controlplane.kernel.ids import RandomIds
from controlplane.services.bootstrap import BootstrapError, bootstrap, new_owner_secret
from controlplane.services.vault import VaultError, ensure_key_file
from controlplane.settings.model import Settings


@click.group()
def owner() -> None:
    """Look after the owner service principal."""


@owner.command()
@reporting
def reset() -> None:
    """Make the owner if there is none, give it a new secret and print it once. Older secrets end."""
    settings = load_settings()
    require_schema(settings)
    try:
        _reset(settings)
    except (BootstrapError, VaultError) as error:
        raise Refusal(f"{error}.") from error


def _reset(settings: Settings) -> None:
    with opened(settings) as database:
        tools = (database, settings, SystemClock(), RandomIds(), ensure_key_file(settings))
        result = bootstrap(*tools)
        if result.secret is None:
            result = new_owner_secret(*tools)
    click.echo(f"tenant         {result.tenant_id}")
    click.echo(f"subscription   {result.subscription_id}")
    click.echo(f"client id      {result.app_id}")
    click.echo(f"client secret  {result.secret}  (shown once)")
    click.echo("\nSign in:\n")
    click.echo(
        f"  acrctl login --service-principal --endpoint {settings.public_url} "
        f"-u {result.app_id} -p SECRET --tenant {result.tenant_id}"
    )
