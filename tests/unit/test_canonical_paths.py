"""Paths in any case, spelled as declared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from controlplane.management.canonical import CanonicalPaths

DECLARED = (
    "/subscriptions/{s}/resourceGroups/{g}/providers/Microsoft.X/boxes/{b}/lidTypes/{l}/openLid",
    "/subscriptions/{s}/providers/Microsoft.X/checkName",
    "/providers/Microsoft.X/operations",
)


def _app(_environ: Any, _start: Any) -> Iterable[bytes]:
    return []


PATHS = CanonicalPaths(_app, DECLARED)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("/SUBSCRIPTIONS/S/RESOURCEGROUPS/G", "/subscriptions/S/resourceGroups/G"),
        ("/subscriptions/S/resourcegroups/Boxes", "/subscriptions/S/resourceGroups/Boxes"),
        (
            "/Subscriptions/s/resourceGroups/PROVIDERS/Providers/microsoft.x/BOXES/boxes/LIDtypes/L/openlid",
            "/subscriptions/s/resourceGroups/PROVIDERS/providers/Microsoft.X/boxes/boxes/lidTypes/L/openLid",
        ),
        (
            "/subscriptions/s/PROVIDERS/MICROSOFT.X/CHECKNAME",
            "/subscriptions/s/providers/Microsoft.X/checkName",
        ),
        ("/providers/microsoft.x/Operations", "/providers/Microsoft.X/operations"),
        ("//subscriptions///s/", "/subscriptions/s"),
        ("/", "/"),
        ("", "/"),
        ("/Unknown/Words", "/Unknown/Words"),
    ],
)
def test_words_are_spelled_and_names_left_alone(given: str, wanted: str) -> None:
    assert PATHS.spell(given) == wanted
