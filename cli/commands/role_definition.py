"""`acrctl role definition list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import columns, roles
from cli.shapes import shape
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session


def _list(session: Session, args: Args) -> object:
    found = roles.definitions(
        session, roles.scope_of(session, args.scope, args.resource_group), args.name or ""
    )
    if args.custom_role_only:
        found = [d for d in found if d["properties"].get("type") == "CustomRole"]
    return shape("RoleDefinition", found)


COMMANDS = {
    "list": Command(
        _list,
        (
            Option(("--name", "-n"), "Only the role with this name or GUID."),
            Option(("--resource-group", "-g"), "Roles that can be assigned in this group."),
            Option(("--scope",), "Roles that can be assigned at this scope; the subscription when left out."),
            Option(("--custom-role-only",), "Leave built-in roles out.", Kind.SWITCH),
        ),
        (("What may AcrPush do?", "acrctl role definition list -n AcrPush --query '[0].permissions'"),),
        table=columns.ROLE_DEFINITION,
    ),
}
