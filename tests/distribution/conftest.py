"""A plane over SQLite with one registry, whose admin user pushes and pulls."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.persistence.database import Database
from controlplane.persistence.registries import RegistryRow
from controlplane.settings.model import Settings
from tests.api.deployment import Template
from tests.support.both_planes import House, house_at, house_template
from tests.support.databases import close_as_one_file
from tests.support.distribution import Plane, RegistryClient, plane_at, services_over, start_first
from tests.support.postgres import PostgresServer


@pytest.fixture(scope="session")
def sqlite_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file after the first start, to be copied."""
    folder = tmp_path_factory.mktemp("started")
    path = folder / "acrctl.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    start_first(services_over(database, Settings(state_dir=folder)))
    close_as_one_file(database)
    return path


@pytest.fixture(scope="session")
def postgres_template(
    postgres: PostgresServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Name of a PostgreSQL database after the first start, to be copied."""
    name = postgres.create(postgres_template)
    database = Database(postgres.url(name))
    start_first(services_over(database, Settings(state_dir=tmp_path_factory.mktemp("started"))))
    database.dispose()
    return name


@pytest.fixture
def plane(tmp_path: Path, sqlite_database: Database) -> Iterator[Plane]:
    plane = plane_at(tmp_path, sqlite_database)
    yield plane
    plane.close()


@pytest.fixture
def registry(plane: Plane) -> RegistryRow:
    return plane.add_registry()


@pytest.fixture
def admin(plane: Plane, registry: RegistryRow) -> RegistryClient:
    """A client with the admin user's password."""
    return plane.client(registry)


@pytest.fixture
def nobody(plane: Plane, registry: RegistryRow) -> RegistryClient:  # noqa: ARG001 - there is a registry
    """A client without any credential."""
    return plane.client()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A deployment of both planes with registries, to be copied."""
    return house_template(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="module")
def running(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A copy of it that the tests of a file share; each puts its database back first."""
    with house_at(template, tmp_path_factory.mktemp("running") / "state") as house:
        yield house
