"""`acrctl token`: credentials of a registry that open exactly what a scope map names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.arm import REGISTRIES_API
from cli.children import Field, Group, child_path, commands, create, id_below
from cli.commands.scope_map import GROUP as SCOPE_MAPS
from cli.errors import BadUsageError, ConflictError, NotFoundError
from cli.render.tables import short_time
from cli.scope_actions import actions
from cli.shapes import shape
from cli.spec import Args, Command, Kind, Option, Rows
from cli.token_passwords import EXPIRY, expiry_of, generate

if TYPE_CHECKING:
    from cli.session import Session

_STATUS = Option(("--status",), "Whether it may log in.", choices=("enabled", "disabled"), default="enabled")
_OWN = (
    Option(("--repository",), "A repository and rights, for a scope map of its own.", Kind.GROUPS),
    Option(("--gateway",), "A connected registry and rights, for a scope map of its own.", Kind.GROUPS),
    Option(("--no-passwords",), "Whether to make no passwords.", Kind.SWITCH),
)


def _rows(result: Any) -> Rows:
    return [_row(one) for one in (result if isinstance(result, list) else [result])]


def _row(token: dict[str, Any]) -> dict[str, Any]:
    passwords = (token["credentials"] or {}).get("passwords") or []
    until = {p["name"]: short_time(p["expiry"]) if p["expiry"] else "Never" for p in passwords}
    return {
        "NAME": token["name"],
        "SCOPE MAP": str(token["scopeMapId"] or "").rpartition("/")[2],
        "PASSWORD1 EXPIRY": until.get("password1", ""),
        "PASSWORD2 EXPIRY": until.get("password2", ""),
        "STATUS": str(token["status"] or "").title(),
        "PROVISIONING STATE": token["provisioningState"],
        "CREATION DATE": short_time(token["creationDate"] or ""),
    }


GROUP = Group(
    command="token",
    segment="tokens",
    model="Token",
    noun="token",
    fields=(
        Field(
            Option(("--scope-map",), "Scope map that names its rights."), "scopeMapId", id_below("scopeMaps")
        ),
        Field(_STATUS, "status"),
        *(Field(option, on=("create",)) for option in (*_OWN, *EXPIRY)),
    ),
    example="robot",
    makes="--repository team-a/app content/read --expiration-in-days 30",
    changes="--status disabled",
    table=_rows,
    question="Whoever uses the token '{name}' loses access. Are you sure you want to delete it?",
)


def _create(session: Session, args: Args) -> object:
    if bool(args.repository or args.gateway) == bool(args.scope_map):
        raise BadUsageError("give either --scope-map, or --repository and --gateway")
    if args.no_passwords and (args.expiration or args.expiration_in_days is not None):
        raise BadUsageError("--no-passwords goes without --expiration and --expiration-in-days")
    until = expiry_of(args)
    token_path = child_path(session, GROUP, args)
    args.scope_map = args.scope_map or _own_scope_map(session, args, token_path.rsplit("/", 2)[0])
    token = create(session, GROUP, args)
    if token is not None and not args.no_passwords:
        made = shape("GenerateCredentialsResult", generate(session, token_path, None, until))
        session.warn("Keep the passwords safe: they are not shown again.")
        token["credentials"] = made
    return token


def _own_scope_map(session: Session, args: Args, registry: str) -> str:
    """Make the scope map of one token; one that is there with the same rights will do."""
    name = f"{args.name}-scope-map"
    wanted = actions(args.repository, args.gateway)
    path = f"{registry}/{SCOPE_MAPS.segment}/{name}"
    try:
        present = session.arm.get(path, REGISTRIES_API)["properties"]["actions"]
    except NotFoundError:
        body = {"actions": wanted, "description": f"Created by token: {args.name}"}
        session.operate("PUT", path, REGISTRIES_API, json={"properties": body}, timeout=args.timeout)
        return name
    if sorted(present) != sorted(wanted):
        hint = f"acrctl scope-map update -r {args.registry} -n {name}, or use it: --scope-map {name}"
        raise ConflictError(f"The scope map '{name}' is there with other rights.", hint=hint)
    return name


_FIVE = commands(GROUP)
COMMANDS = _FIVE | {
    "create": Command(_create, _FIVE["create"].options, _FIVE["create"].examples, table=_rows),
}
