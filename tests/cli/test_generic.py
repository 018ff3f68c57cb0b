"""az's generic update arguments change an object."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cli import generic
from cli.errors import BadUsageError


def options(**given: Any) -> SimpleNamespace:
    return SimpleNamespace(**({"set": None, "add": None, "remove": None, "force_string": False} | given))


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"set": ["a=2"]}, {"a": 2}),
        ({"set": ["a=2"], "force_string": True}, {"a": "2"}),
        ({"set": ["p.q.r=x"]}, {"p": {"q": {"r": "x"}}}),
        ({"set": ["rules[0].value=y"]}, {"rules": [{"value": "y"}]}),
        ({"add": ["rules", "value=z"]}, {"rules": [{"value": "x"}, {"value": "z"}]}),
        ({"add": ["names", "n1", "n2"]}, {"names": ["n1", "n2"]}),
        ({"remove": ["rules", "0"]}, {"rules": []}),
        ({"remove": ["tags.t"]}, {"tags": {}}),
        ({"set": ["a=1"]}, {}),
    ],
)
def test_only_what_changed_is_told(given: dict[str, Any], changed: dict[str, Any]) -> None:
    before = {"a": 1, "rules": [{"value": "x"}], "tags": {"t": "1"}}
    assert generic.changes(before, options(**given)) == changed
    assert before["rules"] == [{"value": "x"}]


@pytest.mark.parametrize(
    "given",
    [
        {"set": ["a"]},
        {"add": ["rules"]},
        {"add": ["a", "x"]},
        {"remove": ["b.c"]},
        {"remove": ["rules", "7"]},
    ],
)
def test_what_does_not_fit_is_a_mistake_of_usage(given: dict[str, Any]) -> None:
    with pytest.raises(BadUsageError):
        generic.changes({"a": 1, "rules": []}, options(**given))
