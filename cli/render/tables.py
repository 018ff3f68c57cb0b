"""Tables for people: a command's own columns, or every simple member."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cli.render.ordered import Ordered
from cli.spec import Column, Table

HIDDEN = frozenset({"id", "type", "etag"})
HEADING_PADDING = 2
GAP = "  "


def format_table(result: Any, table: Table | None, *, queried: bool) -> str:
    """Return a table of a result; an empty line when there is nothing to show."""
    items = result if isinstance(result, list) else [result]
    if table is None:
        rows = [_plain_row(item, ordered=queried) for item in items]
    elif callable(table):
        rows = [_shown(row) for row in table(result)]
    else:
        listed = result.get("value") if isinstance(result, dict) else None
        rows = [_column_row(item, table) for item in (listed if isinstance(listed, list) else items)]
    return _draw([row for row in rows if row])


def _column_row(item: Any, columns: Any) -> dict[str, str]:
    return {column.heading: _value(item, column) for column in columns}


def _value(item: Any, column: Column) -> str:
    for part in column.path.split("."):
        try:
            item = item[int(part)] if isinstance(item, list) else item.get(part)
        except (IndexError, AttributeError):
            return ""
    text = "" if item is None else str(item)
    return short_time(text) if column.time else text


def short_time(text: str) -> str:
    """Return a timestamp without its fraction; anything else as it is."""
    return f"{text[:19]}Z" if text[19:20] in (".", "+", "Z") else text


def _plain_row(item: Any, *, ordered: bool) -> dict[str, str]:
    """Return the simple members of an object; lists become numbered columns, anything else one column."""
    if isinstance(item, list):
        return {f"Column{n}": _text(value) for n, value in enumerate(item, 1)}
    if not isinstance(item, dict):
        return {"Result": _text(item)}
    names = list(item) if ordered or isinstance(item, Ordered) else sorted(item)
    return _shown({name: item[name] for name in names if name not in HIDDEN})


def _shown(row: Mapping[str, Any]) -> dict[str, str]:
    simple = {k: v for k, v in row.items() if v is not None and not isinstance(v, (list, dict))}
    return {name[:1].upper() + name[1:]: _text(value) for name, value in simple.items()}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _draw(rows: list[dict[str, str]]) -> str:
    headings = list(dict.fromkeys(name for row in rows for name in row))
    widths = [
        max(len(name) + HEADING_PADDING, *(len(row.get(name, "")) for row in rows)) for name in headings
    ]
    lines = [
        headings,
        ["-" * width for width in widths],
        *([row.get(name, "") for name in headings] for row in rows),
    ]
    drawn = [GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join(line.rstrip() for line in drawn) + "\n" if rows else "\n"
