"""`acrctl login` and `logout`: the identity with which the command line speaks to the service."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cli import columns, options
from cli.accounts import account
from cli.arm import SUBSCRIPTIONS_API, Arm
from cli.errors import BadUsageError, CommandError, LoginNeededError
from cli.http import Http
from cli.profiles import Profile
from cli.prompts import confirm, secret
from cli.spec import Args, Command, Kind, Option
from cli.tokens import Tokens

if TYPE_CHECKING:
    from cli.session import Session


def _login(session: Session, args: Args) -> object:
    if not args.service_principal:
        raise BadUsageError("only service principals can log in: add --service-principal")
    profile = _given(session, args)
    http = Http(profile.ca_file)
    tokens = Tokens(profile, http)
    tokens.get(fresh=True)  # a token kept from an earlier login proves nothing about this secret
    visible = Arm(profile, http, tokens).list("/subscriptions", SUBSCRIPTIONS_API)
    if not visible and not args.allow_no_subscriptions:
        raise LoginNeededError(
            "This service principal can see no subscription.",
            hint="Give it a role, or use --allow-no-subscriptions.",
        )
    ids = [s["subscriptionId"] for s in visible]
    keeps = profile.subscription_id in ids
    chosen = visible[ids.index(profile.subscription_id) if keeps else 0] if visible else {}
    profile = replace(
        profile,
        subscription_id=chosen.get("subscriptionId", ""),
        subscription_name=chosen.get("displayName", ""),
    )
    session.store.save(profile, make_current=True)
    return [account(profile, subscription, "cloudName") for subscription in visible]


def _given(session: Session, args: Args) -> Profile:
    """Return the profile that the options describe, on top of the one of that name."""
    name = session.common.profile or session.store.current
    known = session.store.get(name) or Profile(name)
    endpoint = (args.endpoint or known.endpoint).rstrip("/")
    if not endpoint.startswith(("https://", "http://")):
        raise BadUsageError("--endpoint must be the URL of the service, such as https://localhost:8443")
    if not args.username or not (args.tenant or known.tenant_id):
        raise BadUsageError(
            "--service-principal needs --username APP_ID, --password SECRET and --tenant TENANT"
        )
    missing = "Please specify both username and password in non-interactive mode."
    moved = endpoint != known.endpoint
    ca_file = args.ca_file or ("" if moved else known.ca_file)
    return replace(
        known,
        endpoint=endpoint,
        tenant_id=args.tenant or known.tenant_id,
        client_id=args.username,
        client_secret=args.password or secret("Password", missing),
        ca_file=str(Path(ca_file).expanduser().resolve()) if ca_file else "",
        subscription_id="" if moved else known.subscription_id,
    )


def _logout(session: Session, args: Args) -> object:
    profile = session.store.get(session.common.profile or session.store.current)
    if profile is None or not profile.client_secret:
        raise CommandError("Nobody is logged in.")
    if args.username and args.username != profile.client_id:
        raise CommandError(f"'{args.username}' is not logged in.")
    confirm(
        f"The secret of '{profile.client_id}' is removed from profile '{profile.name}'; "
        "the service cannot show it again. Continue?",
        yes=args.yes,
    )
    Tokens(profile, session.http).forget()
    session.store.save(replace(profile, client_secret=""))
    return None


COMMANDS = {
    "login": Command(
        _login,
        (
            Option(("--service-principal",), "The user name is an application id.", Kind.FLAG),
            Option(("--username", "-u"), "Application id."),
            Option(("--password", "-p"), "Secret; asked for when left out."),
            Option(("--tenant", "-t"), "Tenant id."),
            Option(("--endpoint",), "URL of the service, such as https://localhost:8443."),
            Option(("--ca-file",), "Certificate authority of the service, PEM."),
            Option(("--allow-no-subscriptions",), "Accept an identity without any role.", Kind.FLAG),
        ),
        (
            (
                "Log in to a service on another machine.",
                (
                    "acrctl login --service-principal -u APP_ID -p SECRET --tenant TENANT"
                    " --endpoint https://registry.example.com:8443 --ca-file ca.pem"
                ),
            ),
            ("Log a container client in to a registry, as az acr login does.", "acrctl login -n demo01"),
        ),
        about="With -n/--name, or with a default registry configured and no other option, this is "
        "`acrctl registry login`; its options are shown by `acrctl registry login --help`.",
        table=columns.ACCOUNT,
    ),
    "logout": Command(
        _logout,
        (Option(("--username",), "Only if this application id is logged in."), options.YES),
        (("Forget the secret and all tokens.", "acrctl logout --yes"),),
    ),
}
