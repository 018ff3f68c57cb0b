"""`acrctl identity`: the identity with which a registry itself acts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from cli import options, registries
from cli.arm import REGISTRIES_API
from cli.errors import NotFoundError
from cli.shapes import group_of, shape
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session

SYSTEM = "[system]"
_TYPES = {
    (False, False): "None",
    (True, False): "SystemAssigned",
    (False, True): "UserAssigned",
    (True, True): "SystemAssigned, UserAssigned",
}


def _show(session: Session, args: Args) -> object:
    return shape("Registry", registries.find(session, args.name, args.resource_group))["identity"]


def _user_ids(session: Session, args: Args, registry: str) -> list[str]:
    """Return the ids of the user-assigned identities named; names are looked for in the registry's group."""
    group = args.resource_group or group_of(registry)
    below = ("resourceGroups", group, "providers/Microsoft.ManagedIdentity/userAssignedIdentities")
    names = [name for name in args.identities if name.lower() != SYSTEM]
    return [name if name.startswith("/") else session.path(*below, name) for name in names]


def _assigned(system: bool, users: dict[str, Any], session: Session, args: Args, path: str) -> dict[str, Any]:
    wanted: dict[str, Any] = {one: {} for one in _user_ids(session, args, path)}
    system = system or SYSTEM in [name.lower() for name in args.identities]
    return _body(system, bool(users or wanted), wanted)


def _removed(system: bool, users: dict[str, Any], session: Session, args: Args, path: str) -> dict[str, Any]:
    if SYSTEM in [name.lower() for name in args.identities]:
        if not system:
            raise NotFoundError(f"Registry '{args.name}' has no identity of its own.")
        system = False
    known = {one.lower(): one for one in users}
    gone = _user_ids(session, args, path)
    if missing := [one for one in gone if one.lower() not in known]:
        raise NotFoundError(f"Registry '{args.name}' does not have the identity '{missing[0]}'.")
    return _body(system, len(users) > len(gone), {known[one.lower()]: None for one in gone})


def _body(system: bool, has_users: bool, change: dict[str, Any]) -> dict[str, Any]:
    identity: dict[str, Any] = {"type": _TYPES[system, has_users]}
    return {"identity": identity | ({"userAssignedIdentities": change} if change else {})}


def _change(body_of: Callable[..., dict[str, Any]], session: Session, args: Args) -> object:
    """Change the identity, only if nobody else changed the registry meanwhile."""
    path = registries.find_path(session, args.name, args.resource_group)
    wire, etag = session.arm.version(path, REGISTRIES_API)
    present = wire.get("identity") or {}
    system = "systemassigned" in str(present.get("type")).lower()
    body = body_of(system, present.get("userAssignedIdentities") or {}, session, args, path)
    done = session.operate("PATCH", path, REGISTRIES_API, json=body, timeout=args.timeout, etag=etag)
    return shape("Registry", done)


_ONE = (options.REGISTRY, options.GROUP)
_WHICH = Option(
    ("--identities",), f"{SYSTEM} for the registry's own, or ids of others.", Kind.WORDS, required=True
)

COMMANDS = {
    "show": Command(
        _show,
        _ONE,
        (("The object id, to give it roles.", "acrctl identity show -n demo01 --query principalId -o tsv"),),
    ),
    "assign": Command(
        partial(_change, _assigned),
        (*_ONE, _WHICH, options.TIMEOUT),
        (("Give the registry an identity.", "acrctl identity assign -n demo01 --identities [system]"),),
    ),
    "remove": Command(
        partial(_change, _removed),
        (*_ONE, _WHICH, options.TIMEOUT),
        (("Take it away, with its roles.", "acrctl identity remove -n demo01 --identities [system]"),),
    ),
}
