"""Fixtures of the API suites: a deployment of each test's own, copied from one made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api import toys
from tests.api.deployment import Deployment, Template, make_template, open_deployment


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A bootstrapped deployment, not served."""
    return make_template(tmp_path_factory.mktemp("template") / "state")


@pytest.fixture
def api(template: Template, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment with the product's types and the toys, as its owner sees it."""
    for seen in (toys.ENDED, toys.SAVED, toys.SETTLED):
        seen.clear()
    deployment = open_deployment(template, tmp_path / "state")
    yield deployment
    deployment.database.dispose()
