"""`acrctl manifest show`, `show-metadata`, `update-metadata`, `quarantine` and `delete`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cli import options
from cli.attributes import SWITCHES, attributes, given
from cli.images import OF_IMAGE, named_image
from cli.manifests import read_manifest
from cli.prompts import confirm
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session

STATES = ("Passed", "Failed", "Quarantined")


def _show(session: Session, args: Args) -> object:
    image = named_image(session, args)
    answer = read_manifest(image.client, image.token("pull"), image.repository, image.tag or image.digest)
    if not args.raw:
        return answer.json()
    # Exactly the stored bytes, so that their hash is the digest: no renderer may touch them.
    sys.stdout.write(answer.content.decode())
    return None


def _show_metadata(session: Session, args: Args) -> object:
    image = named_image(session, args)
    return attributes(image.client, image.names)


def _update_metadata(session: Session, args: Args) -> object:
    image = named_image(session, args)
    return attributes(image.client, image.names, given(args))


def _quarantine(session: Session, args: Args) -> object:
    image = named_image(session, args)
    digest = image.found_digest(image.token("metadata_read"))
    change = {"quarantineState": args.state}
    if args.details is not None:
        change["quarantineDetails"] = args.details
    # Those who scan have the right to push; a token lacks what its owner may not do.
    rights = "push,metadata_write,metadata_read"
    return attributes(image.client, (image.repository, "", digest), change, rights=rights)


def _delete(session: Session, args: Args) -> object:
    image = named_image(session, args)
    digest = image.digest or image.found_digest(image.token("metadata_read"))
    question = f"Are you sure you want to delete the artifact '{digest}' and all manifests that refer to it?"
    confirm(question, yes=args.yes)
    answer = image.client.call("DELETE", f"/v2/{image.repository}/manifests/{digest}", image.token("delete"))
    return answer.json() if answer.content else None


_THIS = "-r demo01 -n hello:v1"

COMMANDS = {
    "show": Command(
        _show,
        (*OF_IMAGE, Option(("--raw",), "Print the stored bytes, to check their digest.", Kind.FLAG)),
        (
            ("The manifest of an image.", f"acrctl manifest show {_THIS}"),
            (
                "Check the digest.",
                "acrctl manifest show localhost:5001/hello:v1 --raw | sha256sum",
            ),
        ),
    ),
    "show-metadata": Command(
        _show_metadata,
        OF_IMAGE,
        (("The attributes of a tag.", f"acrctl manifest show-metadata {_THIS}"),),
    ),
    "update-metadata": Command(
        _update_metadata,
        (*OF_IMAGE, *SWITCHES),
        (("Keep an image for good.", f"acrctl manifest update-metadata {_THIS} --write-enabled false"),),
    ),
    "quarantine": Command(
        _quarantine,
        (
            *OF_IMAGE,
            Option(("--state",), "What a scanner found.", required=True, choices=STATES),
            Option(("--details",), "Why, as the scanner says it."),
        ),
        (("Let an image out of quarantine.", f"acrctl manifest quarantine {_THIS} --state Passed"),),
        about="With the quarantine policy on, images can be pulled by others once they have passed.",
    ),
    "delete": Command(
        _delete,
        (*OF_IMAGE, options.YES),
        (("An image with all its tags.", f"acrctl manifest delete {_THIS} --yes"),),
    ),
}
