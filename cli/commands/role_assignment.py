"""`acrctl role assignment list` and `delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import columns, options, roles
from cli.arm import ROLE_ASSIGNMENTS_API
from cli.errors import BadUsageError, NotFoundError
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session


def _principal(session: Session, args: Args) -> str | None:
    """Return the object id that --assignee or --assignee-object-id name, None without either."""
    if args.assignee and args.assignee_object_id:
        raise BadUsageError("give only one of --assignee and --assignee-object-id")
    return session.graph.assignee(args.assignee)[0] if args.assignee else args.assignee_object_id


def _list(session: Session, args: Args) -> object:
    if args.all and (args.scope or args.resource_group):
        raise BadUsageError("--all goes without --scope and --resource-group")
    scope = None if args.all else roles.scope_of(session, args.scope, args.resource_group)
    principal = _principal(session, args)
    found = roles.assignments(session, scope, principal, args.role, inherited=args.include_inherited)
    wanted = {
        "roles": args.fill_role_definition_name is not False,
        "principals": args.fill_principal_name is not False,
    }
    roles.fill_names(session, found, scope or session.path(), **wanted)
    return found


def _delete(session: Session, args: Args) -> object:
    if args.ids:
        chosen = args.ids
    else:
        given = (args.assignee, args.assignee_object_id, args.role, args.resource_group, args.scope)
        if not any(given):
            raise BadUsageError("say which: --ids, --assignee, --role, --resource-group or --scope")
        scope = roles.scope_of(session, args.scope, args.resource_group)
        principal = _principal(session, args)
        found = roles.assignments(session, scope, principal, args.role, inherited=args.include_inherited)
        chosen = [one["id"] for one in found]
    if not chosen:
        raise NotFoundError("No matched assignments were found to delete")
    for one in chosen:
        session.arm.call("DELETE", one, ROLE_ASSIGNMENTS_API)
    return None


ASSIGNEE = Option(("--assignee",), "App id, user name or object id.")
OBJECT = Option(("--assignee-object-id",), "Object id; the directory is not asked.")
ROLE = Option(("--role",), "Name, GUID or id of the role.")
_WHERE = (
    Option(("--resource-group", "-g"), "At this resource group."),
    Option(("--scope",), "At this scope."),
)
_INHERITED = Option(("--include-inherited",), "Also those made above the scope.", Kind.FLAG)

COMMANDS = {
    "list": Command(
        _list,
        (
            ASSIGNEE,
            OBJECT,
            ROLE,
            *_WHERE,
            _INHERITED,
            Option(("--all",), "At every scope of the subscription.", Kind.FLAG),
            Option(
                ("--include-groups",),
                "Also through groups.",
                Kind.FLAG,
                refused="group membership is not kept here",
            ),
            Option(("--fill-role-definition-name",), "Add the names of roles.", Kind.SWITCH),
            Option(("--fill-principal-name",), "Add the names of principals.", Kind.SWITCH),
        ),
        (("Who may do what?", "acrctl role assignment list --all -o table"),),
        table=columns.ROLE_ASSIGNMENT,
    ),
    "delete": Command(
        _delete,
        (
            Option(("--ids",), "Ids of assignments.", Kind.WORDS),
            ASSIGNEE,
            OBJECT,
            ROLE,
            *_WHERE,
            _INHERITED,
            options.YES,
        ),
        (
            (
                "Take every role of an app at a group away.",
                "acrctl role assignment delete --assignee APP_ID -g team-a",
            ),
        ),
    ),
}
