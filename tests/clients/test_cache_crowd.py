"""A cache rule in front of another registry, through all web processes: many first pulls fetch once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.content import Image, random_image
from benchmarks.registry import Client, Registry
from tests.clients.conftest import Service
from tests.support.forwarder import Forwarder

pytestmark = pytest.mark.clients
NAME, GROUP, CROWD = "crowded01", "crowd-group", 50
_ASKED = re.compile(r'"GET /v2/crowd/app/(blobs/sha256:[0-9a-f]{64}|manifests/[^ ]+) HTTP[^"]*" 200')


@pytest.fixture(scope="module")
def cached(service: Service, upstream: Registry, upstream_host: str) -> Iterator[Registry]:
    """Give a registry with a rule for everything of the other one, whose tags are compared at each pull."""
    secrets = Path(service.env["ACRCTL_SECRETS_DIR"]) / "crowd"
    secrets.mkdir(parents=True)
    (secrets / "user").write_text(upstream.username)
    (secrets / "pass").write_text(upstream.password)
    vault = "https://crowd.vault.azure.net/secrets"
    service.acrctl("group", "create", "-n", GROUP, "-l", "eastus")
    made = service.acrctl(
        "registry", "create", "-n", NAME, "-g", GROUP, "--sku", "Premium", "--admin-enabled"
    ).json()
    on = ("-r", NAME, "-n", "upstream")
    service.acrctl(
        "credential-set", "create", *on, "-l", upstream_host, "-u", f"{vault}/user", "-p", f"{vault}/pass"
    )
    service.acrctl(
        "cache",
        "create",
        *on,
        "-s",
        f"{upstream_host}/crowd/*",
        "-t",
        "via/*",
        "-c",
        "upstream",
        "--ttl",
        "0",
    )
    shown = service.acrctl("credential", "show", "-n", NAME).json()
    yield Registry(
        f"https://{made['loginServer']}", service.ca, shown["username"], shown["passwords"][0]["value"], 0
    )
    service.acrctl("group", "delete", "-n", GROUP, "--yes")


@pytest.fixture(scope="module")
def image(upstream: Registry) -> Image:
    made = random_image(4_000_000)
    pusher = Client(upstream)
    pusher.push("crowd/app", "v1", made)
    pusher.close()
    return made


def test_a_crowd_of_first_pulls_fetches_once_and_needs_no_upstream_afterwards(
    cached: Registry, image: Image, upstream: Registry, way: Forwarder
) -> None:
    way.rate = 8_000_000  # so that the crowd is there while the bytes arrive
    try:
        assert pull_all(cached) == {image_size(image): CROWD}
    finally:
        way.rate = None
    asked = Counter(_ASKED.findall((upstream.authority.parent / "registry.log").read_text()))
    blobs = {what: count for what, count in asked.items() if what.startswith("blobs/")}
    assert blobs == {f"blobs/{blob.digest}": 1 for blob in image.blobs}
    # Both web processes may have asked before one of them knew.
    assert sum(count for what, count in asked.items() if what.startswith("manifests/")) <= 2
    way.stop()
    try:
        assert pull_all(cached) == {image_size(image): CROWD}
    finally:
        way.start()


def pull_all(registry: Registry) -> Counter[int]:
    """Pull from all sides at once; return the sizes of what came, each digest checked."""

    def pull(_: int) -> int:
        client = Client(registry)
        try:
            return client.pull("via/app", "v1")
        finally:
            client.close()

    with ThreadPoolExecutor(CROWD) as pool:
        return Counter(pool.map(pull, range(CROWD)))


def image_size(image: Image) -> int:
    """Return the bytes of an image as a client counts them."""
    return len(image.manifest) + sum(len(blob.content) for blob in image.blobs)
