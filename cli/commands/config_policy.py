"""`acrctl config`: the policies of a registry, each with `show` and `update`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from cli import options, registries
from cli.arm import REGISTRIES_API
from cli.errors import BadUsageError
from cli.prompts import confirm
from cli.shapes import shape
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session

STATES = ("enabled", "disabled")


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy: its member on the wire and in az's shape, the member of its days, its further options.

    ``states`` are those that can be asked for, ``asks`` the question before a change; ``shorter`` is asked
    only when fewer days than before are wanted.
    """

    wire: str
    shown: str
    example: str
    days: str = ""
    states: tuple[str, ...] = STATES
    options: tuple[Option, ...] = (options.GROUP,)
    asks: str = ""
    shorter: str = ""


def _show(policy: Policy, session: Session, args: Args) -> object:
    return shape("Registry", registries.find(session, args.registry, _group(args)))["policies"][policy.shown]


def _update(policy: Policy, session: Session, args: Args) -> object:
    wanted: dict[str, Any] = {"status": args.status} if args.status else {}
    if policy.days and args.days is not None:
        wanted[policy.days] = args.days
    if not wanted:
        raise BadUsageError("nothing to update: give at least one property")
    if policy.asks:
        confirm(policy.asks, yes=args.yes)
    path = registries.find_path(session, args.registry, _group(args))
    if policy.shorter:
        _warn_of_losses(policy, session, args, path)
    body = {"properties": {"policies": {policy.wire: wanted}}}
    done = session.operate("PATCH", path, REGISTRIES_API, json=body, timeout=args.timeout)
    return shape("Registry", done)["policies"][policy.shown]


def _warn_of_losses(policy: Policy, session: Session, args: Args, path: str) -> None:
    present = session.arm.get(path, REGISTRIES_API)["properties"]["policies"][policy.wire]
    if present["status"] == "enabled" and args.status == "disabled":
        session.warn("What is deleted already is still purged when its days are over.")
    if args.days is not None and args.days < present[policy.days]:
        confirm(policy.shorter, yes=args.yes)


def _group(args: Args) -> str | None:
    return getattr(args, "resource_group", None)


def _commands(name: str, policy: Policy) -> dict[str, Command]:
    line = f"acrctl config {name}"
    status = Option(("--status",), "Whether the policy is in force.", choices=policy.states)
    taken = (options.OF_REGISTRY, status, *policy.options, options.TIMEOUT)
    shown = (options.OF_REGISTRY, *(o for o in policy.options if o is options.GROUP))
    return {
        f"{name} show": Command(
            partial(_show, policy), shown, (("Is it in force?", f"{line} show -r demo01"),)
        ),
        f"{name} update": Command(
            partial(_update, policy),
            taken,
            (("Change it.", f"{line} update -r demo01 {policy.example}"),),
        ),
    }


_TYPE = Option(("--type",), "What it applies to.", required=True, choices=("UntaggedManifests",))
_KEEP = Option(("--days",), "Days to keep an untagged manifest, 0 to 365.", Kind.NUMBER, default="7")
_SOFT = Option(("--days",), "Days in which what was deleted can be restored, 1 to 90.", Kind.NUMBER)

POLICIES = {
    "authentication-as-arm": Policy(
        "azureADAuthenticationAsArmPolicy", "azureAdAuthenticationAsArmPolicy", "--status disabled"
    ),
    "content-trust": Policy(
        "trustPolicy", "trustPolicy", "--status disabled --yes", states=("disabled",),
        options=(options.GROUP, options.YES),
        asks="Content trust cannot be enabled again. Are you sure you want to disable it?",
    ),
    "retention": Policy(
        "retentionPolicy", "retentionPolicy", "--type UntaggedManifests --status enabled --days 30",
        days="days", options=(_TYPE, _KEEP, options.GROUP),
    ),
    "soft-delete": Policy(
        "softDeletePolicy", "softDeletePolicy", "--status enabled --days 14",
        days="retentionDays", options=(_SOFT, options.YES),
        shorter="With fewer days, some of what is deleted may be purged at once. Are you sure?",
    ),
}  # fmt: skip

COMMANDS = {
    key: command for name, policy in POLICIES.items() for key, command in _commands(name, policy).items()
}
