"""`acrctl registry login`: give a container client, or the user, a token of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import containers, options, registries, trust
from cli.access import login_server, open_registry
from cli.dataplane import EMPTY_GUID
from cli.errors import BadUsageError, NotFoundError
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session

_NOTE = (
    "accessToken and refreshToken are both the registry's refresh token: it logs a client in, "
    "and is exchanged for access tokens at /oauth2/token."
)


def _login(session: Session, args: Args) -> object:
    if args.expose_token:
        return _expose(session, args)
    command = containers.find_client()
    client = open_registry(session, args)
    user = args.username or EMPTY_GUID
    known = client.credential
    password = known.password if known else client.refresh_token()
    server = _regional(session, args) if args.endpoint else client.server
    places = {"bundle": trust.bundle(session.profile), "cert_dir": trust.cert_dir(session.profile)}
    containers.login(command, server, user, password, places)
    session.tell(f"{command} is logged in to {server}.")
    print("Login Succeeded")  # what az's users see, and their scripts look for
    return None


def _expose(session: Session, args: Args) -> object:
    if args.username or args.password:
        raise BadUsageError("--expose-token cannot be combined with --username or --password")
    if args.endpoint:
        raise BadUsageError("--expose-token cannot be combined with --endpoint")
    client = open_registry(session, args)
    token = client.refresh_token()
    session.warn(_NOTE)
    names = {"loginServer": client.server, "username": EMPTY_GUID}
    return names | {"accessToken": token, "refreshToken": token}


def _regional(session: Session, args: Args) -> str:
    """Return the host of the registry in the region that --endpoint names."""
    registry = registries.find(session, args.name, args.resource_group)["properties"]
    label = login_server(session, args).split(".")[0]
    hosts = registry.get("regionalEndpointHostNames") or []
    enabled = registry.get("regionalEndpoints") == "Enabled"
    for host in hosts if enabled else []:
        if host.lower().startswith(f"{label}.{args.endpoint}.geo.".lower()):
            return str(host)
    raise NotFoundError(
        f"Registry '{args.name}' has no regional endpoint '{args.endpoint}'.",
        hint=f"acrctl registry show-endpoints -n {args.name}",
    )


COMMANDS = {
    "login": Command(
        _login,
        (
            options.REGISTRY,
            options.GROUP,
            options.SUFFIX,
            options.USERNAME,
            options.PASSWORD,
            Option(("--expose-token", "-t"), "Print a token instead of logging a client in.", Kind.FLAG),
            Option(("--endpoint",), "Log in to the registry's host in this region."),
        ),
        (
            (
                "Log docker, podman, skopeo or buildah in, whichever is there.",
                "acrctl registry login -n demo01",
            ),
            ("Choose the client.", "DOCKER_COMMAND=skopeo acrctl registry login -n demo01"),
            (
                "Only get the token.",
                "acrctl registry login -n demo01 --expose-token --query refreshToken -o tsv",
            ),
        ),
        about="Uses $DOCKER_COMMAND, else the first of docker, podman, skopeo and buildah that is installed.",
    ),
}
