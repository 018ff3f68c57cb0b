"""From a registry's name to its data plane: the login server comes from the management API."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cli import registries
from cli.dataplane import Credential, RegistryClient
from cli.errors import BadUsageError, CommandError
from cli.prompts import secret

if TYPE_CHECKING:
    from cli.session import Session
    from cli.spec import Args


def credential(args: Args) -> Credential | None:
    """Return the user name and password given, asking for a missing password; None without a user name."""
    if not args.username:
        if args.password:
            raise BadUsageError("--password/-p needs --username/-u")
        return None
    missing = "Please specify both username and password in non-interactive mode."
    return Credential(args.username, args.password or secret("Password", missing))


def login_server(session: Session, args: Args) -> str:
    """Return the login server of the registry named; a name with a dot or colon is one already."""
    if "." in args.name or ":" in args.name:
        return str(args.name)
    found = registries.find(session, args.name, args.resource_group)["properties"].get("loginServer")
    if not found:
        raise CommandError(
            f"Registry '{args.name}' has no login server yet.", hint="Wait until it is created."
        )
    if args.suffix:
        session.warn(f"The login server is '{found}'; --suffix is ignored.")
    return str(found)


def open_registry(session: Session, args: Args) -> RegistryClient:
    """Return a client of the data plane of the registry named by --name."""
    user = credential(args)
    server = login_server(session, args)
    scheme = urlsplit(session.profile.endpoint).scheme or "https"
    return RegistryClient(session.http, session.tokens, server, scheme=scheme, credential=user)
