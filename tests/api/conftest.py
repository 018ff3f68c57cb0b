"""Fixtures of the API suites: one application a session, with a fresh database for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api import toys
from tests.api.deployment import Deployment, Template, make_template, open_deployment, renew


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A bootstrapped deployment, not served."""
    return make_template(tmp_path_factory.mktemp("template") / "state")


@pytest.fixture(scope="session")
def served(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The application; its database is what the last test left."""
    deployment = open_deployment(template, tmp_path_factory.mktemp("served") / "state")
    yield deployment
    deployment.database.dispose()


@pytest.fixture
def api(served: Deployment, template: Template) -> Deployment:
    """A deployment with the product's types and the toys, as its owner sees it at first start."""
    renew(served, template)
    toys.forget()
    return served


@pytest.fixture
def someone(api: Deployment) -> str:
    """Object id of a service principal without any role."""
    return api.personas[api.persona(None, "/")]


@pytest.fixture
def second_group(api: Deployment) -> str:
    path = f"{api.subscription}/resourceGroups/second"
    assert api.put(path, {"location": "eastus"}, version="2024-11-01").status_code == 201
    return path
