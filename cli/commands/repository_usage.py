"""`acrctl repository usage` and `history`: bytes, and where a tag pointed when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli import options
from cli.access import open_registry
from cli.commands.repository import ACCESS, IMAGE, REPOSITORY, target
from cli.dataplane import PAGE, RegistryClient, attributes_path, parse_image
from cli.errors import BadUsageError
from cli.spec import Args, Column, Command, Option, Rows

if TYPE_CHECKING:
    from cli.session import Session


def _history(session: Session, args: Args) -> object:
    repository, tag, _ = parse_image(args.image, allow_digest=False)
    client = open_registry(session, args)
    token = client.access_token(f"repository:{repository}:metadata_read")
    return client.call("GET", f"{attributes_path(repository, tag)}/_history", token).json()["history"]


def _usage(session: Session, args: Args) -> object:
    if not (args.repository or args.image):
        return _of_registry(open_registry(session, args))
    repository, tag, digest = target(args)
    if digest:
        raise BadUsageError("--image: name the image by its tag")
    client = open_registry(session, args)
    token = client.access_token(f"repository:{repository}:metadata_read")
    return client.call("GET", f"{attributes_path(repository, tag)}/_usage", token).json()


def _of_registry(client: RegistryClient) -> dict[str, Any]:
    token = client.access_token("registry:catalog:*")
    first, *more = client.pages("/acr/v1/_usage", token, {"n": str(PAGE)})
    rest = [one for page in more for one in page.get("repositories") or []]
    return {**first, "repositories": [*(first.get("repositories") or []), *rest]}


def _rows(result: Any) -> Rows:
    return [
        {
            "REPOSITORY": one.get("imageName"),
            "TAG": one.get("tag"),
            "SIZE": one["size"],
            "UNIQUE": one["unique"],
            "SHARED": one["shared"],
            "FREED": one.get("freed"),
        }
        for one in result.get("repositories", [result])
    ]


COMMANDS = {
    "history": Command(
        _history,
        (options.REGISTRY, Option(("--image", "-t"), "Image as name:tag.", required=True), *ACCESS),
        (("What was latest last week?", "acrctl repository history -n demo01 -t hello:latest -o table"),),
        table=(
            Column("DIGEST", "digest"),
            Column("SINCE", "since", time=True),
            Column("UNTIL", "until", time=True),
            Column("ENDED BY", "endedBy"),
        ),
    ),
    "usage": Command(
        _usage,
        (options.REGISTRY, REPOSITORY, IMAGE, *ACCESS),
        (
            ("Which repositories are large?", "acrctl repository usage -n demo01 -o table"),
            (
                "What would deleting an image free?",
                "acrctl repository usage -n demo01 -t hello:v1 --query freed",
            ),
        ),
        about="Bytes. Unique ones belong to it alone, shared ones are used elsewhere in the registry too.",
        table=_rows,
    ),
}
