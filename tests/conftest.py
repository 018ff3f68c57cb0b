"""Fixtures every suite may use: migrated databases of both kinds, PostgreSQL and Redis of the tests' own.

A server is started when the first test asks for it. A package that is missing is a failure, never a skip.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.persistence.database import Database
from tests.support.azurite import Azurite, azurite
from tests.support.ceph import Gateway, gateway
from tests.support.databases import (
    DIALECTS,
    migrated_postgres,
    migrated_sqlite,
    postgres_copy,
    sqlite_copy,
)
from tests.support.object_stores import Bucket
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.redis_server import RedisServer, redis_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the session."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    return migrated_sqlite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """Name of a migrated PostgreSQL database, to be copied."""
    return migrated_postgres(postgres)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh, migrated SQLite database."""
    with sqlite_copy(sqlite_template, tmp_path) as url:
        yield url


@pytest.fixture
def postgres_url(postgres: PostgresServer, postgres_template: str) -> Iterator[str]:
    """URL of a fresh, migrated PostgreSQL database."""
    with postgres_copy(postgres, postgres_template) as url:
        yield url


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of a fresh, migrated database; the test runs once on each kind."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, migrated database; the test runs once on each kind."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """A fresh, migrated SQLite database, for suites to which the kind of database is no question."""
    database = Database(sqlite_url)
    yield database
    database.dispose()


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis server of this test's own, which it may kill."""
    with redis_server() as server:
        yield server


@pytest.fixture
def redis_url(redis: RedisServer) -> str:
    """Broker URL of a Redis server of this test's own."""
    return redis.url


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Gateway]:
    """An S3 server for the session; tests that kill it start it again."""
    with gateway() as server:
        yield server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[Azurite]:
    """An Azure Blob Storage server for the session; tests that kill it start it again."""
    with azurite() as server:
        yield server


@pytest.fixture
def s3_bucket(s3_server: Gateway) -> Bucket:
    """An empty bucket."""
    return Bucket("s3", s3_server.bucket(), s3_server.options, s3_server)


@pytest.fixture
def azure_container(azure_server: Azurite) -> Bucket:
    """An empty container."""
    return Bucket("az", azure_server.container(), azure_server.options, azure_server)


@pytest.fixture(params=["s3", "azure"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    """An empty bucket or container; the test runs once on each kind of server."""
    name = "s3_bucket" if request.param == "s3" else "azure_container"
    made: Bucket = request.getfixturevalue(name)
    return made
