"""Network rules on every endpoint, and whose address they are about."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from controlplane.domain.client_address import client_address
from controlplane.persistence import registries
from controlplane.persistence.database import Database
from controlplane.persistence.registries import EndpointRow, RegistryRow
from controlplane.settings.model import Settings
from tests.support.distribution import (
    INDEX,
    Plane,
    RegistryClient,
    codes,
    plane_at,
    services_over,
)

OFFICE, STRANGER, PROXY = "203.0.113.5", "198.51.100.7", "10.0.0.9"
RULES: dict[str, Any] = {"default_action": "Deny", "ip_rules": ("203.0.113.0/24",)}
DATA_HOST, REGIONAL_HOST = "demo.eastus.data.example.test", "demo.westeurope.example.test"
ZEROS = f"sha256:{'0' * 64}"
EVERYTHING = (
    ("GET", "/v2/"),
    ("GET", "/v2/_catalog"),
    ("GET", "/v2/app/tags/list"),
    ("GET", "/v2/app/manifests/v1"),
    ("HEAD", "/v2/app/manifests/v1"),
    ("PUT", "/v2/app/manifests/v1"),
    ("DELETE", "/v2/app/manifests/v1"),
    ("GET", f"/v2/app/blobs/{ZEROS}"),
    ("DELETE", f"/v2/app/blobs/{ZEROS}"),
    ("POST", "/v2/app/blobs/uploads/"),
    ("PATCH", "/v2/app/blobs/uploads/x"),
    ("GET", f"/v2/app/referrers/{ZEROS}"),
    ("GET", "/acr/v1/_catalog"),
    ("GET", "/acr/v1/app"),
    ("GET", "/acr/v1/app/_tags"),
    ("GET", "/acr/v1/app/_manifests"),
    ("GET", "/acr/v1/_usage"),
    ("GET", "/acr/v1/app/_usage"),
    ("PATCH", "/acr/v1/app"),
    ("DELETE", "/acr/v1/app"),
    ("GET", "/oauth2/token"),
    ("POST", "/oauth2/token"),
    ("POST", "/oauth2/exchange"),
    ("GET", "/v2/no/such/route"),
)


def is_kept_out(response: TestResponse) -> bool:
    """Tell whether an answer is the refusal of network rules."""
    if response.status_code != 403:
        return False
    return not response.data or (codes(response) == ["DENIED"] and "network rules" in response.text)


def at(client: RegistryClient, address: str, **changes: Any) -> RegistryClient:
    """Return a client at another address."""
    return RegistryClient(client.application, changes.get("host", client.host), client.authorization, address)


@pytest.fixture
def closed(plane: Plane) -> RegistryRow:
    """A registry that only the office reaches, over three endpoints."""
    row = plane.add_registry(**RULES)
    with plane.services.database.write() as tx:
        assert registries.add_endpoint(tx, EndpointRow(DATA_HOST, row.id, "data", "eastus"))
        assert registries.add_endpoint(tx, EndpointRow(REGIONAL_HOST, row.id, "login", "westeurope"))
    return row


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_every_route_is_closed_to_others(plane: Plane, closed: RegistryRow, method: str, path: str) -> None:
    admin = plane.client(closed)
    assert is_kept_out(at(admin, STRANGER).open(method, path))
    assert not is_kept_out(at(admin, OFFICE).open(method, path))


@pytest.mark.parametrize("host", [DATA_HOST, REGIONAL_HOST])
@pytest.mark.parametrize("path", ["/v2/", "/v2/app/manifests/v1", f"/v2/app/blobs/{ZEROS}", "/oauth2/token"])
def test_data_and_regional_endpoints_are_closed_as_well(
    plane: Plane, closed: RegistryRow, host: str, path: str
) -> None:
    admin = plane.client(closed)
    assert is_kept_out(at(admin, STRANGER, host=host).get(path))
    assert not is_kept_out(at(admin, OFFICE, host=host).get(path))


def test_rules_come_before_credentials(plane: Plane, closed: RegistryRow) -> None:
    wrong = plane.client().with_basic(closed.name, "wrong")
    assert is_kept_out(at(wrong, STRANGER).get("/v2/"))


def test_a_token_of_the_office_is_worth_nothing_elsewhere(plane: Plane, closed: RegistryRow) -> None:
    token = at(plane.client(closed), OFFICE).scoped("repository:app:pull")
    assert token.get("/v2/app/manifests/v1").status_code == 404
    assert is_kept_out(at(token, STRANGER).get("/v2/app/manifests/v1"))


def test_a_changed_rule_acts_on_the_next_request(plane: Plane, closed: RegistryRow) -> None:
    admin = at(plane.client(closed), OFFICE)
    assert admin.get("/v2/").status_code == 200
    plane.change(closed, revokes=False, ip_rules=("192.0.2.0/24",))
    assert is_kept_out(admin.get("/v2/"))


def test_no_public_access_closes_to_everybody(plane: Plane, closed: RegistryRow) -> None:
    admin = at(plane.client(closed), OFFICE)
    plane.change(closed, public_access=False)
    assert is_kept_out(admin.get("/v2/"))
    assert is_kept_out(admin.get("/v2/app/manifests/v1"))
    assert is_kept_out(at(admin, "127.0.0.1").get("/v2/"))


class TestProxies:
    @pytest.fixture
    def make(self, tmp_path: Path, sqlite_database: Database) -> Iterator[Callable[..., RegistryClient]]:
        """Return an admin user's client of a plane behind proxies."""
        planes = []

        def make(trusted: str) -> RegistryClient:
            planes.append(plane_at(tmp_path, sqlite_database, trusted_proxies=trusted))
            return planes[-1].client(planes[-1].add_registry(**RULES))

        yield make
        for plane in planes:
            plane.close()

    @pytest.mark.parametrize("path", ["/v2/", "/v2/app/manifests/v1"])
    def test_nobody_is_believed_by_default(self, make: Callable[..., RegistryClient], path: str) -> None:
        admin = at(make(""), STRANGER)
        for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP"):
            value = f"for={OFFICE}" if name == "Forwarded" else OFFICE
            assert is_kept_out(admin.get(path, headers={name: value}))

    @pytest.mark.parametrize("path", ["/v2/", "/v2/app/manifests/v1"])
    def test_a_trusted_proxy_is_believed(self, make: Callable[..., RegistryClient], path: str) -> None:
        admin = at(make("10.0.0.0/8"), PROXY)
        assert not is_kept_out(admin.get(path, headers={"X-Forwarded-For": OFFICE}))
        assert is_kept_out(admin.get(path, headers={"X-Forwarded-For": STRANGER}))
        assert is_kept_out(admin.get(path))

    def test_what_the_client_wrote_itself_is_not(self, make: Callable[..., RegistryClient]) -> None:
        admin = at(make("10.0.0.0/8"), PROXY)
        assert is_kept_out(admin.get("/v2/", headers={"X-Forwarded-For": f"{OFFICE}, {STRANGER}"}))
        assert is_kept_out(at(admin, STRANGER).get("/v2/", headers={"X-Forwarded-For": OFFICE}))

    def test_events_name_the_client(self, make: Callable[..., RegistryClient], tmp_path: Path) -> None:
        admin = at(make("10.0.0.0/8"), PROXY)
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
        headers = {"X-Forwarded-For": OFFICE, "Content-Type": INDEX}
        assert admin.open("PUT", "/v2/app/manifests/v1", json=index, headers=headers).status_code == 201
        with closing(sqlite3.connect(next(tmp_path.glob("**/*.db")))) as connection:
            found = connection.execute("SELECT DISTINCT json_extract(request, '$.addr') FROM events")
            assert found.fetchall() == [(OFFICE,)]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (STRANGER, OFFICE, STRANGER),
        (PROXY, "", PROXY),
        (PROXY, OFFICE, OFFICE),
        (PROXY, f"{OFFICE}, 10.1.1.1", OFFICE),
        (PROXY, f"{OFFICE},{STRANGER} , 10.1.1.1", STRANGER),
        (PROXY, f"10.2.2.2, {PROXY}", "10.2.2.2"),
        (f"::ffff:{PROXY}", f"::ffff:{OFFICE}", OFFICE),
        ("fd00::1", "2001:db8::5", "2001:db8::5"),
        (PROXY, f"{OFFICE}:4711", OFFICE),
        (PROXY, "[2001:db8::5]:4711", "2001:db8::5"),
        (PROXY, f"{OFFICE}, unknown", ""),
        (PROXY, f"{OFFICE}, _hidden", ""),
        (PROXY, f"{OFFICE},", ""),
        (PROXY, f"0{OFFICE}", ""),
        ("", OFFICE, ""),
        ("unix:", OFFICE, "unix:"),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_proxy(
    peer: str, forwarded: str, client: str
) -> None:
    trusted = Settings(trusted_proxies="10.0.0.0/8, fd00::/8").trusted_networks
    assert client_address(peer, forwarded, trusted) == client


def test_networks_that_are_none_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"ACRCTL_TRUSTED_PROXIES.*10\.0\.0\.1/8"):
        Settings(trusted_proxies="10.0.0.1/8")


def test_services_take_the_proxies_of_the_settings(tmp_path: Path, sqlite_database: Database) -> None:
    settings = Settings(state_dir=tmp_path / "state", trusted_proxies=PROXY)
    assert len(services_over(sqlite_database, settings).settings.trusted_networks) == 1
