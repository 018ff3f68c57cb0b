"""Registries as a service: names, login servers, what is in force on the data plane, and usage.

Functions take the caller's transaction, so that a registry, its host name and its settings appear, change
and vanish together with the ARM resource.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from controlplane.domain import names, sku
from controlplane.domain.names import Availability
from controlplane.domain.tiers import LIMITS, Tier
from controlplane.kernel import catalogue
from controlplane.kernel.errors import Failure
from controlplane.persistence import content_deleted, registries
from controlplane.persistence.database import Transaction
from controlplane.persistence.registries import LOGIN, EndpointRow, RegistryRow, RegistrySettings
from controlplane.services import registry_rules
from controlplane.settings.model import Settings

_LOOPBACK = "127.0.0.1"
_PORT_PATIENCE = 1.0  # seconds one attempt of a step waits for a port to be opened
_PORT_PAUSE = 0.02
_PORT_TIMEOUT = 1.0
_UNLIMITED = -1


# --- names -----------------------------------------------------------------------------------------------


def availability(tx: Transaction, name: str) -> Availability:
    """Tell whether a registry could be called so; names are unique in the whole service, in any case."""
    if not names.is_registry_name(name):
        return names.bad_registry_name(name)
    if registries.by_name(tx, name) is not None:
        return names.taken_registry_name(name)
    return names.AVAILABLE


def expected_login_server(settings: Settings, name: str) -> str | None:
    """Return the login server a name would get; None where it is a port that nobody has reserved yet."""
    if settings.login_server_mode == "port":
        return None
    return names.domain_login_server(name, settings.login_domain, settings.public_port or settings.port)


# --- the life of a registry ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewRegistry:
    """What a registry is created from: its resource's key, its name as given, its home region, settings."""

    key: str
    name: str
    location: str
    chosen: RegistrySettings


def create(tx: Transaction, settings: Settings, new: NewRegistry) -> tuple[RegistryRow, str]:
    """Take a name and a login server; return the registry, not ready yet, and the login server.

    Raises:
        Failure: REGISTRY_NAME_IN_USE, LOGIN_SERVER_TAKEN or LOGIN_PORTS_USED_UP.
    """
    row = registries.insert(tx, new.key, new.name, new.chosen)
    if row is None:
        raise Failure(catalogue.REGISTRY_NAME_IN_USE, name=new.name)
    host = expected_login_server(settings, new.name)
    if host is None:
        return row, take_port(tx, settings, EndpointRow("", row.id, LOGIN, new.location))
    if not registries.add_endpoint(tx, EndpointRow(host, row.id, LOGIN, new.location)):
        raise Failure(catalogue.LOGIN_SERVER_TAKEN, host=host)
    return row, host


def take_port(tx: Transaction, settings: Settings, wanted: EndpointRow) -> str:
    """Give an endpoint a loopback port of its own; return its host.

    Raises:
        Failure: LOGIN_PORTS_USED_UP.
    """
    first, last = settings.login_port_range
    taken = registries.taken_ports(tx)
    for port in range(first, last + 1):
        if port in taken or not _bindable(port):
            continue
        host = names.with_port(settings.login_host, port)
        # Another transaction may have taken the port since; then the next one is tried.
        if registries.add_endpoint(tx, replace(wanted, host=host, port=port)):
            return host
    raise Failure(catalogue.LOGIN_PORTS_USED_UP, first=first, last=last)


