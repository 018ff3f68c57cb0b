"""Plays every scenario, each with a service of its own, from the first start to the last stop."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.image import write_image
from tests.e2e.scenario import Session, matches, parse, user_environment
from tests.support.ports import free_port, free_range

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A user's shell with a service that is not there yet."""
    first, last = free_range(10)
    settings = {
        "IMAGE": str(tmp_path / "image"),
        "DIGEST": write_image(tmp_path / "image"),
        "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json"),
        "ACRCTL_STATE_DIR": str(tmp_path / "state"),
        "ACRCTL_CONFIG_DIR": str(tmp_path / "config"),
        "ACRCTL_PORT": str(free_port()),
        "ACRCTL_LOGIN_PORTS": f"{first}-{last}",
    }
    session = Session(tmp_path, user_environment(tmp_path, Path(sys.executable).parent, settings))
    yield session
    session.run("controlplane down")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(session: Session, scenario: Path) -> None:
    for command in parse(scenario.read_text()):
        session.play(command)


@pytest.mark.parametrize(
    ("expected", "printed", "fits"),
    [
        (["one"], ["one"], True),
        (["one"], ["one", "two"], False),
        (["o...e"], ["orange"], True),
        (["...", "last"], ["first", "second", "last"], True),
        (["..."], [], True),
        (["first", "...", "last"], ["first", "last"], True),
        (["a.c"], ["abc"], False),
    ],
)
def test_dots_stand_for_any_text_and_any_lines(expected: list[str], printed: list[str], fits: bool) -> None:
    assert matches(expected, printed) is fits
