"""The fields that schemas of bodies are made of: strict about types, and carrying the facts ARM needs.

Facts of a member, all optional, are keyword arguments of every function here:

* ``required``: a body without it is refused.
* ``default``: what a body without it means.
* ``read_only``: the service sets it; a body that carries it is accepted and the member dropped.
* ``create_only``: a change after creation is refused.
* ``secret``: never shown; a body without it keeps the stored value.
* ``since``: first api-version that knows it; older ones are refused on input and never see it.
* ``replaced``: a PATCH replaces the object as a whole instead of merging its members.
* ``nullable``: JSON null is a value of it (elsewhere null means absent).
* ``own``: ARM does not have it; it is this service's own.
* ``doc``: one sentence for the OpenAPI document.

Members are spelled as on the wire, so a model is a table of data: ``model("TokenProperties", {...})``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NotRequired, TypedDict, Unpack

from marshmallow import Schema, ValidationError, fields, validate

from controlplane.kernel.clock import parse_rfc3339, rfc3339

Shape = type[Schema]
"""A named schema; the name is the one of the OpenAPI document."""


class Facts(TypedDict):
    """Keyword arguments every field function takes; see the module's docstring."""

    required: NotRequired[bool]
    default: NotRequired[Any]
    read_only: NotRequired[bool]
    create_only: NotRequired[bool]
    secret: NotRequired[bool]
    since: NotRequired[str]
    nullable: NotRequired[bool]
    replaced: NotRequired[bool]
    own: NotRequired[bool]
    doc: NotRequired[str]


def model(name: str, members: Mapping[str, fields.Field[Any]]) -> Shape:
    """Make a named schema out of wire names and fields; anything else in a body is unknown."""
    return Schema.from_dict(dict(members), name=name)


def text(
    *,
    pattern: str | None = None,
    message: str | None = None,
    longest: int | None = None,
    shortest: int | None = None,
    **facts: Unpack[Facts],
) -> fields.Field[Any]:
    """Text; ``pattern`` must match all of it, and ``message`` says so in words."""
    checks: list[Any] = []
    if pattern is not None:
        checks.append(_FullMatch(pattern, message or f"must match {pattern}"))
    if longest is not None or shortest is not None:
        checks.append(validate.Length(min=shortest, max=longest))
    return fields.String(validate=checks, **_common(facts, "text"))


def flag(**facts: Unpack[Facts]) -> fields.Field[Any]:
    """Return a field for true or false; text and numbers are not taken for it."""
    return _Flag(**_common(facts, "true or false"))


def whole(*, low: int | None = None, high: int | None = None, **facts: Unpack[Facts]) -> fields.Field[Any]:
    """Return a field for a whole number within bounds, both inclusive."""
    checks = [validate.Range(min=low, max=high)] if low is not None or high is not None else []
    return _Whole(strict=True, validate=checks, **_common(facts, "a whole number"))


def choice(values: Sequence[str] | type[StrEnum], **facts: Unpack[Facts]) -> fields.Field[Any]:
    """Return a field for one of several words, taken in any case and kept as spelled in ``values``."""
    return _Choice(tuple(str(value) for value in values), **_common(facts, "text"))


def moment(**facts: Unpack[Facts]) -> fields.Field[Any]:
    """Return a field for an RFC 3339 moment, kept as UTC text."""
    return _Moment(**_common(facts, "a date and time (RFC 3339)"))


def items(
    inner: fields.Field[Any], *, longest: int | None = None, **facts: Unpack[Facts]
) -> fields.Field[Any]:
    """Return a field for a list."""
    checks = [validate.Length(max=longest)] if longest is not None else []
    return fields.List(inner, validate=checks, **_common(facts, "a list"))


def nested(shape: Shape, **facts: Unpack[Facts]) -> fields.Field[Any]:
    """Return a field for an object with a model of its own."""
    return fields.Nested(shape, **_common(facts, "an object"))


def table(
    inner: fields.Field[Any],
    *,
    names: fields.Field[Any] | None = None,
    longest: int | None = None,
    **facts: Unpack[Facts],
) -> fields.Field[Any]:
    """Return a field for an object whose member names are free, or as ``names`` has them."""
    checks = [validate.Length(max=longest)] if longest is not None else []
    return _Table(keys=names or fields.String(), values=inner, validate=checks, **_common(facts, "an object"))


def anything(**facts: Unpack[Facts]) -> fields.Field[Any]:
    """Return a field for any JSON value."""
    return fields.Raw(**_common(facts, "a JSON value"))


_NOTED = ("create_only", "since", "own", "replaced")  # facts that a field itself has no use for


def _common(facts: Facts, kind: str) -> dict[str, Any]:
    wrong = f"must be {kind}"
    known: dict[str, Any] = {
        "required": facts.get("required", False),
        "allow_none": facts.get("nullable", False),
        "dump_only": facts.get("read_only", False),
        "load_only": facts.get("secret", False),
        "error_messages": {"invalid": wrong, "type": wrong, "required": "is required", "null": "is null"},
        "metadata": {
            name: facts[name] for name in ("create_only", "since", "own", "replaced") if name in facts
        },
    }
    if "default" in facts:
        known["load_default"] = facts["default"]
    if "doc" in facts:
        known["metadata"]["description"] = facts["doc"]
    return known


class _FullMatch(validate.Validator):
    def __init__(self, pattern: str, message: str) -> None:
        self.regex = re.compile(pattern)
        self.message = message

    def __call__(self, value: str) -> str:
        if self.regex.fullmatch(value) is None:
            raise ValidationError(self.message)
        return value


class _Flag(fields.Boolean):
    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


class _Whole(fields.Integer):
    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid")
        return value


class _Table(fields.Dict):
    """An object whose findings name the member, without saying whether its name or its value is meant."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        except ValidationError as error:
            if not isinstance(error.messages, dict):
                raise
            plain = {name: found.get("value") or found["key"] for name, found in error.messages.items()}
            raise ValidationError(plain) from None


class _Moment(fields.String):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        given = super()._deserialize(value, attr, data, **kwargs)
        try:
            return rfc3339(parse_rfc3339(given))
        except ValueError:
            raise self.make_error("invalid") from None


class _Choice(fields.String):
    def __init__(self, values: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(validate=validate.OneOf(values), **kwargs)
        self.spelling = {value.lower(): value for value in values}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        given = super()._deserialize(value, attr, data, **kwargs)
        if given.lower() not in self.spelling:
            raise ValidationError(f"must be one of {', '.join(self.spelling.values())}")
        return self.spelling[given.lower()]
