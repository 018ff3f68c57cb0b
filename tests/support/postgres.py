"""A PostgreSQL server of the tests' own, on a free port, from Debian's package."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.support.ports import accepts, free_port
from tests.support.processes import Process
from tests.support.waiting import eventually

MISSING = "{program} is not installed; `make test` installs it (Debian: apt-get install {package})"
# Safe as long as the machine stays up: what a killed server wrote is in the file cache.
_SPEED = ("fsync=off", "full_page_writes=off", "max_connections=200")


@dataclass(frozen=True)
class PostgresServer:
    """A running server; every ``create`` is a database of its own."""

    port: int
    process: Process

    def url(self, name: str) -> str:
        """SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def create(self, template: str = "template1") -> str:
        """Make a database that is a copy of ``template``; return its name."""
        name = f"t{uuid.uuid4().hex}"
        self._admin(sql.SQL("CREATE DATABASE {} TEMPLATE {}"), name, template)
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._admin(sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)

    def _admin(self, statement: sql.SQL, *names: str) -> None:
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.format(*(sql.Identifier(name) for name in names)))


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server over a fresh data folder until the block ends; a missing package fails the test."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="acrctl-pg-"))
    try:
        data = _initialised(programs, folder)
        port = free_port()
        options = [f"-c{option}" for option in (*_SPEED, "listen_addresses=127.0.0.1", f"port={port}")]
        command = [str(programs / "postgres"), "-D", str(data), "-k", "", *options]
        server = Process("postgres", _as_postgres(command), folder / "log").start()
        try:
            eventually(lambda: accepts(port) and _answers(port), within=30, what=f"postgres\n{server.tail()}")
            yield PostgresServer(port, server)
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """Folder of the server's programs; Debian keeps them out of PATH."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not folders:
        pytest.fail(MISSING.format(program="PostgreSQL", package="postgresql"), pytrace=False)
    return folders[-1]


def _initialised(programs: Path, folder: Path) -> Path:
    data = folder / "data"
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    command = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-N"]
    made = subprocess.run(
        _as_postgres([*command, "--locale=C", "-E", "UTF8"]), capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return data


def _as_postgres(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


def _answers(port: int) -> bool:
    try:
        psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True
