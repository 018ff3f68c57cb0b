"""``$filter``: what is read, what holds, and what is refused."""

from __future__ import annotations

import pytest

from controlplane.domain.filters import FilterError, demanded, holds, parse

NAMES = {"name", "type", "tag"}
ROW = {"name": ["cog"], "type": ["a/b"], "tag": ["x", "y"]}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("name eq 'cog'", True),
        ("NAME EQ 'COG'", True),
        ("name ne 'cog'", False),
        ("name eq 'cog' and type eq 'z'", False),
        ("name eq 'cog' or type eq 'z'", True),
        ("type eq 'z' and name eq 'q' or name eq 'cog'", True),
        ("type eq 'z' and (name eq 'q' or name eq 'cog')", False),
        ("tag eq 'y'", True),
        ("tag ne 'y'", False),
        ("name eq 'it''s'", False),
        ("(((name eq 'cog')))", True),
    ],
)
def test_filters_hold_or_not(text: str, wanted: bool) -> None:
    assert holds(parse(text, NAMES), lambda name: ROW[name]) is wanted


def test_a_quote_is_written_twice() -> None:
    assert holds(parse("name eq 'it''s'", NAMES), lambda _: ["it's"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("name eq 'A'", "a"),
        ("type eq 'x' and name eq 'A'", "a"),
        ("name ne 'A'", None),
        ("name eq 'A' or type eq 'x'", None),
        ("type eq 'x' and (name eq 'A' or name eq 'B')", None),
    ],
)
def test_what_a_filter_demands(text: str, value: str | None) -> None:
    assert demanded(parse(text, NAMES), "name") == value


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "name", "name eq", "name eq cog", "name eq 'cog", "name gt 'cog'", "colour eq 'x'",
        "name eq 'a' name eq 'b'", "name eq 'a' and", "(name eq 'a'", "name eq 'a')", "and", "'a' eq 'b'",
        "(" * 40 + "name eq 'a'" + ")" * 40, "name eq '" + "a" * 5000 + "'", "name eq 'a' ;drop", "eq eq eq",
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        parse(text, NAMES)
