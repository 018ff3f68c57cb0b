"""`acrctl group`: resource groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import columns, generic, options
from cli.arm import FIRST_ERROR_STATUS, RESOURCES_API, error_of
from cli.errors import NotFoundError
from cli.graph import quoted
from cli.prompts import confirm
from cli.shapes import shape
from cli.spec import Args, Command, Kind, Option
from cli.tags import parse_tags

if TYPE_CHECKING:
    from cli.session import Session

NOT_FOUND = 404


def _path(session: Session, *parts: str) -> str:
    return session.path("resourcegroups", *parts)


def _create(session: Session, args: Args) -> object:
    body = {"location": args.location}
    if args.tags is not None:
        body["tags"] = parse_tags(args.tags)
    if args.managed_by:
        body["managedBy"] = args.managed_by
    return shape("ResourceGroup", session.operate("PUT", _path(session, args.name), RESOURCES_API, json=body))


def _list(session: Session, args: Args) -> object:
    params = {}
    if args.tag:
        key, _, value = args.tag.partition("=")
        condition = f"tagname eq '{quoted(key)}'" + (f" and tagvalue eq '{quoted(value)}'" if value else "")
        params["$filter"] = condition
    return shape("ResourceGroup", session.arm.list(_path(session), RESOURCES_API, params))


def _show(session: Session, args: Args) -> object:
    return shape("ResourceGroup", session.arm.get(_path(session, args.name), RESOURCES_API))


def _exists(session: Session, args: Args) -> object:
    answer = session.arm.send("HEAD", _path(session, args.name), RESOURCES_API)
    if answer.status_code >= FIRST_ERROR_STATUS and answer.status_code != NOT_FOUND:
        raise error_of(answer)
    return answer.status_code != NOT_FOUND


def _update(session: Session, args: Args) -> object:
    group = session.arm.get(_path(session, args.name), RESOURCES_API)
    generic.apply(group, args)
    body = {name: group[name] for name in ("location", "tags", "managedBy") if group.get(name) is not None}
    if args.tags is not None:
        body["tags"] = parse_tags(args.tags)
    return shape("ResourceGroup", session.operate("PUT", _path(session, args.name), RESOURCES_API, json=body))


def _delete(session: Session, args: Args) -> object:
    confirm("Are you sure you want to perform this operation?", yes=args.yes)
    path = _path(session, args.name)
    try:
        return session.operate("DELETE", path, RESOURCES_API, no_wait=args.no_wait, timeout=args.timeout)
    except NotFoundError as missing:
        missing.hint = "acrctl group list shows what there is."
        raise


COMMANDS = {
    "create": Command(
        _create,
        (
            options.GROUP_NAME,
            Option(("--location", "-l"), "Region.", required=True, fallback="location"),
            options.TAGS,
            Option(("--managed-by",), "ID of the resource that manages this group."),
        ),
        (("A group for a team.", "acrctl group create -n team-a -l local --tags team=a"),),
    ),
    "list": Command(
        _list,
        (Option(("--tag",), "Only those with this tag: key[=value]."),),
        (("All groups.", "acrctl group list -o table"),),
        table=columns.RESOURCE_GROUP,
    ),
    "show": Command(_show, (options.GROUP_NAME,), (("One group.", "acrctl group show -n team-a"),)),
    "exists": Command(
        _exists, (options.GROUP_NAME,), (("Prints true or false.", "acrctl group exists -n team-a"),)
    ),
    "update": Command(
        _update,
        (options.GROUP_NAME, options.TAGS, *options.GENERIC_UPDATE),
        (("Replace the tags.", "acrctl group update -n team-a --tags team=a stage=test"),),
    ),
    "delete": Command(
        _delete,
        (
            options.GROUP_NAME,
            options.YES,
            options.NO_WAIT,
            options.TIMEOUT,
            Option(
                ("--force-deletion-types", "-f"),
                "Resource types to delete by force.",
                Kind.TEXT,
                refused="there are no virtual machines here",
            ),
        ),
        (("Delete a group and everything in it.", "acrctl group delete -n team-a --yes"),),
    ),
}
