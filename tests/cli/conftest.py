"""Fixtures: a stand-in service on loopback and a runner that is the command line itself."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import run
from tests.cli import (
    stand_in_arm,  # noqa: F401 - registers its routes
    stand_in_children,  # noqa: F401 - as above
    stand_in_data,
    stand_in_directory,  # noqa: F401 - as above
)
from tests.cli.cli_runner import Result, Runner
from tests.cli.stand_in import APP_ID, SECRET, SUBSCRIPTION, TENANT, Service, start


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty configuration folder, and none of the variables that would override it."""
    for name in list(os.environ):
        if name.startswith(("ACRCTL_", "AZURE_")) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ACRCTL_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def acrctl(config: Path, capsys: pytest.CaptureFixture[str]) -> Runner:
    """Run a command line in this process, as the program would."""
    del config

    def invoke(*args: str) -> Result:
        capsys.readouterr()
        code = run(list(args))
        said = capsys.readouterr()
        return Result(code, said.out, said.err)

    return invoke


@pytest.fixture
def service() -> Iterator[Service]:
    """A stand-in service, listening."""
    state = Service()
    server = start(state)
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def profile(config: Path, service: Service) -> dict[str, Any]:
    """A profile as the service's first start writes it; returns the profile's content."""
    content = {
        "endpoint": service.base,
        "tenantId": TENANT,
        "clientId": APP_ID,
        "clientSecret": SECRET,
        "caFile": "",
        "subscriptionId": SUBSCRIPTION,
        "subscriptionName": "Local",
        "defaults": {"group": "rg1"},
    }
    config.mkdir(mode=0o700)
    path = config / "profiles.json"
    path.write_text(json.dumps({"current": "local", "profiles": {"local": content}}))
    path.chmod(0o600)
    return content


@pytest.fixture
def ready(acrctl: Runner, profile: dict[str, Any], service: Service) -> Runner:
    """A runner whose service has the group rg1, the registry demo01 and two repositories."""
    del profile
    assert acrctl("group", "create", "-n", "rg1", "-l", "local").code == 0
    made = acrctl("registry", "create", "-n", "demo01", "--sku", "Basic", "--admin-enabled")
    assert made.code == 0, made.err
    service.tags["hello"] = {"v1": stand_in_data.DIGEST, "v2": stand_in_data.DIGEST}
    service.tags["team/app"] = {"x": "sha256:" + "b" * 64}
    service.seen.clear()
    return acrctl
