"""How much fire: a reduced run by default, all of it with ``--full`` or FAULTS_FULL=1."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Extent:
    """How many operations and how many kills there are at least, and the seed of chance."""

    operations: int
    kills: int
    seed: int


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="faults: 500 creates and deletes instead of 60")


@pytest.fixture
def extent(request: pytest.FixtureRequest) -> Extent:
    full = request.config.getoption("--full", default=False) or os.environ.get("FAULTS_FULL") == "1"
    seed = int(os.environ.get("FAULTS_SEED", random.randrange(10**6)))
    return Extent(500, 100, seed) if full else Extent(60, 12, seed)
