"""`acrctl registry create` and `update`: options become members of the body, by one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import columns, generic, options, registries
from cli.arm import REGISTRIES_API, RESOURCES_API
from cli.commands.registry import DNL_SCOPES
from cli.errors import BadUsageError
from cli.registry_body import MODES, TOP, members, wire_body
from cli.shapes import shape
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session

_ON = ("Enabled", "Disabled")
_NO_KEYS = "customer managed keys are not part of this service; protect the store itself"


def _create(session: Session, args: Args) -> object:
    group = args.resource_group
    location = (
        args.location or session.arm.get(session.path("resourcegroups", group), RESOURCES_API)["location"]
    )
    body = wire_body({"location": location, "adminUserEnabled": False, **members(args)})
    path = registries.path_in(session, group, args.name)
    done = session.operate("PUT", path, REGISTRIES_API, json=body, no_wait=args.no_wait, timeout=args.timeout)
    return shape("Registry", done)


def _update(session: Session, args: Args) -> object:
    path = registries.find_path(session, args.name, args.resource_group)
    flat = members(args)
    if generic.is_asked(args):
        wire = session.arm.get(path, REGISTRIES_API)
        flat |= generic.changes({**{name: wire.get(name) for name in TOP}, **wire["properties"]}, args)
    if not flat:
        raise BadUsageError("nothing to update: give at least one property")
    done = session.operate("PATCH", path, REGISTRIES_API, json=wire_body(flat), timeout=args.timeout)
    return shape("Registry", done)


def _switch(name: str, text: str) -> Option:
    return Option((f"--{name}",), text, Kind.SWITCH)


_SKU = Option(("--sku",), "Tier of the registry.", choices=("Basic", "Standard", "Premium"))
_BOTH = (
    _switch("admin-enabled", "Whether the admin user may log in."),
    Option(("--default-action",), "What network rules do with other addresses.", choices=("Allow", "Deny")),
    _switch("public-network-enabled", "Whether the registry is reachable from public networks."),
    _switch("allow-trusted-services", "Whether trusted services pass the network rules."),
    _switch("allow-exports", "Whether artifacts may be exported."),
    options.TAGS,
    _switch("allow-metadata-search", "Whether metadata can be searched."),
    Option(
        ("--role-assignment-mode",), "Registry roles, or conditions on repositories.", choices=tuple(MODES)
    ),
    Option(("--regional-endpoints",), "Whether each region has its own host.", choices=_ON),
    _switch("data-endpoint-enabled", "Whether bytes flow over hosts of their own."),
    Option(("--endpoint-protocol",), "Internet protocols of the hosts.", choices=("IPv4", "IPv4AndIPv6")),
    Option(("--writable-cache-repos",), "Whether cached repositories accept pushes.", choices=_ON),
)
_CREATE_GROUP = Option(("--resource-group", "-g"), "Resource group.", required=True, fallback="group")
_CREATE_SKU = Option(("--sku",), _SKU.help, required=True, choices=_SKU.choices)

COMMANDS = {
    "create": Command(
        _create,
        (
            options.REGISTRY,
            _CREATE_GROUP,
            _CREATE_SKU,
            options.LOCATION,
            *_BOTH,
            Option(("--zone-redundancy",), "Whether to spread over zones.", choices=_ON),
            Option(("--dnl-scope",), "Scope within which the name is hashed.", choices=DNL_SCOPES),
            Option(
                ("--workspace",), "Log analytics workspace.", refused="there is no log analytics service here"
            ),
            Option(("--identity",), "Identity for a customer managed key.", refused=_NO_KEYS),
            Option(("--key-encryption-key",), "Customer managed key.", refused=_NO_KEYS),
            options.NO_WAIT,
            options.TIMEOUT,
        ),
        (
            (
                "A registry with an admin user.",
                "acrctl registry create -n demo01 --sku Basic --admin-enabled -o table",
            ),
            (
                "In a group of its own.",
                "acrctl registry create -n demo02 -g team-a --sku Standard --tags team=a",
            ),
        ),
        table=columns.REGISTRY,
    ),
    "update": Command(
        _update,
        (
            options.REGISTRY,
            options.GROUP,
            _SKU,
            *_BOTH,
            _switch("anonymous-pull-enabled", "Whether anyone may pull without logging in."),
            *options.GENERIC_UPDATE,
            options.TIMEOUT,
        ),
        (
            ("Move to another tier.", "acrctl registry update -n demo01 --sku Standard"),
            ("Switch the admin user off.", "acrctl registry update -n demo01 --admin-enabled false"),
        ),
        table=columns.REGISTRY,
    ),
}
