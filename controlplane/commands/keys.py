"""keys rotate: new signing keys, without signing anybody out."""

from __future__ import annotations

import click

from controlplane.commands.common import Refusal, load_settings, reporting
from controlplane.commands.databases import opened, require_schema
from controlplane.kernel.clock import SystemClock
from controlplane.kernel.ids import RandomIds
from controlplane.services.assembly import token_lifetimes
from controlplane.services.issuer import ALGORITHMS, Issuer
from controlplane.services.vault import VaultError, vault_from
from controlplane.settings.model import Settings


@click.group()
def keys() -> None:
    """Look after the keys that sign tokens."""


@keys.command()
@click.argument("purpose", type=click.Choice([*ALGORITHMS, "all"]), default="all")
@reporting
def rotate(purpose: str) -> None:
    """Sign with a new key from now on.

    PURPOSE is entra (access tokens of the token service), registry (tokens of login servers) or all.
    Tokens that are out stay good: the old key verifies them until the last one has expired.
    """
    settings = load_settings()
    require_schema(settings)
    try:
        _rotate(settings, list(ALGORITHMS) if purpose == "all" else [purpose])
    except VaultError as error:
        raise Refusal(f"{error}.") from error


def _rotate(settings: Settings, purposes: list[str]) -> None:
    with opened(settings) as database:
        lifetimes = token_lifetimes(settings)
        issuer = Issuer(database, vault_from(settings), SystemClock(), RandomIds(), lifetimes)
        for purpose in purposes:
            click.echo(f"{purpose:9} signs with {issuer.rotate(purpose)}")
