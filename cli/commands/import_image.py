"""`acrctl import`: copy an image from another registry, on the service's side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli import options, registries
from cli.arm import REGISTRIES_API
from cli.errors import BadUsageError, NotFoundError
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session


def _import(session: Session, args: Args) -> object:
    if args.username and not args.password:
        raise BadUsageError("--username/-u needs --password/-p")
    path = registries.find_path(session, args.name, args.resource_group)
    source = _source(session, args)
    if args.password:
        names = {"username": args.username, "password": args.password}
        source["credentials"] = {name: value for name, value in names.items() if value}
    tags = args.image
    if not tags and not args.repository:
        tags = [source["sourceImage"].partition("@")[0]]
    own = {"referrers": True} if args.referrers else {}
    lists = {"targetTags": tags, "untaggedTargetRepositories": args.repository}
    mode = "Force" if args.force else "NoForce"
    body = {"source": source, "mode": mode, **own, **{name: given for name, given in lists.items() if given}}
    how = {"no_wait": args.no_wait, "timeout": args.timeout}
    return session.operate("POST", f"{path}/importImage", REGISTRIES_API, json=body, **how)


def _source(session: Session, args: Args) -> dict[str, Any]:
    """Return where the image comes from: a registry of the service by its id, any other by its host."""
    if args.registry:
        if args.registry.startswith("/"):
            return {"resourceId": args.registry, "sourceImage": args.source}
        return _known(session, args.registry, args.source)
    host, slash, image = args.source.partition("/")
    if not slash or not image or not ("." in host or ":" in host):
        raise BadUsageError("--source: name the login server too, or the registry with --registry/-r")
    if not args.password:
        try:
            return {"resourceId": registries.find_path(session, host, None), "sourceImage": image}
        except NotFoundError:
            session.tell(f"No registry here has the login server {host}.")
    return {"registryUri": host, "sourceImage": image}


def _known(session: Session, registry: str, image: str) -> dict[str, Any]:
    """Return a registry of the subscription as a source; an image that begins with its host loses that."""
    path = registries.find_path(session, registry, None)
    server = str(session.arm.get(path, REGISTRIES_API)["properties"].get("loginServer"))
    if image.lower().startswith(f"{server.lower()}/"):
        session.warn(f"The login server '{server}' in --source is ignored, as --registry names it already.")
        image = image[len(server) + 1 :]
    return {"resourceId": path, "sourceImage": image}


COMMANDS = {
    "import": Command(
        _import,
        (
            options.REGISTRY,
            Option(("--source",), "Image to copy, with its login server unless -r is given.", required=True),
            Option(("--registry", "-r"), "Registry it comes from: name, login server or resource id."),
            Option(("--username", "-u"), "User name at the source."),
            Option(("--password", "-p"), "Password at the source."),
            Option(("--image", "-t"), "Name and tag to give it; may be given again.", Kind.WORDS),
            Option(("--repository",), "Repository for the manifest without a tag.", Kind.WORDS),
            Option(("--force",), "Move tags that are there.", Kind.FLAG),
            Option(("--referrers",), "With signatures and what else refers to it.", Kind.FLAG),
            options.GROUP,
            options.NO_WAIT,
            options.TIMEOUT,
        ),
        (
            (
                "From a public registry, under another name.",
                "acrctl import -n demo01 --source docker.io/library/alpine:3.20 -t base/alpine:3.20",
            ),
            (
                "From another registry of the service, without waiting.",
                "acrctl import -n demo01 -r demo02 --source hello:v1 --no-wait",
            ),
        ),
        about="The service copies; nothing passes through this machine. A terminal shows the percentage.",
    ),
}
