"""`acrctl sp create-for-rbac`: an application, its principal, its secret and its roles in one go."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from cli import roles
from cli.commands.sp import CERTIFICATES, YEARS
from cli.errors import BadUsageError
from cli.graph import quoted
from cli.secrets import WARNING, add_password
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.graph import Graph
    from cli.session import Session


def _create(session: Session, args: Args) -> object:
    if bool(args.role) != bool(args.scopes):
        raise BadUsageError("to assign roles, give both --role and --scopes")
    graph = session.graph
    now = dt.datetime.now(dt.UTC)
    name = args.display_name or f"acrctl-{now:%Y-%m-%d-%H-%M-%S}"
    existing = (
        graph.find("servicePrincipals", f"displayName eq '{quoted(name)}'") if args.display_name else []
    )
    app = _application(graph, name)
    with_password = args.create_password is not False
    secret = add_password(graph, "applications", app["id"], "rbac", args.years) if with_password else None
    principal = existing[0] if existing else _principal(graph, app["appId"])
    for scope in args.scopes or []:
        session.warn(f"Creating '{args.role}' role assignment under scope '{scope}'")
        members = {"principalId": principal["id"], "principalType": "ServicePrincipal"}
        roles.assign(session, args.role, roles.scope_of(session, scope, None), members)
    if secret:
        session.warn(WARNING)
    tenant = session.profile.tenant_id
    return {"appId": app["appId"], "displayName": name, "password": secret, "tenant": tenant}


def _application(graph: Graph, name: str) -> dict[str, Any]:
    """Return the application of this name with its old passwords removed, or a new one.

    Running the command twice leaves one application with one valid secret, as with az.
    """
    found = [
        a
        for a in graph.find("applications", f"startswith(displayName,'{quoted(name)}')")
        if a["displayName"] == name
    ]
    if not found:
        return dict(
            graph.call("POST", "/v1.0/applications", json={"displayName": name, "keyCredentials": []})
        )
    for old in found[0].get("passwordCredentials") or []:
        path = f"/v1.0/applications/{found[0]['id']}/removePassword"
        graph.call("POST", path, json={"keyId": old["keyId"]})
    return dict(found[0])


def _principal(graph: Graph, app_id: str) -> dict[str, Any]:
    body = {"appId": app_id, "accountEnabled": True}
    return dict(graph.call("POST", "/v1.0/servicePrincipals", json=body))


COMMANDS = {
    "create-for-rbac": Command(
        _create,
        (
            Option(("--display-name", "--name", "-n"), "Name; one with the time in it when left out."),
            Option(("--role",), "Name, GUID or id of a role to give."),
            Option(("--scopes",), "Scopes to give it at.", Kind.WORDS),
            YEARS,
            Option(("--create-password",), "Whether to make a secret.", Kind.SWITCH),
            *CERTIFICATES,
        ),
        (
            (
                "A robot that pushes to one registry.",
                (
                    "acrctl sp create-for-rbac -n ci --role AcrPush --scopes "
                    '"$(acrctl registry show -n demo01 --query id -o tsv)"'
                ),
            ),
        ),
    ),
}
