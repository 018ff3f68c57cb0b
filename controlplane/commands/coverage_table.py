"""The coverage page: every operation of Azure's API, and what this service answers to it.

The operations are facts that the tests hold (``tests/data/arm_operations.json``), the answers are the routes
and the declarations that the service is made of; the tests show that both agree.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from controlplane import resources
from controlplane.arm.absent import AbsentType
from controlplane.arm.declaration import Verb
from controlplane.arm.types import Types
from controlplane.distribution.absent import FEATURES
from controlplane.management.application import all_routes
from controlplane.management.routes import Route

FACTS = Path(__file__).resolve().parents[2] / "tests" / "data" / "arm_operations.json"
SERVED = "served"
_CONVERTER = re.compile(r"<(?:path:)?(\w+)>")
_HEAD = """# Coverage of Azure's API

This page is written by `make openapi` from the routes of the service and the list of Azure's operations that
the tests hold; a test fails when an operation has no answer.

*served*: works as Azure's. *refused*: answers `FeatureNotSupported` and names the feature. Lists of what
cannot exist are empty, one that is asked for by name is not found, and deleting it has nothing to do; the
table counts these as refused. [What it refuses](../guides/limits.md)
is about properties of what is served.

"""
_TRUE = {
    Verb.LIST: "an empty list",
    Verb.GET: "not found",
    Verb.DELETE: "nothing to delete",
}


def markdown() -> str:
    """Return the page.

    Raises:
        FileNotFoundError: the list of operations is not there; only a checkout has it.
    """
    facts: dict[str, Any] = json.loads(FACTS.read_text(encoding="utf-8"))
    types = Types.discover(resources)
    answers = {(route.method, route.path): route for route in all_routes(types)}
    reasons = _reasons(types)
    parts = [_HEAD, *_summary(facts, answers)]
    for version in sorted(facts, reverse=True):
        parts += [f"\n## {version}\n\n| operation | method and path | answer |\n|---|---|---|\n"]
        for name, known in facts[version]["operations"].items():
            route = answers.get((known["method"], known["path"]))
            parts.append(f"| {name} | {_place(known)} | {_answer(route, version, reasons)} |\n")
    return "".join([*parts, *_data_plane()])


def _summary(facts: Mapping[str, Any], answers: Mapping[tuple[str, str], Route]) -> Iterator[str]:
    yield "| api-version | operations | served | refused | without an answer |\n|---|---|---|---|---|\n"
    for version in sorted(facts, reverse=True):
        known = facts[version]["operations"].values()
        kinds = Counter(_kind(answers.get((one["method"], one["path"])), version) for one in known)
        yield f"| {version} | {len(known)} | {kinds[SERVED]} | {kinds['refused']} | {kinds['none']} |\n"


def _kind(route: Route | None, version: str) -> str:
    if route is None or version not in route.api_versions:
        return "none"
    return "refused" if route.absent else SERVED


def _reasons(types: Types) -> dict[str, str]:
    """Return what is answered for each operation that is not served."""
    found = {}
    for declared in types.absent:
        for operation in declared.operations(""):
            true = _TRUE.get(operation.verb) if operation.verb else None
            found[operation.operation_id] = (
                f"{true}: {_words(declared)}" if true else f"*refused*: {_words(declared)}"
            )
    return found


def _words(declared: AbsentType) -> str:
    return f"{declared.feature[0].lower()}{declared.feature[1:]} is not supported. {declared.hint}"


def _answer(route: Route | None, version: str, reasons: Mapping[str, str]) -> str:
    kind = _kind(route, version)
    if route is None or kind == "none":
        return "**none**"
    return SERVED if kind == SERVED else reasons[route.operation_id]


def _place(known: Mapping[str, Any]) -> str:
    path = str(known["path"]).partition("/providers/Microsoft.ContainerRegistry")[2]
    return f"`{known['method']} …{path}`"


def _data_plane() -> Iterator[str]:
    yield "\n## The data plane\n\n"
    yield "The OCI distribution API and ACR's own below `/acr/v1` are served, but for these:\n\n"
    yield "| method and path | answer |\n|---|---|\n"
    for known in FEATURES:
        path = _CONVERTER.sub(r"{\1}", known.path)
        yield f"| `{known.method} {path}` | *refused*: {known.feature} is not supported. {known.hint} |\n"
