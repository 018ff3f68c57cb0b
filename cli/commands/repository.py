"""`acrctl repository list`, `show`, `show-tags`, `show-manifests`, `list-deleted` and `update`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli import options
from cli.access import open_registry
from cli.attributes import SWITCHES, attributes, given
from cli.dataplane import RegistryClient, attributes_path, parse_image
from cli.errors import BadUsageError
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session

ORDER = {"time_asc": "timeasc", "time_desc": "timedesc"}
_OLD_NAMES = {"digest": "digest", "tags": "tags", "timestamp": "lastUpdateTime"}


def _catalog(session: Session, args: Args) -> object:
    client = open_registry(session, args)
    token = client.access_token("registry:catalog:*")
    return client.list("/v2/_catalog", token, "repositories", top=args.top)


def _deleted(session: Session, args: Args) -> object:
    client = open_registry(session, args)
    token = client.access_token("registry:deleted_catalog:*")
    return client.list("/acr/v1/_deleted/_catalog", token, "repositories")


def target(args: Args) -> tuple[str, str, str]:
    """Return (repository, tag, digest) of what --repository or --image name."""
    if bool(args.repository) == bool(args.image):
        raise BadUsageError("give either --image IMAGE or --repository REPOSITORY")
    return parse_image(args.image) if args.image else (args.repository, "", "")


def _show(session: Session, args: Args) -> object:
    return attributes(open_registry(session, args), target(args))


def _update(session: Session, args: Args) -> object:
    return attributes(open_registry(session, args), target(args), given(args))


def tags(client: RegistryClient, repository: str, token: str, **how: Any) -> list[Any]:
    """Return the tags of a repository with their attributes."""
    return client.list(f"{attributes_path(repository)}/_tags", token, "tags", **how)


def _listing(session: Session, args: Args, kind: str) -> list[Any]:
    client = open_registry(session, args)
    token = client.access_token(f"repository:{args.repository}:metadata_read")
    path = f"{attributes_path(args.repository)}/_{kind}"
    return client.list(path, token, kind, top=args.top, orderby=ORDER.get(args.orderby, ""))


def _show_tags(session: Session, args: Args) -> object:
    found = _listing(session, args, "tags")
    return found if args.detail else [tag["name"] for tag in found]


def _show_manifests(session: Session, args: Args) -> object:
    found = _listing(session, args, "manifests")
    return found if args.detail else [{new: one.get(old) for new, old in _OLD_NAMES.items()} for one in found]


ACCESS = (options.GROUP, options.SUFFIX, options.USERNAME, options.PASSWORD)
REPOSITORY = Option(("--repository",), "Name of the repository.")
ONE_REPOSITORY = Option(("--repository",), "Name of the repository.", required=True)
IMAGE = Option(("--image", "-t"), "Image as name:tag or name@digest.")
TOP = Option(("--top",), "At most so many.", Kind.NUMBER)
BY = Option(("--orderby",), "Order by time.", choices=tuple(ORDER))
_DETAIL = Option(("--detail",), "Show digests and times, not only names.", Kind.FLAG)
_LISTS = (options.REGISTRY, ONE_REPOSITORY, TOP, BY, *ACCESS, _DETAIL)

COMMANDS = {
    "list": Command(
        _catalog,
        (options.REGISTRY, TOP, *ACCESS),
        (("Names of all repositories.", "acrctl repository list -n demo01 -o tsv"),),
    ),
    "list-deleted": Command(
        _deleted,
        (options.REGISTRY, *ACCESS),
        (("Repositories with something to restore.", "acrctl repository list-deleted -n demo01 -o tsv"),),
    ),
    "show": Command(
        _show,
        (options.REGISTRY, REPOSITORY, IMAGE, *ACCESS),
        (("The digest of an image.", "acrctl repository show -n demo01 -t hello:v1 --query digest -o tsv"),),
    ),
    "show-manifests": Command(
        _show_manifests,
        _LISTS,
        (("Digests and their tags.", "acrctl repository show-manifests -n demo01 --repository hello"),),
        about="Like az's command, which is deprecated: see acrctl manifest list-metadata.",
    ),
    "show-tags": Command(
        _show_tags,
        _LISTS,
        (("Newest first.", "acrctl repository show-tags -n demo01 --repository hello --orderby time_desc"),),
    ),
    "update": Command(
        _update,
        (options.REGISTRY, REPOSITORY, IMAGE, *SWITCHES, *ACCESS),
        (
            (
                "Keep an image for good.",
                "acrctl repository update -n demo01 -t hello:v1 --write-enabled false",
            ),
            (
                "Tags may come but not move.",
                "acrctl repository update -n demo01 --repository hello --update-enabled false",
            ),
        ),
    ),
}
