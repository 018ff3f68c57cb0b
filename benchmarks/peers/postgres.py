"""A PostgreSQL server for our service, with the settings Debian's package has."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import free_ports, running
from benchmarks.programs import BenchmarkError, output

_FOLDERS = "/usr/lib/postgresql"


@contextlib.contextmanager
def started(folder: Path) -> Iterator[str]:
    """Run a server over a fresh folder until the block ends; give the URL of a database."""
    programs, port = _programs(), free_ports(1)
    folder.mkdir()
    data = folder / "data"
    if os.geteuid() == 0:  # PostgreSQL refuses to be run by root
        for path in (folder, *folder.parents[:1]):
            path.chmod(0o755)
        shutil.chown(folder, "postgres", "postgres")
    output(_as_postgres([str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres"]))
    command = _as_postgres(
        [
            str(programs / "postgres"),
            "-D",
            str(data),
            "-k",
            "",
            "-c",
            f"port={port}",
            "-c",
            "max_connections=200",
        ]
    )
    with running(command, port, folder.parent / "postgres.log", dict(os.environ)):
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"


def _programs() -> Path:
    found = sorted(Path(_FOLDERS).glob("*/bin/initdb")) if Path(_FOLDERS).is_dir() else []
    if not found:
        raise BenchmarkError("PostgreSQL is not installed. On Debian: apt-get install postgresql")
    return found[-1].parent


def _as_postgres(command: list[str]) -> list[str]:
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
