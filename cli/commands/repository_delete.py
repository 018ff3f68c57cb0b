"""`acrctl repository delete` and `untag`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import options
from cli.access import open_registry
from cli.commands.repository import ACCESS, IMAGE, REPOSITORY, tags, target
from cli.dataplane import RegistryClient, attributes_path, parse_image
from cli.prompts import confirm
from cli.spec import Args, Command, Option

if TYPE_CHECKING:
    from cli.session import Session


def _untag(session: Session, args: Args) -> object:
    repository, tag, _ = parse_image(args.image, allow_digest=False)
    client = open_registry(session, args)
    token = client.access_token(f"repository:{repository}:delete")
    client.call("DELETE", attributes_path(repository, tag), token)
    return None


def _delete(session: Session, args: Args) -> object:
    repository, tag, digest = target(args)
    client = open_registry(session, args)
    token = client.access_token(f"repository:{repository}:delete,metadata_read")
    if tag or digest:
        digest = digest or client.call("GET", attributes_path(repository, tag), token).json()["tag"]["digest"]
        _confirm_image(session, client, token, (repository, digest, args.yes))
        path = f"/v2/{repository}/manifests/{digest}"
    else:
        question = f"Are you sure you want to delete the repository '{repository}' and all images under it?"
        confirm(question, yes=args.yes)
        path = attributes_path(repository)
    answer = client.call("DELETE", path, token)
    return answer.json() if answer.content else None


def _confirm_image(session: Session, client: RegistryClient, token: str, what: tuple[str, str, bool]) -> None:
    """Tell every tag that goes with the image before it does."""
    repository, digest, yes = what
    names = [f"'{repository}:{t['name']}'" for t in tags(client, repository, token) if t["digest"] == digest]
    also = f" and all the following images: {', '.join(names)}" if names else ""
    message = f"This operation will delete the manifest '{digest}'{also}"
    if yes:
        session.warn(message)
    confirm(f"{message}.\nAre you sure you want to continue?", yes=yes)


COMMANDS = {
    "delete": Command(
        _delete,
        (options.REGISTRY, REPOSITORY, IMAGE, *ACCESS, options.YES),
        (("An image with all its tags.", "acrctl repository delete -n demo01 --image hello:v1 --yes"),),
    ),
    "untag": Command(
        _untag,
        (options.REGISTRY, Option(("--image", "-t"), "Image as name:tag.", required=True), *ACCESS),
        (("Remove a tag, keep the image.", "acrctl repository untag -n demo01 --image hello:old"),),
    ),
}
