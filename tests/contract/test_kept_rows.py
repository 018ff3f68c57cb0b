"""Rows that are kept in memory between commits are never older than the database."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from controlplane.persistence.database import Database
from controlplane.persistence.hot import HotReads
from controlplane.persistence.wal_state import WalState
from tests.support.distribution import HOST, Plane, RegistryClient, image, plane_at


@pytest.fixture
def path(sqlite_database: Database) -> str:
    with sqlite_database.write() as tx:
        tx.connection.execute(sa.text("CREATE TABLE things (name TEXT)"))
    return str(sa.make_url(sqlite_database.url).database)


@pytest.fixture
def state(path: str) -> Iterator[WalState]:
    with closing(WalState(path)) as state:
        yield state


def test_every_commit_is_another_state(sqlite_database: Database, state: WalState) -> None:
    seen = {state.now()}
    for number in range(50):
        with sqlite_database.write() as tx:
            tx.connection.execute(sa.text("INSERT INTO things VALUES (:name)"), {"name": str(number)})
        seen.add(state.now())
    assert len(seen) == 51


def test_so_is_that_of_another_process(path: str, state: WalState) -> None:
    before = state.now()
    program = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1]); "
        "connection.execute('INSERT INTO things VALUES (1)'); connection.commit(); connection.close()"
    )
    subprocess.run([sys.executable, "-c", program, path], check=True, timeout=60)
    assert state.now() != before


def test_reading_and_rolling_back_are_not(sqlite_database: Database, state: WalState) -> None:
    before = state.now()

    def fail() -> None:
        with sqlite_database.write() as tx:
            tx.connection.execute(sa.text("INSERT INTO things VALUES ('x')"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with sqlite_database.read() as tx:
        assert tx.connection.execute(sa.text("SELECT * FROM things")).all() == []
    assert state.now() == before


@pytest.mark.parametrize("mode", ["TRUNCATE", "RESTART", "PASSIVE"])
def test_a_log_that_begins_anew_hides_no_commit(path: str, state: WalState, mode: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        seen = set()
        for number in range(20):
            connection.execute("INSERT INTO things VALUES (?)", (number,))
            seen.add(state.now())
            connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        assert len(seen) == 20


def test_looking_drops_no_lock_that_sqlite_holds(path: str) -> None:
    program = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None); "
        "connection.execute('INSERT INTO things VALUES (1)'); "
        "print(connection.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()[0])"
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT count(*) FROM things").fetchone()
        WalState(path).close()
        done = subprocess.run(
            [sys.executable, "-c", program, path], check=True, timeout=60, capture_output=True, text=True
        )
        assert done.stdout.strip() == "1"  # busy: the reader's lock is seen
        assert reader.execute("SELECT count(*) FROM things").fetchone() == before


def test_a_database_without_such_a_log_keeps_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "plain.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE things (name TEXT)")
    with pytest.raises(OSError, match="plain"):
        WalState(path)


class TestPulls:
    @pytest.fixture
    def plane(self, tmp_path: Path, sqlite_database: Database) -> Iterator[Plane]:
        plane = plane_at(tmp_path, sqlite_database)
        yield plane
        plane.close()

    @pytest.fixture
    def pusher(self, plane: Plane) -> RegistryClient:
        row = plane.add_registry()
        other = plane.another_process()
        return other.client().with_basic(row.name, plane.admin_password(row))

    def test_see_each_push_of_another_process_at_once(self, plane: Plane, pusher: RegistryClient) -> None:
        puller = RegistryClient(plane.application, HOST, pusher.authorization)
        for number in range(30):
            digest = pusher.push_image("app", "latest", [str(number).encode()])
            for _ in range(2):
                assert puller.get("/v2/app/manifests/latest").headers["Docker-Content-Digest"] == digest
            assert pusher.open("DELETE", "/v2/app/manifests/latest").status_code == 202
            assert puller.get("/v2/app/manifests/latest").status_code == 404

    def test_keep_few_rows_and_no_large_ones(self, plane: Plane, pusher: RegistryClient) -> None:
        pusher.push_image("app", "small")
        config = b"{}"
        pusher.push_blob("app", config)
        large = image(config, []) | {"annotations": {"text": "x" * 100_000}}
        assert pusher.put_manifest("app", "large", large).status_code == 201
        with closing(HotReads(plane.services.database)) as reads:
            reads.registry(HOST)  # the first read finds out how commits are seen
            for reference in ("small", "large", "small", "large"):
                found = reads.manifest(HOST, "app", reference, body=True)
                assert found is not None
                assert found[2] is not None
            kept = reads._driver._known[1]  # type: ignore[attr-defined]  # noqa: SLF001
            assert [key[2] for key in kept] == ["small"]
            for number in range(2000):
                reads.manifest(HOST, "app", f"absent{number}", body=True)
            assert len(kept) <= 512
