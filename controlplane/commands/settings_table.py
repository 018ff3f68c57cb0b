"""The settings as text: their values now, and the reference page."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from controlplane.settings.model import Settings

_HEAD = """# Settings

Every setting is an environment variable. This page is written by `make openapi` from the code.

| variable | values | default | meaning |
|---|---|---|---|
"""


def values(settings: Settings) -> Iterator[tuple[str, str, bool]]:
    """Yield variable, value in force (secrets masked) and whether it was set."""
    for name in Settings.model_fields:
        yield _variable(name), _shown(getattr(settings, name)), name in settings.model_fields_set


def markdown() -> str:
    """Return the reference page."""
    return _HEAD + "".join(_row(name, field) for name, field in Settings.model_fields.items())


def _row(name: str, field: FieldInfo) -> str:
    default = _shown(field.default)
    shown = f"`{default}`" if default else ""
    return f"| `{_variable(name)}` | {_kind(field)} | {shown} | {field.description or ''} |\n"


def _variable(name: str) -> str:
    return f"ACRCTL_{name.upper()}"


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return "********" if isinstance(value, SecretStr) else str(value)


def _kind(field: FieldInfo) -> str:
    annotation = _without_none(field.annotation)
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    limits = [
        f"{word} {getattr(limit, attribute)}"
        for limit in field.metadata
        for attribute, word in (("ge", "from"), ("gt", "above"), ("le", "to"))
        if hasattr(limit, attribute)
    ]
    return " ".join([_TYPES.get(annotation, "text"), *limits])


_TYPES: dict[Any, str] = {int: "whole number", float: "number", bool: "`true`, `false`"}


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in {Union, types.UnionType}:
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return kinds[0] if len(kinds) == 1 else annotation
    return annotation
