"""Checks that migrations and declared tables agree, on SQLite and, where it is installed, on PostgreSQL."""

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.postgres import postgres_server


def check(state: str, url: str | None) -> int:
    """Migrate an empty database with the command, and compare."""
    environment = {**os.environ, "ACRCTL_STATE_DIR": state}
    environment.pop("ACRCTL_DATABASE_URL", None)
    if url is not None:
        environment["ACRCTL_DATABASE_URL"] = url
    for command in ("upgrade", "check"):
        done = subprocess.run(
            [sys.executable, "-m", "controlplane", "db", command], env=environment, check=False
        )
        if done.returncode:
            return done.returncode
    return 0


def main() -> int:
    """Return the first exit code that is not 0."""
    with ExitStack() as stack:
        state = stack.enter_context(tempfile.TemporaryDirectory())
        if code := check(state, None):
            return code
        if not list(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
            print("PostgreSQL is not installed: checked on SQLite only")
            return 0
        server = stack.enter_context(postgres_server())
        return check(state, server.url(server.create()))


if __name__ == "__main__":
    sys.exit(main())
