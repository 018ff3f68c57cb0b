"""`acrctl repository restore` and `purge-deleted`: what becomes of what was deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import options
from cli.access import open_registry
from cli.commands.repository import ACCESS, IMAGE, ONE_REPOSITORY, REPOSITORY, target
from cli.dataplane import deleted_path
from cli.errors import BadUsageError
from cli.prompts import confirm
from cli.spec import Args, Command

if TYPE_CHECKING:
    from cli.session import Session


def _restore(session: Session, args: Args) -> object:
    client = open_registry(session, args)
    token = client.access_token(f"repository:{args.repository}:deleted_read,deleted_restore")
    answer = client.call("POST", deleted_path(args.repository), token)
    return answer.json() if answer.content else None


def _purge_deleted(session: Session, args: Args) -> object:
    repository, tag, digest = target(args)
    if tag:
        raise BadUsageError("--image: name what was deleted by its digest, as name@digest")
    what = f"the manifest '{digest}'" if digest else f"everything deleted from the repository '{repository}'"
    confirm(f"This removes {what} for good; nothing can restore it. Are you sure?", yes=args.yes)
    client = open_registry(session, args)
    token = client.access_token(f"repository:{repository}:delete")
    answer = client.call("DELETE", deleted_path(repository, digest), token)
    return answer.json() if answer.content else None


COMMANDS = {
    "restore": Command(
        _restore,
        (options.REGISTRY, ONE_REPOSITORY, *ACCESS),
        (("Undo the deletion of a repository.", "acrctl repository restore -n demo01 --repository hello"),),
        about="Everything comes back that was deleted and is still kept, tags too unless they are in use.",
    ),
    "purge-deleted": Command(
        _purge_deleted,
        (options.REGISTRY, REPOSITORY, IMAGE, *ACCESS, options.YES),
        (
            (
                "Free the space now.",
                "acrctl repository purge-deleted -n demo01 --repository hello --yes",
            ),
        ),
    ),
}
