"""Unmodified az on imports: from a registry of another make, and between two registries of the service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.content import Image, digest_of, random_image
from benchmarks.registry import Client, Registry
from tests.clients.conftest import Run, Service
from tests.support.forwarder import Forwarder
from tests.support.waiting import eventually

pytestmark = pytest.mark.clients
GROUP, NAME, OTHER = "az-imports", "azimports01", "azimports02"


@pytest.fixture(scope="module")
def registry(az: Service) -> Iterator[str]:
    az.az("group", "create", "-n", GROUP, "-l", "eastus", "-o", "none")
    for name in (NAME, OTHER):
        az.az("acr", "create", "-n", name, "-g", GROUP, "--sku", "Basic", "-o", "none")
    yield NAME
    az.az("group", "delete", "-n", GROUP, "--yes")


@pytest.fixture(scope="module")
def source(upstream: Registry) -> Image:
    made, other = random_image(100_000), random_image(1000)
    pusher = Client(upstream)
    pusher.push("team/app", "v1", made)
    pusher.push("team/other", "v1", other)
    pusher.close()
    return made


def imported(az: Service, registry: str, *words: str, **more: Any) -> Run:
    return az.az("acr", "import", "-n", registry, *words, **more)


def digest(az: Service, registry: str, image: str) -> str:
    shown = az.az("acr", "repository", "show", "-n", registry, "--image", image).json()
    return str(shown["digest"])


def test_an_image_comes_from_another_registry_with_credentials(
    az: Service, registry: str, source: Image, upstream: Registry, upstream_host: str
) -> None:
    login = ("-u", upstream.username, "-p", upstream.password)
    where = ("--source", f"{upstream_host}/team/app:v1")
    imported(az, registry, *where, *login, "-t", "mine/app:v1", "-t", "mine/app:stable")
    wanted = digest_of(source.manifest)
    assert digest(az, registry, "mine/app:stable") == wanted
    other = ("--source", f"{upstream_host}/team/other:v1")
    taken = imported(az, registry, *other, *login, "-t", "mine/app:v1", check=False)
    assert taken.code != 0
    assert "already exists" in taken.err
    assert digest(az, registry, "mine/app:v1") == wanted
    imported(az, registry, *other, *login, "-t", "mine/app:v1", "--force")
    assert digest(az, registry, "mine/app:v1") != wanted


def test_an_image_comes_from_a_registry_of_the_service(
    az: Service, registry: str, source: Image, upstream: Registry, upstream_host: str
) -> None:
    where = f"{upstream_host}/team/app:v1"
    login = ("-u", upstream.username, "-p", upstream.password)
    imported(az, registry, "--source", where, *login, "-t", "base:v1", "--no-wait")

    def there() -> bool:
        return az.az("acr", "repository", "show", "-n", registry, "--image", "base:v1", check=False).code == 0

    eventually(there, within=60, what="what was imported without waiting")
    imported(az, OTHER, "--source", "base:v1", "-r", registry)
    wanted = digest_of(source.manifest)
    assert digest(az, OTHER, "base:v1") == wanted
    imported(az, OTHER, "--source", f"base@{wanted}", "-r", registry, "--repository", "untagged")
    assert digest(az, OTHER, f"untagged@{wanted}") == wanted


def test_an_import_is_canceled_by_our_command_line(
    az: Service, registry: str, upstream: Registry, way: Forwarder
) -> None:
    pusher = Client(upstream)
    pusher.push("team/large", "v1", random_image(3_000_000))
    pusher.close()
    way.rate = 200_000
    try:
        login = ("-u", upstream.username, "-p", upstream.password)
        where = ("--source", f"{way.host}/team/large:v1", "-t", "never:v1")
        az.acrctl("import", "-n", registry, *where, *login, "--no-wait")
        listed = ("operation", "list", "--resource", registry, "--status", "Running")
        (begun,) = eventually(lambda: az.acrctl(*listed).json(), within=30, what="an import that runs")
        az.acrctl("operation", "cancel", begun["name"])
        az.acrctl("operation", "wait", begun["name"], check=False)
    finally:
        way.rate = None
    assert az.acrctl("operation", "show", begun["name"]).json()["status"] == "Canceled"
    assert az.acrctl("repository", "show", "-n", registry, "--image", "never:v1", check=False).code != 0


def test_the_cause_of_a_failure_is_told(
    az: Service, registry: str, source: Image, upstream: Registry, upstream_host: str
) -> None:
    assert source.manifest
    where = ("--source", f"{upstream_host}/team/app:v1", "-t", "never:v1")
    wrong = imported(az, registry, *where, "-u", upstream.username, "-p", "s3cret", check=False)
    assert wrong.code != 0
    assert "401" in wrong.err
    assert "s3cret" not in wrong.err
    missing = ("--source", f"{upstream_host}/team/app:nothing", "-t", "never:v1")
    gone = imported(az, registry, *missing, "-u", upstream.username, "-p", upstream.password, check=False)
    assert "MANIFEST_UNKNOWN" in gone.err
