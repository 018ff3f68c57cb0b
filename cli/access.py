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


def login_server(session: Session, args: Args, name: str = "") -> str:
    """Return the login server of a registry, the one named by --name unless ``name`` says another.

    A name with a dot or colon is a login server already.
    """
    registry = name or str(args.name)
    if "." in registry or ":" in registry:
        return registry
    group = getattr(args, "resource_group", None)
    found = registries.find(session, registry, group)["properties"].get("loginServer")
    if not found:
        raise CommandError(
            f"Registry '{registry}' has no login server yet.", hint="Wait until it is created."
        )
    if args.suffix:
        session.warn(f"The login server is '{found}'; --suffix is ignored.")
    return str(found)


def open_registry(session: Session, args: Args, name: str = "") -> RegistryClient:
    """Return a client of a registry's data plane, as ``login_server`` finds it."""
    user = credential(args)
    server = login_server(session, args, name)
    scheme = urlsplit(session.profile.endpoint).scheme or "https"
    return RegistryClient(session.http, session.tokens, server, scheme=scheme, credential=user)
