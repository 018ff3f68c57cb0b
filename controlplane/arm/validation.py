"""Bodies: what is in one that should not be, what it means, and how it changes what is stored.

Findings are collected, not raised one by one, and each names its member as a path
(``properties.ipRules[0].value``).
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from marshmallow import ValidationError, fields

from controlplane.arm.fields import Shape
from controlplane.arm.shapes import members
from controlplane.kernel.catalogue import PROPERTY_READ_ONLY
from controlplane.kernel.errors import Detail, Failure
from controlplane.kernel.refusals import wrong_members

Json = dict[str, Any]
_DETAIL = "InvalidMember"
_WHOLE = "_schema"  # marshmallow's word for the object itself


def read(shape: Shape, given: Mapping[str, Any], api_version: str) -> Json:
    """Check a whole body and complete it with defaults; read-only members and nulls are dropped.

    Raises:
        Failure: INVALID_REQUEST_CONTENT, naming every unknown, too new, missing or wrong member.
    """
    found: list[Detail] = []
    cleaned = _clean(shape, given, "", api_version, found, keep_null=False)
    return _load(shape, cleaned, found)


def with_secrets(shape: Shape, stored: Mapping[str, Any], given: Mapping[str, Any]) -> Json:
    """Return a body with the stored secrets it does not speak of: nobody can send back what is not shown."""
    whole = dict(given)
    for name, field in members(shape).items():
        if name not in stored:
            continue
        inner = whole.get(name)
        if field.load_only:
            whole.setdefault(name, stored[name])
        elif isinstance(field, fields.Nested) and isinstance(inner, Mapping):
            whole[name] = with_secrets(_shape_of(field), stored[name] or {}, inner)
    return whole


def read_patch(shape: Shape, stored: Mapping[str, Any], given: Mapping[str, Any], api_version: str) -> Json:
    """Apply a JSON merge patch (RFC 7396) to what is stored and check the outcome as a whole body.

    Members with the fact ``replaced`` are an exception, as tags are in ARM's contract.

    Raises:
        Failure: INVALID_REQUEST_CONTENT, as ``read``.
    """
    found: list[Detail] = []
    change = _clean(shape, given, "", api_version, found, keep_null=True)
    base = _without_replaced(shape, writable(shape, stored), change)
    return _load(shape, merged(base, change), found)


def _without_replaced(shape: Shape, base: Json, change: Mapping[str, Any]) -> Json:
    known, left = members(shape), dict(base)
    for name, given in change.items():
        field, inner = known.get(name), left.get(name)
        if field is not None and field.metadata.get("replaced"):
            left.pop(name, None)
        elif isinstance(field, fields.Nested) and isinstance(inner, dict) and isinstance(given, Mapping):
            left[name] = _without_replaced(_shape_of(field), inner, given)
    return left


def merged(base: Any, change: Any) -> Any:
    """Return the merge patch of two JSON values; neither is changed."""
    if not isinstance(change, Mapping):
        return deepcopy(change)
    whole = dict(base) if isinstance(base, Mapping) else {}
    for name, value in change.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = merged(whole.get(name), value)
    return whole


def carry(
    shape: Shape, stored: Mapping[str, Any], loaded: Json, given: Mapping[str, Any], version: str
) -> None:
    """Keep what a write does not speak of: what the service sets, secrets, members newer than its version."""
    known = members(shape)
    for name, value in stored.items():
        field = known.get(name)
        if field is None or field.dump_only or (name not in given and _stays(field, version)):
            loaded[name] = value
        elif isinstance(field, fields.Nested) and isinstance(value, Mapping):
            inner = given.get(name)
            below = loaded.get(name)
            if isinstance(below, dict):
                carry(_shape_of(field), value, below, inner if isinstance(inner, Mapping) else {}, version)


def refuse_changes(
    shape: Shape, stored: Mapping[str, Any], loaded: Mapping[str, Any], path: str = ""
) -> None:
    """Refuse a change of a member that is fixed at creation.

    Raises:
        Failure: PROPERTY_READ_ONLY, with the member's path as target.
    """
    for name, field in members(shape).items():
        target = _below(path, name)
        before, after = stored.get(name), loaded.get(name)
        if field.metadata.get("create_only") and before != after:
            raise Failure(PROPERTY_READ_ONLY, name=target, target=target)
        if isinstance(field, fields.Nested) and isinstance(before, Mapping) and isinstance(after, Mapping):
            refuse_changes(_shape_of(field), before, after, target)


def writable(shape: Shape, stored: Mapping[str, Any]) -> Json:
    """Return what of a stored body could have been sent."""
    return _walk(shape, stored, lambda field: not field.dump_only)


def shown(shape: Shape, body: Mapping[str, Any], api_version: str) -> Json:
    """Return what of a body may be seen in an api-version: no secrets, nothing newer, nothing undeclared."""
    return _walk(shape, body, lambda field: not field.load_only and not _newer(field, api_version))


def _walk(shape: Shape, body: Mapping[str, Any], wanted: Any) -> Json:
    known = members(shape)
    return {
        name: _walk_value(known[name], value, wanted)
        for name, value in body.items()
        if name in known and wanted(known[name])
    }


def _walk_value(field: fields.Field[Any], value: Any, wanted: Any) -> Any:
    if isinstance(field, fields.Nested) and isinstance(value, Mapping):
        return _walk(_shape_of(field), value, wanted)
    if isinstance(field, fields.List) and isinstance(value, list):
        return [_walk_value(field.inner, one, wanted) for one in value]
    if isinstance(field, fields.Dict) and isinstance(value, Mapping) and field.value_field is not None:
        return {name: _walk_value(field.value_field, one, wanted) for name, one in value.items()}
    return value


def _clean(  # noqa: PLR0913 - a walk with what it collects
    shape: Shape, given: Mapping[str, Any], path: str, version: str, found: list[Detail], *, keep_null: bool
) -> Json:
    known = members(shape)
    kept: Json = {}
    for name, value in given.items():
        target = _below(path, name)
        field = known.get(name)
        if field is None:
            found.append(Detail(_DETAIL, f"'{target}' is not a member here.{_near(name, known)}", target))
        elif field.dump_only:
            continue
        elif _newer(field, version):
            since = field.metadata["since"]
            found.append(Detail(_DETAIL, f"'{target}' needs api-version {since} or later.", target))
        elif value is not None or keep_null or field.allow_none:
            kept[name] = _clean_value(field, value, target, version, found, keep_null=keep_null)
    return kept


def _clean_value(  # noqa: PLR0913 - a walk with what it collects
    field: fields.Field[Any], value: Any, path: str, version: str, found: list[Detail], *, keep_null: bool
) -> Any:
    if isinstance(field, fields.Nested) and isinstance(value, Mapping):
        return _clean(_shape_of(field), value, path, version, found, keep_null=keep_null)
    if isinstance(field, fields.List) and isinstance(value, list):
        return [
            _clean_value(field.inner, one, f"{path}[{place}]", version, found, keep_null=False)
            for place, one in enumerate(value)
        ]
    if isinstance(field, fields.Dict) and isinstance(value, Mapping) and field.value_field is not None:
        return {
            name: _clean_value(
                field.value_field, one, _below(path, name), version, found, keep_null=keep_null
            )
            for name, one in value.items()
        }
    return value


def _load(shape: Shape, body: Mapping[str, Any], found: list[Detail]) -> Json:
    loaded: Any = {}
    try:
        loaded = shape().load(body)
    except ValidationError as error:
        _flatten(error.messages, "", found)
    if found:
        found.sort(key=lambda detail: detail.target or "")
        raise wrong_members(found)
    return dict(loaded)


def _flatten(messages: Any, path: str, found: list[Detail]) -> None:
    if isinstance(messages, Mapping):
        for name, below in messages.items():
            _flatten(below, path if name == _WHOLE else _below(path, name), found)
        return
    texts = messages if isinstance(messages, list) else [messages]
    for text in texts:
        words = "must be an object" if text == "Invalid input type." else str(text).rstrip(".")
        words = words[:1].lower() + words[1:]
        found.append(Detail(_DETAIL, f"'{path}' {words}.", path))


def _below(path: str, name: str | int) -> str:
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def _near(name: str, known: Mapping[str, Any]) -> str:
    spelled = next((other for other in known if other.lower() == name.lower()), None)
    return f" Did you mean '{spelled}'?" if spelled else ""


def _newer(field: fields.Field[Any], version: str) -> bool:
    since: str = field.metadata.get("since", "")
    return since > version


def _stays(field: fields.Field[Any], version: str) -> bool:
    return field.load_only or bool(field.metadata.get("create_only")) or _newer(field, version)


def _shape_of(field: fields.Nested) -> Shape:
    return type(field.schema)
