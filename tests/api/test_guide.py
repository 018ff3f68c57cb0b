"""The guide to adding a type: its files are taken out of the page and run."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.api.deployment import Deployment, Template, open_deployment, renew
from tests.api.matrix import test_matrix
from tests.api.matrix.subject import Subject

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "resource-types.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
MATRIX = [
    test
    for name, test in vars(test_matrix).items()
    if name.startswith("test_") and test.__code__.co_varnames[: test.__code__.co_argcount] == ("subject",)
]


def module(name: str, source: str) -> ModuleType:
    made = ModuleType(name)
    sys.modules[name] = made
    exec(compile(source, f"{GUIDE.name}:{name}", "exec"), made.__dict__)  # noqa: S102 - our own guide
    return made


@pytest.fixture(scope="module")
def files() -> tuple[ModuleType, ModuleType]:
    """The declaration and the example, as modules."""
    declaration, example = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    return module("notes", declaration), module("notes_example", example)


@pytest.fixture(scope="module")
def deployment(
    files: tuple[ModuleType, ModuleType], template: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    made = open_deployment(template, tmp_path_factory.mktemp("guide") / "state", [files[0].RESOURCE])
    yield made
    made.database.dispose()


@pytest.fixture
def subject(files: tuple[ModuleType, ModuleType], deployment: Deployment, template: Template) -> Subject:
    renew(deployment, template)
    notes, shown = files
    return Subject(deployment, notes.RESOURCE, shown.EXAMPLE, shown.EXAMPLE.place(deployment))


@pytest.mark.parametrize("test", MATRIX, ids=lambda test: test.__name__)
def test_the_type_of_the_guide_passes_the_matrix(test: Callable[[Subject], None], subject: Subject) -> None:
    test(subject)


def test_what_the_guide_promises(subject: Subject) -> None:
    subject.make()
    said = subject.call("POST", f"{subject.path()}/readAloud")
    assert (said.status_code, said.json) == (200, {"said": "Note 0"})
    refused = subject.call("PATCH", body={"properties": {"pinned": True, "colour": "Green"}})
    assert (refused.status_code, refused.json["error"]["target"]) == (400, "properties.pinned")
    assert "Notes_ReadAloud" in str(subject.api.openapi())
