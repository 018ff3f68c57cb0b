"""Results are printed in the forms that scripts written for az read."""

from __future__ import annotations

from typing import Any

import pytest

from cli.errors import BadUsageError
from cli.query import select
from cli.render.emit import render
from cli.render.text import coloured_json, coloured_yaml
from cli.spec import Column

ITEMS: list[dict[str, Any]] = [
    {"name": "b", "id": "/x", "size": 3, "on": True, "sku": {"name": "Basic"}, "list": [1, 2], "none": None},
    {"name": "ä", "id": "/y", "size": 0, "on": False, "sku": {"name": "Premium"}, "list": [], "none": None},
]


def show(result: Any, output: str, *, query: str = "", table: Any = None) -> str:
    if query:
        result = select(query, result)
    return render(result, output, table, queried=bool(query))


def test_json_is_sorted_indented_and_not_escaped() -> None:
    assert show({"b": "ä", "a": [1]}, "json") == '{\n  "a": [\n    1\n  ],\n  "b": "ä"\n}\n'


def test_colours_are_left_out_where_nobody_sees_them() -> None:
    assert show({"a": 1}, "jsonc") == show({"a": 1}, "json")
    assert show({"a": 1}, "yamlc") == show({"a": 1}, "yaml")


def test_colours_mark_keys_and_values_and_change_no_text() -> None:
    painted = coloured_json('{\n  "a": "b: c",\n  "n": null\n}')
    assert "\x1b[34m" in painted
    assert "\x1b[32m" in painted
    assert coloured_yaml("a: 1\n").startswith("\x1b[34ma")


def test_yaml_is_block_style_and_reads_back() -> None:
    assert show([{"b": None, "a": {"c": "1"}}], "yaml") == "- a:\n    c: '1'\n  b: null\n"


def test_nothing_is_printed_for_no_result_and_for_the_format_none() -> None:
    assert show(None, "json") == show(ITEMS, "none") == ""
    assert show(ITEMS, "json", query="[0].missing") == ""


def test_tsv_sorts_members_empties_objects_and_counts_lists() -> None:
    assert show(ITEMS, "tsv") == "/x\t2\tb\tNone\tTrue\t3\t\n/y\t0\tä\tNone\tFalse\t0\t\n"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("[].name", "b\nä\n"),
        ("[0].name", "b\n"),
        ("[0].on", "true\n"),
        ("[0].sku", "Basic\n"),
        ("[].[name, sku.name]", "b\tBasic\nä\tPremium\n"),
        ("[].{z:name, a:size}", "b\t3\nä\t0\n"),
        ("length(@)", "2\n"),
    ],
)
def test_tsv_of_a_query_keeps_the_order_the_query_names(query: str, text: str) -> None:
    assert show(ITEMS, "tsv", query=query) == text


def test_a_table_uses_the_commands_columns() -> None:
    columns = (Column("NAME", "name"), Column("SKU", "sku.name"), Column("FIRST", "list.0"))
    assert show(ITEMS, "table", table=columns) == (
        "NAME    SKU      FIRST\n------  -------  -------\nb       Basic    1\nä       Premium\n"
    )


def test_a_table_column_shortens_timestamps() -> None:
    columns = (Column("WHEN", "at", time=True),)
    shown = show({"at": "2026-01-01T10:20:30.123456+00:00"}, "table", table=columns)
    assert shown.endswith("2026-01-01T10:20:30Z\n")


def test_a_table_without_columns_shows_simple_members_but_not_ids() -> None:
    assert show(ITEMS[0], "table") == "Name    On    Size\n------  ----  ------\nb       True  3\n"


def test_a_table_of_a_query_ignores_the_commands_columns() -> None:
    shown = show(ITEMS, "table", query="[].{z:name}", table=(Column("NAME", "name"),))
    assert shown == "Z\n---\nb\nä\n"


def test_a_table_of_plain_values_and_of_lists() -> None:
    assert show(["a", "bb"], "table") == "Result\n--------\na\nbb\n"
    assert show([["a", 1]], "table") == "Column1    Column2\n---------  ---------\na          1\n"


def test_an_empty_table_is_an_empty_line() -> None:
    assert show([], "table", table=(Column("NAME", "name"),)) == "\n"


def test_a_wrong_query_is_a_mistake_of_usage() -> None:
    with pytest.raises(BadUsageError, match="argument --query"):
        show(ITEMS, "json", query="[?")
