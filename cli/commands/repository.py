"""`acrctl repository list`, `show` and `show-tags`, through the registry's data plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli import options
from cli.access import open_registry
from cli.dataplane import RegistryClient, attributes_path, parse_image
from cli.errors import BadUsageError
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session

_ORDER = {"time_asc": "timeasc", "time_desc": "timedesc"}


def _list(session: Session, args: Args) -> object:
    client = open_registry(session, args)
    return client.list(
        "/v2/_catalog", client.access_token("registry:catalog:*"), "repositories", top=args.top
    )


def target(args: Args) -> tuple[str, str, str]:
    """Return (repository, tag, digest) of what --repository or --image name."""
    if bool(args.repository) == bool(args.image):
        raise BadUsageError("give either --image IMAGE or --repository REPOSITORY")
    return parse_image(args.image) if args.image else (args.repository, "", "")


def _show(session: Session, args: Args) -> object:
    repository, tag, digest = target(args)
    client = open_registry(session, args)
    token = client.access_token(f"repository:{repository}:metadata_read")
    body = client.call("GET", attributes_path(repository, tag, digest), token).json()
    return body["tag"] if tag else body["manifest"] if digest else body


def tags(client: RegistryClient, repository: str, token: str, **how: Any) -> list[Any]:
    """Return the tags of a repository with their attributes."""
    return client.list(f"{attributes_path(repository)}/_tags", token, "tags", **how)


def _show_tags(session: Session, args: Args) -> object:
    client = open_registry(session, args)
    token = client.access_token(f"repository:{args.repository}:metadata_read")
    found = tags(client, args.repository, token, top=args.top, orderby=_ORDER.get(args.orderby, ""))
    return found if args.detail else [tag["name"] for tag in found]


ACCESS = (
    Option(("--resource-group", "-g"), "Resource group; found from the name when left out."),
    options.SUFFIX,
    options.USERNAME,
    options.PASSWORD,
)
REPOSITORY = Option(("--repository",), "Name of the repository.")
_NEEDED = Option(("--repository",), "Name of the repository.", required=True)
IMAGE = Option(("--image", "-t"), "Image as name:tag or name@digest.")
_TOP = Option(("--top",), "At most so many.", Kind.NUMBER)
_DETAIL = Option(("--detail",), "Show digests and times, not only names.", Kind.FLAG)
_BY = Option(("--orderby",), "Order by time.", choices=tuple(_ORDER))

COMMANDS = {
    "list": Command(
        _list,
        (options.REGISTRY, _TOP, *ACCESS),
        (("Names of all repositories.", "acrctl repository list -n demo01 -o tsv"),),
    ),
    "show": Command(
        _show,
        (options.REGISTRY, REPOSITORY, IMAGE, *ACCESS),
        (("The digest of an image.", "acrctl repository show -n demo01 -t hello:v1 --query digest -o tsv"),),
    ),
    "show-tags": Command(
        _show_tags,
        (options.REGISTRY, _NEEDED, _TOP, _BY, *ACCESS, _DETAIL),
        (("Newest first.", "acrctl repository show-tags -n demo01 --repository hello --orderby time_desc"),),
    ),
}
