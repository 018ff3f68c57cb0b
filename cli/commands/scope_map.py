"""`acrctl scope-map`: named sets of rights on repositories, for tokens."""

from __future__ import annotations

from cli.children import Field, Group, Json, commands
from cli.errors import BadUsageError
from cli.scope_actions import GATEWAY_RIGHTS, REPOSITORY_RIGHTS, actions
from cli.spec import Args, Column, Kind, Option


def _members(args: Args, present: Json) -> Json:
    """Return the actions: those given, or those present with some added and some removed."""
    if not present:
        return {"actions": actions(args.repository, args.gateway)}
    more = actions(args.add_repository, args.add_gateway)
    less = actions(args.remove_repository, args.remove_gateway)
    if both := sorted(set(more) & set(less)):
        raise BadUsageError(f"given both to add and to remove: {', '.join(both)}")
    if not (more or less):
        return {}
    kept = [action for action in present["actions"] if action not in less]
    return {"actions": [*kept, *(action for action in more if action not in kept)]}


def _groups(flag: str, text: str, verb: str) -> Field:
    return Field(Option((flag,), text, Kind.GROUPS), on=(verb,))


_RIGHTS = f"A repository and rights: {', '.join(REPOSITORY_RIGHTS)}."
_GATEWAY = f"A connected registry and rights: {', '.join(GATEWAY_RIGHTS)}."

GROUP = Group(
    command="scope-map",
    segment="scopeMaps",
    model="ScopeMap",
    noun="scope map",
    fields=(
        _groups("--repository", f"{_RIGHTS} May be given again.", "create"),
        _groups("--gateway", f"{_GATEWAY} May be given again.", "create"),
        _groups("--add-repository", f"{_RIGHTS} They are added.", "update"),
        _groups("--remove-repository", "A repository and rights to remove.", "update"),
        _groups("--add-gateway", f"{_GATEWAY} They are added.", "update"),
        _groups("--remove-gateway", "A connected registry and rights to remove.", "update"),
        Field(Option(("--description",), "What it is for."), "description"),
    ),
    example="team-a",
    makes="--repository team-a/app content/read content/write --repository base content/read",
    changes="--add-repository team-a/app metadata/read --remove-repository base content/read",
    table=(
        Column("NAME", "name"),
        Column("TYPE", "type"),
        Column("CREATION DATE", "creationDate", time=True),
        Column("DESCRIPTION", "description"),
    ),
    question="Tokens with the scope map '{name}' lose its rights. Are you sure you want to delete it?",
    members=_members,
)

COMMANDS = commands(GROUP)
