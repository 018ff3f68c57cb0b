"""`acrctl account`: subscriptions and access tokens."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from cli import columns
from cli.accounts import account
from cli.errors import BadUsageError
from cli.profiles import require_login
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session

_RESOURCE_TYPES = ("arm", "ms-graph", "aad-graph", "batch", "data-lake", "media", "oss-rdbms")
_SERVED = ("arm", "ms-graph")


def _list(session: Session, args: Args) -> object:
    visible = session.subscriptions()
    shown = [s for s in visible if args.all or s.get("state", "Enabled") == "Enabled"]
    if len(shown) < len(visible):
        session.warn("Subscriptions that are not enabled are left out; --all shows them.")
    return [account(session.profile, s, "cloudName") for s in shown]


def _show(session: Session, args: Args) -> object:
    del args
    profile = require_login(session.profile)
    if session.common.subscription or not profile.subscription_id:
        found = session.find_subscription(session.common.subscription or "")
        return account(profile, found, "environmentName")
    known = {"subscriptionId": profile.subscription_id, "displayName": profile.subscription_name}
    return account(profile, known, "environmentName")


def _set(session: Session, args: Args) -> object:
    found = session.find_subscription(args.subscription)
    profile = session.store.require(session.profile.name)
    chosen = {"subscription_id": found["subscriptionId"], "subscription_name": found["displayName"]}
    session.store.save(replace(profile, **chosen))
    return None


def _get_access_token(session: Session, args: Args) -> object:
    profile = require_login(session.profile)
    if args.tenant and args.tenant != profile.tenant_id:
        raise BadUsageError("--tenant: this profile belongs to another tenant")
    if args.resource_type and args.resource_type not in _SERVED:
        raise BadUsageError(f"--resource-type '{args.resource_type}' is not supported: no such service here")
    resource = args.resource or (f"{profile.endpoint}/" if args.resource_type == "ms-graph" else "")
    scope = args.scope[0] if args.scope else f"{resource.rstrip('/')}/.default" if resource else ""
    token = session.tokens.get(scope)
    local = dt.datetime.fromtimestamp(token["expiresOn"]).astimezone()
    result = {
        "accessToken": token["accessToken"],
        "expiresOn": local.strftime("%Y-%m-%d %H:%M:%S.%f"),
        "expires_on": token["expiresOn"],
        "tenant": profile.tenant_id,
        "tokenType": "Bearer",
    }
    return result if args.tenant else result | {"subscription": session.subscription}


COMMANDS = {
    "list": Command(
        _list,
        (
            Option(("--all",), "Also those that are not enabled.", Kind.FLAG),
            Option(("--refresh",), "Accepted for az's sake: the service is always asked.", Kind.FLAG),
        ),
        (("The subscriptions you can see.", "acrctl account list -o table"),),
        table=columns.ACCOUNT,
    ),
    "show": Command(
        _show,
        (),
        (("The id of the subscription in use.", "acrctl account show --query id -o tsv"),),
    ),
    "set": Command(
        _set,
        (Option(("--subscription", "--name", "-n", "-s"), "Name or ID of the subscription.", required=True),),
        (("Work in another subscription.", "acrctl account set --subscription Team-A"),),
    ),
    "get-access-token": Command(
        _get_access_token,
        (
            Option(("--resource",), "Resource the token is for; the management API when left out."),
            Option(("--scope",), "Scope instead of a resource.", Kind.ANY_WORDS),
            Option(("--resource-type",), "Kind of resource.", choices=_RESOURCE_TYPES),
            Option(("--tenant", "-t"), "Tenant id; must be the profile's."),
        ),
        (
            (
                "Call the API with curl.",
                (
                    'curl -H "Authorization: Bearer '
                    '$(acrctl account get-access-token --query accessToken -o tsv)" …'
                ),
            ),
        ),
    ),
}
