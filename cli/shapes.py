"""Turning wire objects into the objects az prints.

az's models lift the members of `properties` to the top, rename a few, and show what the service left out
as null; scripts query that shape. `data/shapes.json` says for each model which printed member comes from
which wire path, and of which kind it is: a text, a ``time``, a model, a list ``[Model]`` or a mapping
``{Model}``. az then adds `resourceGroup` to every object whose id names one.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).with_name("data") / "shapes.json"
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$")
_GROUP_PART = 3  # /subscriptions/{s}/resourceGroups/{g}/providers/{namespace}/{type}/{name}
_SMALLEST_RESOURCE_ID = 9


@cache
def _models() -> dict[str, dict[str, str | list[str]]]:
    models: dict[str, dict[str, str | list[str]]] = json.loads(_DATA.read_bytes())
    return models


def shape(model: str, wire: Any) -> Any:
    """Return a wire object, or a list of them, as az prints it; None stays None."""
    if isinstance(wire, list):
        return [shape(model, item) for item in wire]
    if not isinstance(wire, dict):
        return wire
    printed = {}
    for name, source in _models()[model].items():
        path, kind = (source, "") if isinstance(source, str) else source
        printed[name] = _member(_at(wire, path), kind)
    return printed


def _at(wire: Any, path: str) -> Any:
    for part in path.split("."):
        wire = wire.get(part) if isinstance(wire, dict) else None
    return wire


def _member(value: Any, kind: str) -> Any:
    if value is None or not kind:
        return value
    if kind == "time":
        return iso_time(value)
    if kind.startswith("{") and isinstance(value, dict):
        return {key: shape(kind.strip("{}"), item) for key, item in value.items()}
    return shape(kind.strip("[]{}"), value)


def iso_time(text: str) -> str:
    """Return a timestamp with at most microseconds and a numeric offset, as az prints it."""
    found = _TIME.match(text)
    if not found:
        return text
    moment, fraction, offset = found.groups()
    micro = (fraction or "")[:6].ljust(6, "0")
    tail = f".{micro}" if micro.strip("0") else ""
    return f"{moment.replace(' ', 'T')}{tail}{'+00:00' if offset in (None, 'Z') else offset}"


def add_resource_group(result: Any) -> Any:
    """Add `resourceGroup` to every object with an id that names one, however deep; return the same object."""
    if isinstance(result, list):
        for item in result:
            add_resource_group(item)
    elif isinstance(result, dict):
        if "resourcegroup" not in {key.lower() for key in result}:
            group = group_of(result.get("id"))
            if group:
                result["resourceGroup"] = group
        for item in result.values():
            add_resource_group(item)
    return result


def group_of(resource_id: Any) -> str:
    """Return the resource group in the id of a resource within a group, else an empty text."""
    parts = resource_id.split("/") if isinstance(resource_id, str) else []
    is_resource = len(parts) >= _SMALLEST_RESOURCE_ID and parts[_GROUP_PART].lower() == "resourcegroups"
    return parts[_GROUP_PART + 1] if is_resource else ""
