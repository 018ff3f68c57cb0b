"""`acrctl manifest list`, `list-metadata` and `list-referrers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cli.commands.repository import BY, ORDER, TOP
from cli.dataplane import PAGE, attributes_path
from cli.images import OF_IMAGE, OF_REPOSITORY, Named, named_image, named_repository
from cli.manifests import read_manifest
from cli.progress import counted
from cli.spec import Args, Column, Command, Kind, Option, Rows

if TYPE_CHECKING:
    from cli.session import Session


def _metadata(named: Named, token: str, args: Args) -> list[Any]:
    path = f"{attributes_path(named.repository)}/_manifests"
    return named.client.list(path, token, "manifests", top=args.top, orderby=ORDER.get(args.orderby, ""))


def _list_metadata(session: Session, args: Args) -> object:
    named = named_repository(session, args)
    return _metadata(named, named.token("metadata_read"), args)


def _list(session: Session, args: Args) -> object:
    named = named_repository(session, args)
    token = named.token("pull", "metadata_read")
    digests = [one["digest"] for one in _metadata(named, token, args)]
    return [
        read_manifest(named.client, token, named.repository, digest).json()
        for digest in counted(digests, "Manifest", quiet=session.common.only_show_errors)
    ]


def _list_referrers(session: Session, args: Args) -> object:
    """List what refers to an image; with --recursive also what refers to that, each once."""
    image = named_image(session, args)
    token = image.token("pull", "metadata_read") if image.tag else image.token("pull")
    found = _referrers(image, token, image.found_digest(token), args.artifact_type)
    seen = {one["digest"] for one in found}
    for one in found if args.recursive else ():
        fresh = [r for r in _referrers(image, token, one["digest"]) if r["digest"] not in seen]
        seen |= {r["digest"] for r in fresh}
        found += fresh
    return {"manifests": found}


def _referrers(image: Named, token: str, digest: str, artifact_type: str | None = None) -> list[Any]:
    path = f"/v2/{quote(image.repository)}/referrers/{digest}"
    params = {"n": str(PAGE), **({"artifactType": artifact_type} if artifact_type else {})}
    return [one for page in image.client.pages(path, token, params) for one in page.get("manifests") or []]


def _referrer_rows(result: Any) -> Rows:
    names = ("digest", "artifactType", "mediaType", "size")
    return [{name: one.get(name) for name in names} for one in result["manifests"]]


COMMANDS = {
    "list": Command(
        _list,
        (*OF_REPOSITORY, TOP, BY),
        (("All manifests of a repository.", "acrctl manifest list -r demo01 -n hello -o table"),),
        table=(
            Column("MediaType", "mediaType"),
            Column("ArtifactType", "artifactType"),
            Column("SubjectDigest", "subject.digest"),
        ),
    ),
    "list-metadata": Command(
        _list_metadata,
        (*OF_REPOSITORY, TOP, BY),
        (
            (
                "Those without a tag.",
                "acrctl manifest list-metadata -r demo01 -n hello --query '[?!tags].digest' -o tsv",
            ),
        ),
    ),
    "list-referrers": Command(
        _list_referrers,
        (
            *OF_IMAGE,
            Option(("--artifact-type",), "Only those of this type."),
            Option(("--recursive",), "Also what refers to those.", Kind.FLAG),
        ),
        (
            (
                "Signatures and SBOMs of an image.",
                "acrctl manifest list-referrers -r demo01 -n hello:v1 -o table",
            ),
        ),
        table=_referrer_rows,
    ),
}
