"""Endpoints of registries beside the login server: hosts that always mean one region.

A registry in several regions, or in one, may have a regional endpoint in each (``regionalEndpoints``), which
serves everything the login server does, and a data endpoint in each (``dataEndpointEnabled``), which serves
pulls. They are hosts of the domain, or loopback ports, as login servers are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.domain import names
from controlplane.kernel import catalogue
from controlplane.kernel.errors import Failure
from controlplane.persistence import registries, replicas
from controlplane.persistence.database import Transaction
from controlplane.persistence.registries import DATA, LOGIN, REGIONAL, EndpointRow, RegistryRow
from controlplane.services.registries import take_port
from controlplane.settings.model import Settings

_LABELS = {REGIONAL: "geo", DATA: "data"}
_SHOWN = {REGIONAL: "regionalEndpointHostNames", DATA: "dataEndpointHostNames"}


def arrange(tx: Transaction, settings: Settings, key: str, properties: Mapping[str, Any]) -> None:
    """Give a registry (its resource's key) the endpoints its properties ask for in its present regions.

    Raises:
        Failure: LOGIN_SERVER_TAKEN or LOGIN_PORTS_USED_UP.
    """
    row = registries.by_key(tx, key)
    if row is None:
        return
    found = registries.endpoints(tx, row.id)
    home = [one.region for one in found if one.kind == LOGIN]
    regions = dict.fromkeys([*home, *replicas.regions_of(tx, row.id)])
    wanted = {(kind, region) for kind in _kinds(properties) for region in regions}
    present = {(one.kind, one.region): one.host for one in found if one.kind != LOGIN}
    for place in present.keys() - wanted:
        registries.remove_endpoint(tx, present[place])
    for kind, region in sorted(wanted - present.keys()):
        _add(tx, settings, row, EndpointRow("", row.id, kind, region))


def host_names(tx: Transaction, key: str, properties: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the hosts of a registry's regional and data endpoints, as its properties show them."""
    kinds = _kinds(properties)
    row = registries.by_key(tx, key) if kinds else None
    found = registries.endpoints(tx, row.id) if row is not None else ()
    return {_SHOWN[kind]: [one.host for one in found if one.kind == kind] for kind in kinds}


def _kinds(properties: Mapping[str, Any]) -> list[str]:
    regional = properties.get("regionalEndpoints") == "Enabled"
    return [*([REGIONAL] if regional else []), *([DATA] if properties.get("dataEndpointEnabled") else [])]


def _add(tx: Transaction, settings: Settings, registry: RegistryRow, wanted: EndpointRow) -> None:
    if settings.login_server_mode == "port":
        take_port(tx, settings, wanted)
        return
    host = names.region_endpoint(
        registry.name,
        wanted.region,
        _LABELS[wanted.kind],
        settings.login_domain,
        settings.public_port or settings.port,
    )
    if not registries.add_endpoint(tx, EndpointRow(host, registry.id, wanted.kind, wanted.region)):
        raise Failure(catalogue.LOGIN_SERVER_TAKEN, host=host)
