"""`acrctl role assignment create`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import roles
from cli.commands.role_assignment import ASSIGNEE, OBJECT, ROLE
from cli.errors import BadUsageError
from cli.graph import PRINCIPAL_TYPES
from cli.spec import Args, Command, Option

if TYPE_CHECKING:
    from cli.session import Session

_KINDS = ("User", "Group", "ServicePrincipal", "ForeignGroup")
_PULL = "acrctl role assignment create --role AcrPull --assignee APP_ID --scope"


def _create(session: Session, args: Args) -> object:
    if bool(args.assignee) == bool(args.assignee_object_id):
        raise BadUsageError("give either --assignee or --assignee-object-id")
    if args.assignee_principal_type and not args.assignee_object_id:
        raise BadUsageError("--assignee-principal-type goes with --assignee-object-id")
    if args.condition_version and not args.condition:
        raise BadUsageError("--condition-version goes with --condition")
    oid, kind = args.assignee_object_id, args.assignee_principal_type
    if args.assignee:
        oid, kind = session.graph.assignee(args.assignee)
    elif not kind:
        found = session.graph.by_ids([oid])
        kind = PRINCIPAL_TYPES.get(found[0].get("@odata.type", "")) if found else None
    members = {
        "principalId": oid,
        "principalType": kind,
        "description": args.description,
        "condition": args.condition,
        "conditionVersion": args.condition_version or ("2.0" if args.condition else None),
    }
    scope = roles.scope_of(session, args.scope, None)
    return roles.assign(session, args.role, scope, members, args.name or "")


COMMANDS = {
    "create": Command(
        _create,
        (
            Option(("--role",), ROLE.help, required=True),
            Option(("--scope",), "Subscription, group or resource the role is given at.", required=True),
            ASSIGNEE,
            OBJECT,
            Option(("--assignee-principal-type",), "Kind of the object id's owner.", choices=_KINDS),
            Option(("--description",), "Why."),
            Option(("--condition",), "Condition on repositories."),
            Option(("--condition-version",), "Version of the condition's language; 2.0 when left out."),
            Option(("--name", "-n"), "GUID of the assignment; a new one when left out."),
        ),
        (("Let a robot pull.", f'{_PULL} "$(acrctl registry show -n demo01 --query id -o tsv)"'),),
    ),
}
