"""Our service as a user runs it: `controlplane up` on free ports, then one registry made with `acrctl`."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import free_ports
from benchmarks.programs import BenchmarkError, output
from benchmarks.registry import Registry

BIN = Path(sys.executable).parent
NAME = "bench01"
_PORTS = 8


@dataclass(frozen=True, slots=True)
class Deployment:
    """A running service, the environment that points programs at it, and its one registry."""

    env: dict[str, str]
    registry: Registry

    def azure(self) -> dict[str, str]:
        """Return the environment for Azure's programs: what `acrctl env` exports, as a shell reads it."""
        text = output(["sh", "-c", f'eval "$({BIN}/acrctl env)" && env -0'], env=self.env)
        pairs = (item.partition("=") for item in text.split("\0") if item)
        return {name: value for name, _, value in pairs}


@contextlib.contextmanager
def started(folder: Path, **settings: str) -> Iterator[Deployment]:
    """Run the embedded deployment until the block ends, with further environment variables."""
    env = _environment(folder) | settings
    folder.mkdir()
    Path(env["ACRCTL_CONFIG_DIR"]).mkdir(mode=0o700)
    controlplane = str(BIN / "controlplane")
    try:
        output([controlplane, "up"], env=env)
        yield Deployment(env, _registry(env))
    finally:
        output([controlplane, "down"], env=env)


def acrctl(env: dict[str, str], *arguments: str) -> Any:
    """Run `acrctl` and parse what it prints."""
    return json.loads(output([str(BIN / "acrctl"), *arguments, "-o", "json"], env=env))


def _environment(folder: Path) -> dict[str, str]:
    port = free_ports(_PORTS)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ACRCTL_", "AZURE_"))}
    return kept | {
        "ACRCTL_STATE_DIR": str(folder / "state"),
        "ACRCTL_CONFIG_DIR": str(folder / "config"),
        "ACRCTL_PORT": str(port),
        "ACRCTL_LOGIN_PORTS": f"{port + 1}-{port + _PORTS - 1}",
        # The peers limit nobody, and a tier allows fewer requests a minute than are sent here in a second.
        "ACRCTL_THROTTLING": "off",
        "ACRCTL_OUTBOUND_NETWORKS": "127.0.0.0/8",  # where the receivers of webhooks are
    }


def another(deployment: Deployment) -> Registry:
    """Make a second registry of a running service."""
    return _registry(deployment.env, f"{NAME}b")


def _registry(env: dict[str, str], name: str = NAME) -> Registry:
    created = acrctl(env, "registry", "create", "-n", name, "--sku", "Premium", "--admin-enabled")
    credential = acrctl(env, "credential", "show", "-n", name)
    status = json.loads(output([str(BIN / "controlplane"), "status", "--json"], env=env))
    profiles = json.loads((Path(env["ACRCTL_CONFIG_DIR"]) / "profiles.json").read_text())
    profile = profiles["profiles"][profiles["current"]]
    if not status.get("report"):
        raise BenchmarkError("`controlplane status` does not name the processes of the service")
    return Registry(
        url=f"https://{created['loginServer']}",
        authority=Path(profile["caFile"]),
        username=credential["username"],
        password=credential["passwords"][0]["value"],
        root=int(status["report"]["pid"]),
    )
