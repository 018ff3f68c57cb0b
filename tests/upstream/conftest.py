"""A deployment beside a real registry of another make: Debian's docker-registry, with tokens or passwords."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.content import Image, random_image
from benchmarks.peers import docker_registry
from benchmarks.registry import Client, Registry
from tests.api.deployment import Template
from tests.support.both_planes import House, house_at, house_template


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry over TLS that wants tokens of a token service on another port."""
    with docker_registry.started(tmp_path_factory.mktemp("upstream") / "registry") as started:
        yield started


@pytest.fixture(scope="session")
def host(upstream: Registry) -> str:
    """Name of that registry."""
    return urlsplit(upstream.url).netloc


@pytest.fixture(scope="session")
def image(upstream: Registry) -> Image:
    """An image it has, as ``app:v1``."""
    made = random_image(300_000)
    pusher = Client(upstream)
    pusher.push("app", "v1", made)
    pusher.close()
    return made


@pytest.fixture(scope="session")
def house_files(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return house_template(tmp_path_factory.mktemp("house"))


@pytest.fixture
def house(
    house_files: Template, upstream: Registry, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """A deployment that may reach the upstream, and trusts its token service."""
    name, _, port = host.partition(":")
    monkeypatch.setenv("ACRCTL_OUTBOUND_NETWORKS", "127.0.0.0/8,::1/128")
    monkeypatch.setenv("ACRCTL_OUTBOUND_CA", str(upstream.authority))
    monkeypatch.setenv("ACRCTL_UPSTREAM_REALMS", f"{host}={name}:{int(port) + 1}")
    with house_at(house_files, tmp_path / "state") as made:
        yield made
