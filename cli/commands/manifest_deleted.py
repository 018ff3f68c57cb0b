"""`acrctl manifest list-deleted`, `list-deleted-tags` and `restore`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from cli import options, registries
from cli.dataplane import deleted_path
from cli.errors import BadUsageError, NotFoundError
from cli.images import OF_IMAGE, OF_REPOSITORY, OF_TAGGED, Named, named_image, named_repository
from cli.prompts import confirm
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session


def _listing(named: Named, kind: str, *rights: str) -> list[Any]:
    token = named.token(*(rights or ("deleted_read",)))
    return named.client.list(f"{deleted_path(named.repository)}/_{kind}", token, kind)


def _with_expiry(session: Session, named: Named, found: list[Any]) -> list[Any]:
    """Add until when each can be restored, where the service does not say so itself."""
    silent = [one for one in found if not one.get("expiresAfter")]
    if silent:
        policies = registries.find(session, named.registry, None)["properties"]["policies"]
        kept = dt.timedelta(days=policies["softDeletePolicy"]["retentionDays"])
        for one in silent:
            date, _, time = str(one["deletedAt"]).partition("T")
            one["expiresAfter"] = f"{dt.date.fromisoformat(date) + kept}T{time}"
    return found


def _list_deleted(session: Session, args: Args) -> object:
    named = named_repository(session, args)
    return _with_expiry(session, named, _listing(named, "manifests"))


def _list_deleted_tags(session: Session, args: Args) -> object:
    named = named_image(session, args, allow_digest=False, tag_needed=False)
    found = [one for one in _listing(named, "tags") if not named.tag or one["tag"] == named.tag]
    return _with_expiry(session, named, found)


def _restore(session: Session, args: Args) -> object:
    named = named_image(session, args, allow_digest=False, tag_needed=False)
    digest = args.digest or _last_digest(named, yes=args.yes)
    token = named.token("deleted_read", "deleted_restore")
    path, force = deleted_path(named.repository, digest), {"force": str(bool(args.force)).lower()}
    answer = named.client.call("POST", path, token, force, json={"tag": named.tag or None})
    return answer.json() if answer.content else None


def _last_digest(named: Named, *, yes: bool) -> str:
    """Return the manifest that the tag named last; the user is asked when there were several."""
    if not named.tag:
        raise BadUsageError("name a tag, as name:tag, or give --digest")
    found = [one for one in _listing(named, "tags") if one["tag"] == named.tag]
    if not found:
        raise NotFoundError(f"No deleted manifest has the tag '{named.tag}'.")
    last = max(found, key=lambda one: str(one["deletedAt"]))
    if len({one["digest"] for one in found}) > 1:
        confirm(f"The tag was deleted with several manifests. Restore the last, {last['digest']}?", yes=yes)
    return str(last["digest"])


COMMANDS = {
    "list-deleted": Command(
        _list_deleted,
        OF_REPOSITORY,
        (("What can be restored?", "acrctl manifest list-deleted -r demo01 -n hello -o table"),),
    ),
    "list-deleted-tags": Command(
        _list_deleted_tags,
        OF_TAGGED,
        (("Which tags can be restored?", "acrctl manifest list-deleted-tags -r demo01 -n hello -o table"),),
    ),
    "restore": Command(
        _restore,
        (
            *OF_IMAGE,
            Option(("--digest", "-d"), "Digest to restore; the last one of the tag when left out."),
            Option(("--force", "-f"), "Move the tag if it is there again.", Kind.FLAG),
            options.YES,
        ),
        (("Undo a deletion.", "acrctl manifest restore -r demo01 -n hello:v1"),),
    ),
}
