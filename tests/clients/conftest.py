"""The service as a user runs it, and unmodified clients pointed at it.

One deployment serves the whole suite: `controlplane up` in a temporary state folder, on free ports. Clients
that are Python packages live in `.venv-clients`; `make test` installs them, and those that come from Debian.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks.peers import docker_registry
from benchmarks.registry import Registry
from tests.clients.image import write_image
from tests.support.forwarder import Forwarder, forwarder

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
CLIENTS = Path(os.environ.get("CLIENTS_VENV", ROOT / ".venv-clients"))


@dataclass(frozen=True)
class Run:
    """What a client program did."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Parse standard output."""
        return json.loads(self.out)


@dataclass
class Service:
    """A running deployment and the environment that points programs at it."""

    state: Path
    config: Path
    env: dict[str, str]
    azure: dict[str, str] = field(default_factory=dict)

    @property
    def profile(self) -> dict[str, Any]:
        """The command line's current profile."""
        document = json.loads((self.config / "profiles.json").read_text())
        profile: dict[str, Any] = document["profiles"][document["current"]]
        return profile

    @property
    def ca(self) -> Path:
        """The certificate authority's PEM file."""
        return Path(self.profile["caFile"])

    def run(
        self,
        *command: str | Path,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> Run:
        """Run a program in an empty folder; with ``check`` it must succeed."""
        done = subprocess.run(
            [str(part) for part in command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            cwd=self.config,
            env={**self.env, **(env or {})},
        )
        if check and done.returncode:
            pytest.fail(f"{command} exited {done.returncode}\n{done.stdout}\n{done.stderr}")
        return Run(done.returncode, done.stdout, done.stderr)

    def acrctl(self, *args: str, check: bool = True, **more: Any) -> Run:
        """Run our command line."""
        return self.run(BIN / "acrctl", *args, check=check, **more)

    def az(self, *args: str, check: bool = True, **more: Any) -> Run:
        """Run Azure's command line under the exports of `acrctl env`."""
        return self.run(
            CLIENTS / "bin" / "az", *args, check=check, env={**self.azure, **more.pop("env", {})}, **more
        )

    def python(self, program: str, *args: str) -> Run:
        """Run a program in the clients' Python, under the exports of `acrctl env`."""
        return self.run(CLIENTS / "bin" / "python", "-c", program, *args, env=self.azure)


def free_ports(count: int) -> int:
    """Find the first of ``count`` neighbouring loopback ports that are all free."""
    for first in range(20_000 + secrets.randbelow(20_000), 60_000, count):
        sockets = []
        try:
            for port in range(first, first + count):
                opened = socket.socket()
                sockets.append(opened)
                opened.bind(("127.0.0.1", port))
        except OSError:
            continue
        else:
            return first
        finally:
            for opened in sockets:
                opened.close()
    raise RuntimeError("no free ports on the loopback interface")


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Run another registry, of another make: TLS, and tokens of a service on the port after its own."""
    folder = tmp_path_factory.mktemp("upstream") / "registry"
    with docker_registry.started(folder, access_log=True) as started:
        yield started


@pytest.fixture(scope="session")
def way(upstream: Registry) -> Iterator[Forwarder]:
    """Lead to that registry by a name with a dot, as az wants it. Whoever narrows the way widens it again."""
    with forwarder(urlsplit(upstream.url).port or 0) as made:
        yield made


@pytest.fixture(scope="session")
def upstream_host(way: Forwarder) -> str:
    """Name the registry as the service knows it."""
    return way.host


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory, upstream: Registry, upstream_host: str
) -> Iterator[Service]:
    """Run the embedded deployment for the whole session; it may reach the other registry."""
    folder = tmp_path_factory.mktemp("deployment")
    state, config = folder / "state", folder / "config"
    config.mkdir(mode=0o700)
    port, tokens = free_ports(40), (urlsplit(upstream.url).port or 0) + 1
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ACRCTL_", "AZURE_"))}
    env |= {
        "ACRCTL_STATE_DIR": str(state),
        "ACRCTL_CONFIG_DIR": str(config),
        "ACRCTL_PORT": str(port),
        "ACRCTL_LOGIN_PORTS": f"{port + 1}-{port + 39}",
        "ACRCTL_OUTBOUND_NETWORKS": "127.0.0.0/8,::1/128",
        "ACRCTL_OUTBOUND_CA": str(upstream.authority),
        "ACRCTL_UPSTREAM_REALMS": f"{upstream_host}=localhost:{tokens}",
        "ACRCTL_SECRETS_DIR": str(folder / "secrets"),
        "HOME": str(folder),
    }
    running = Service(state, config, env)
    running.run(BIN / "controlplane", "up")
    try:
        running.azure = exports(running)
        yield running
    finally:
        running.run(BIN / "controlplane", "down", check=False)


def exports(service: Service) -> dict[str, str]:
    """Read what `acrctl env` exports, as a shell would."""
    script = f'eval "$({BIN}/acrctl env)"; env -0'
    text = service.run("sh", "-c", script).out
    pairs = (item.partition("=") for item in text.split("\0") if item)
    return {name: value for name, _, value in pairs}


@pytest.fixture(scope="session")
def az(service: Service) -> Service:
    """Log real az in as the owner."""
    if not (CLIENTS / "bin" / "az").exists():
        pytest.fail(f"no az in {CLIENTS}: `make test` installs the clients this suite drives")
    azure = service.azure
    service.az(
        "login", "--service-principal", "-u", azure["AZURE_CLIENT_ID"], "-p", azure["AZURE_CLIENT_SECRET"],
        "--tenant", azure["AZURE_TENANT_ID"],
    )  # fmt: skip
    return service


@pytest.fixture(scope="session")
def registry(service: Service) -> dict[str, Any]:
    """Give the suite one Basic registry with an admin user."""
    created: dict[str, Any] = service.acrctl(
        "registry", "create", "-n", "clients01", "--sku", "Basic", "--admin-enabled"
    ).json()
    return created


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a small OCI image layout, with a config and two layers."""
    folder = tmp_path_factory.mktemp("image") / "hello"
    write_image(folder)
    return folder


@pytest.fixture
def certificates(service: Service, tmp_path: Path) -> Path:
    """Give the folder that container tools look for our authority in."""
    folder = tmp_path / "certs.d"
    folder.mkdir()
    shutil.copy(service.ca, folder / "ca.crt")
    return folder


@pytest.fixture
def credentials(service: Service, registry: dict[str, Any]) -> str:
    """Give the admin user's name and password."""
    shown = service.acrctl("credential", "show", "-n", registry["name"]).json()
    return f"{shown['username']}:{shown['passwords'][0]['value']}"


def need(program: str) -> str:
    """Return the path of a program that `make test` installs."""
    found = shutil.which(program)
    if found is None:
        pytest.fail(f"{program} is not installed: `make test` installs it from Debian's packages")
    return found