def _bindable(port: int) -> bool:
    """Tell whether nothing else on this machine listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            return False
    return True


def put_in_force(tx: Transaction, key: str, chosen: RegistrySettings) -> None:
    """Let the data plane obey new settings from the next request on.

    Any difference lets the stamp grow: looking at a right once more is cheaper than telling wider from
    narrower, and never wrong. What was deleted before follows the days of the soft-delete policy that is
    in force; switching the policy off leaves it restorable as long as it was.
    """
    row = registries.by_key(tx, key)
    if row is None or row.settings == chosen:
        return
    registries.update(tx, row.id, chosen, revokes=True)
    if chosen.soft_delete_days not in (None, row.soft_delete_days):
        content_deleted.reschedule(tx, row.id, chosen.soft_delete_days)


def open_to_clients(tx: Transaction, key: str) -> None:
    """Let the data plane serve a registry. Twice: the second time changes nothing."""
    row = registries.by_key(tx, key)
    if row is not None and not row.ready:
        registries.set_ready(tx, row.id, True)


def close_to_clients(tx: Transaction, key: str) -> None:
    """Stop the data plane from serving a registry, from the next request on."""
    row = registries.by_key(tx, key)
    if row is not None and row.ready:
        registries.set_ready(tx, row.id, False)


def forget(tx: Transaction, key: str) -> None:
    """Give up a registry's name, login server and port. Twice: the second time there is nothing to do."""
    row = registries.by_key(tx, key)
    if row is not None:
        registries.delete(tx, row.id)


def ports(tx: Transaction, settings: Settings, key: str) -> list[tuple[str, int]]:
    """Return host and loopback port of a registry's endpoints that must be opened on this machine."""
    row = registries.by_key(tx, key)
    found = registries.endpoints(tx, row.id) if row is not None else ()
    served = settings.serve_region
    return [(one.host, one.port) for one in found if one.port and served in {None, one.region}]


def wait_until_open(host: str, port: int, patience: float = _PORT_PATIENCE) -> None:
    """Return once a login server's port accepts connections.

    Raises:
        Failure: LOGIN_SERVER_UNREACHABLE, retryable, after ``patience`` seconds.
    """
    until = time.monotonic() + patience
    while not _accepts(port):
        if time.monotonic() >= until:
            raise Failure(catalogue.LOGIN_SERVER_UNREACHABLE, host=host, retryable=True)
        time.sleep(_PORT_PAUSE)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_PORT_TIMEOUT)
        return probe.connect_ex((_LOOPBACK, port)) == 0


# --- tiers and usage -------------------------------------------------------------------------------------


def refuse_tier(tx: Transaction, row: RegistryRow, properties: Mapping[str, Any], target: Tier) -> None:
    """Refuse a tier that cannot hold what a registry stores or uses; everything in the way is named.

    Raises:
        Failure: SKU_CHANGE_REFUSED.
    """
    used = sku.Use(row.size, registry_rules.features(properties), registries.children(tx, row.key))
    found = sku.obstacles(used, target)
    if found:
        raise Failure(catalogue.SKU_CHANGE_REFUSED, reason=" ".join(found), target="sku.name")


def usages(tx: Transaction, row: RegistryRow) -> list[dict[str, Any]]:
    """Return what a registry uses of its tier's quotas, as listUsages shows it.

    Sizes are bytes, against the storage included in the tier. Counters are those the documentation of the
    tier lists; geo-replications count the home region and have no limit.
    """
    limits = LIMITS[row.tier]
    counts = registries.children(tx, row.key)
    rows = [("Size", limits.included_storage, row.size)]
    rows += [
        (name, counter.of(limits), counts.get(counter.type, 0))
        for name, counter in (
            ("Webhooks", sku.WEBHOOKS),
            ("ScopeMaps", sku.SCOPE_MAPS),
            ("Tokens", sku.TOKENS),
        )
    ]
    if row.tier is Tier.PREMIUM:
        endpoints = counts.get(sku.PRIVATE_ENDPOINTS.type, 0)
        rows += [
            ("Geo-replications", _UNLIMITED, 1 + counts.get(sku.REPLICATIONS, 0)),
            ("IPRules", limits.ip_rules, len(row.ip_rules)),
            ("VNetRules", limits.vnet_rules, 0),
            ("PrivateEndpoints", limits.private_endpoints, endpoints),
        ]
    return [
        {"name": name, "limit": limit, "currentValue": value, "unit": "Bytes" if name == "Size" else "Count"}
        for name, limit, value in rows
    ]
