"""`acrctl network-rule`: addresses that a registry admits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli import options, registries
from cli.arm import REGISTRIES_API
from cli.errors import BadUsageError, NotFoundError
from cli.spec import Args, Command, Option, Rows

if TYPE_CHECKING:
    from cli.session import Session

_NO_NETWORKS = "there are no virtual networks here; name addresses with --ip-address"


def _rule_set(wire: dict[str, Any]) -> dict[str, Any]:
    """Return the rules of a registry as az prints them."""
    rules = wire["properties"].get("networkRuleSet") or {}
    admitted = [
        {"ipAddressOrRange": rule["value"], "action": rule.get("action") or "Allow"}
        for rule in rules.get("ipRules") or []
    ]
    return {"defaultAction": rules.get("defaultAction"), "virtualNetworkRules": [], "ipRules": admitted}


def _list(session: Session, args: Args) -> object:
    found = _rule_set(registries.find(session, args.name, args.resource_group))
    return {name: found[name] for name in ("virtualNetworkRules", "ipRules")}


def _change(session: Session, args: Args, adding: bool) -> object:
    """Change the list of addresses, only if nobody else changed the registry meanwhile."""
    if not args.ip_address:
        raise BadUsageError("give --ip-address ADDRESS or --ip-address RANGE/BITS")
    path = registries.find_path(session, args.name, args.resource_group)
    wire, etag = session.arm.version(path, REGISTRIES_API)
    rules = list((wire["properties"].get("networkRuleSet") or {}).get("ipRules") or [])
    kept = [rule for rule in rules if rule["value"] != args.ip_address]
    if not adding and len(kept) == len(rules):
        raise NotFoundError(f"Registry '{args.name}' has no rule for {args.ip_address}.")
    added = [{"value": args.ip_address, "action": "Allow"}] if adding else []
    body = {"properties": {"networkRuleSet": {"ipRules": kept + added}}}
    done = session.operate("PATCH", path, REGISTRIES_API, json=body, timeout=args.timeout, etag=etag)
    properties = done["properties"]
    shown = {"name": done["name"], "provisioningState": properties.get("provisioningState")}
    return shown | {"networkRuleSet": _rule_set(done)}


def _add(session: Session, args: Args) -> object:
    return _change(session, args, adding=True)


def _remove(session: Session, args: Args) -> object:
    return _change(session, args, adding=False)


def _rows(result: Any) -> Rows:
    return [
        {"ADDRESS OR RANGE": rule["ipAddressOrRange"], "ACTION": rule["action"]}
        for rule in (result.get("networkRuleSet") or result)["ipRules"]
    ]


_ONE = (options.REGISTRY, options.GROUP)
_CHANGE = (
    *_ONE,
    Option(("--ip-address",), "Address, or range such as 203.0.113.0/24."),
    Option(("--subnet",), "Subnet.", refused=_NO_NETWORKS),
    Option(("--vnet-name",), "Virtual network.", refused=_NO_NETWORKS),
    options.TIMEOUT,
)

COMMANDS = {
    "list": Command(
        _list,
        _ONE,
        (("Who gets in?", "acrctl network-rule list -n demo01 -o table"),),
        table=_rows,
    ),
    "add": Command(
        _add,
        _CHANGE,
        (
            (
                "Admit one network, and then nobody else.",
                (
                    "acrctl network-rule add -n demo01 --ip-address 203.0.113.0/24"
                    " && acrctl update -n demo01 --default-action Deny"
                ),
            ),
        ),
        table=_rows,
    ),
    "remove": Command(
        _remove,
        _CHANGE,
        (("Admit it no more.", "acrctl network-rule remove -n demo01 --ip-address 203.0.113.0/24"),),
        table=_rows,
    ),
}
