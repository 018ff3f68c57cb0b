"""What the matrix needs to know of a type: bodies that work, and where its resources lie.

One module a type in ``examples/`` holds one as ``EXAMPLE``; a type without is not finished.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.domain.scopes import REGISTRY_TYPE
from tests.api.deployment import CONTRIBUTOR, GROUPS, REGISTRIES, Deployment
from tests.api.matrix import examples

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


def in_lab(api: Deployment) -> str:
    """Make a group of the example's own; return its id."""
    lab = f"{api.subscription}/resourceGroups/lab"
    made = api.put(lab, {"location": "eastus"}, version=GROUPS)
    assert made.status_code in {200, 201}, made.text
    return lab


def registry_in_lab(api: Deployment) -> str:
    """Make a Premium registry in that group; return its id."""
    path = f"{in_lab(api)}/providers/{REGISTRY_TYPE}/parent01"
    body = {"location": "eastus", "sku": {"name": "Premium"}}
    made = api.put(path, body, version=REGISTRIES)
    assert made.status_code in {200, 201}, made.text
    api.work()
    return path


@dataclass(frozen=True)
class Example:
    """Bodies and places of one type.

    ``place`` makes whatever must be there and returns the id that the collection lies under. ``body``
    returns a PUT body for the n-th of several resources, ``name`` its name. ``patch`` changes something,
    and ``patched`` are the members (dotted) that must then read so. ``writer`` is a role that may do
    everything.
    """

    type: str
    place: Callable[[Deployment], str]
    body: Callable[[Deployment, int], dict[str, Any]]
    name: Callable[[int], str]
    bad_name: str
    patch: Mapping[str, Any] = field(default_factory=dict)
    patched: Mapping[str, Any] = field(default_factory=dict)
    writer: str = CONTRIBUTOR
    listed_alone: bool = True


def all_examples() -> dict[str, Example]:
    """Return every example by its type in lower case."""
    found = {}
    for info in pkgutil.iter_modules(examples.__path__):
        example: Example = importlib.import_module(f"{examples.__name__}.{info.name}").EXAMPLE
        found[example.type.lower()] = example
    return found
