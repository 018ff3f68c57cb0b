"""Azure's own command line, pointed at our service."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.peers.acrctl_server import Deployment
from benchmarks.programs import BenchmarkError, output

_ROOT = Path(__file__).resolve().parents[2]


def program() -> str:
    """Return the path of `az`: ``BENCH_AZ``, or the one in the virtual environment of the client tests.

    Raises:
        BenchmarkError: it is not there.
    """
    path = Path(os.environ.get("BENCH_AZ", _ROOT / ".venv-clients" / "bin" / "az"))
    if not path.exists():
        raise BenchmarkError(
            f"No az at {path}. `make test` installs the clients; or set BENCH_AZ to a program."
        )
    return str(path)


def logged_in(deployment: Deployment) -> dict[str, str]:
    """Log az in as the owner of the service and return the environment to run it in."""
    env = deployment.azure()
    output(
        [
            program(), "login", "--service-principal", "--username", env["AZURE_CLIENT_ID"],
            "--password", env["AZURE_CLIENT_SECRET"], "--tenant", env["AZURE_TENANT_ID"], "--output", "none",
        ],
        env=env,
    )  # fmt: skip
    return env
