"""A plane over SQLite with one registry, whose admin user pushes and pulls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.persistence.database import Database
from controlplane.persistence.registries import RegistryRow
from tests.support.distribution import Plane, RegistryClient, plane_at


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
