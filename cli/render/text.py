"""JSON, YAML and tab separated values, as scripts written for az read them."""

from __future__ import annotations

import json
import re
from typing import Any

from cli.render.ordered import Ordered

_KEY, _STRING, _WORD, _END = "\x1b[34m", "\x1b[32m", "\x1b[36m", "\x1b[0m"
_JSON_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\b\d+(?:\.\d+)?\b')
_YAML_KEY = re.compile(r"^(\s*(?:- )*)([\w.$@/-]+)(:)", re.MULTILINE)


def format_json(result: Any) -> str:
    """Return indented JSON with sorted members, not escaped."""
    return json.dumps(result, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def coloured_json(plain: str) -> str:
    """Return JSON text with keys, strings and words in colour."""

    def paint(found: re.Match[str]) -> str:
        quoted, colon = found[1], found[2] or ""
        if quoted is None:
            return f"{_WORD}{found[0]}{_END}"
        return f"{_KEY if colon else _STRING}{quoted}{_END}{colon}"

    return _JSON_TOKEN.sub(paint, plain)


def format_yaml(result: Any) -> str:
    """Return block style YAML with sorted members."""
    import yaml  # noqa: PLC0415 - only for this format

    plain = json.loads(json.dumps(result))
    return str(yaml.safe_dump(plain, default_flow_style=False, allow_unicode=True))


def coloured_yaml(plain: str) -> str:
    """Return YAML text with keys in colour."""
    return _YAML_KEY.sub(rf"\1{_KEY}\2{_END}\3", plain)


def format_tsv(result: Any) -> str:
    """Return one line per item, values separated by tabs, without headings.

    Members are sorted by name, except in objects a query built. A nested object is empty, a nested list
    is its length.
    """
    rows = result if isinstance(result, list) else [result]
    return "".join(f"{_row(row)}\n" for row in rows)


def _row(row: Any) -> str:
    if isinstance(row, dict):
        items = row.values() if isinstance(row, Ordered) else [row[key] for key in sorted(row)]
        return "\t".join(_cell(item) for item in items)
    if isinstance(row, list):
        return "\t".join(_cell(item) for item in row)
    return str(row).lower() if isinstance(row, bool) else _cell(row)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return str(len(value))
    return "" if isinstance(value, dict) else str(value)
