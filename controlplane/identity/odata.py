"""The part of OData that directory clients send: filters, ``$select``, and pages.

A filter is one or more of these joined by ``and``: ``member eq 'text'``, ``startswith(member,'text')``,
``servicePrincipalNames/any(x:x eq 'text')`` and ``identifierUris/any(x:x eq 'text')``. What is not understood
is refused, so that a list never holds more than was asked for.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from controlplane.kernel.catalogue import DIRECTORY_UNSUPPORTED
from controlplane.kernel.errors import Failure
from controlplane.persistence.identity import Match

DEFAULT_PAGE = 100
MAX_PAGE = 999
_OPTIONS = frozenset({"$filter", "$select", "$top", "$skiptoken"})

_TEXT = r"'((?:[^']|'')*)'"
_CLAUSE = re.compile(
    rf"\s*(?:(?P<member>\w+)\s+eq\s+{_TEXT}"
    rf"|startswith\(\s*(?P<start>\w+)\s*,\s*{_TEXT}\s*\)"
    rf"|(?P<list>\w+)/any\(\s*(?P<x>\w+)\s*:\s*(?P=x)\s+eq\s+{_TEXT}\s*\))\s*"
)
_AND = re.compile(r"\s*and\s+", re.IGNORECASE)
_FIELDS: Mapping[tuple[str, str], str] = {
    ("member", "displayName"): "display_name",
    ("member", "appId"): "app_id",
    ("member", "id"): "ids",
    ("start", "displayName"): "display_name_prefix",
    ("list", "servicePrincipalNames"): "app_id",
}


@dataclass(frozen=True, slots=True)
class Query:
    """A list request, read: what to look for, how many, and which members to show (None: all)."""

    match: Match
    top: int
    select: tuple[str, ...] | None


def parse_query(args: Mapping[str, str]) -> Query:
    """Read the query options of a list.

    Raises:
        Failure: DIRECTORY_UNSUPPORTED for an option or a filter that is not understood.
    """
    for name in args:
        if name.startswith("$") and name not in _OPTIONS:
            raise _refused(f"The query option '{name}' is not supported.")
    match = parse_filter(args["$filter"]) if args.get("$filter") else Match()
    if args.get("$skiptoken"):
        match = replace(match, after=_decoded(args["$skiptoken"]))
    top = args.get("$top", str(DEFAULT_PAGE))
    if not (top.isascii() and top.isdigit() and 1 <= int(top[:4]) <= MAX_PAGE and len(top) <= 3):  # noqa: PLR2004 - digits of 999
        raise _refused(f"$top must be a number from 1 to {MAX_PAGE}.")
    select = tuple(name.strip() for name in args["$select"].split(",")) if args.get("$select") else None
    return Query(match, int(top), select)


def parse_filter(text: str) -> Match:
    """Read a filter.

    Raises:
        Failure: DIRECTORY_UNSUPPORTED.
    """
    found: dict[str, Any] = {}
    at = 0
    while True:
        clause = _CLAUSE.match(text, at)
        if clause is None:
            raise _refused(f"The filter '{text}' is not supported.")
        field, value = _meaning(clause, text)
        if found.setdefault(field, value) != value:
            return Match(ids=())  # two different values can never both hold
        at = clause.end()
        if at == len(text):
            return Match(**found)
        joint = _AND.match(text, at)
        if joint is None:
            raise _refused(f"The filter '{text}' is not supported.")
        at = joint.end()


def page(rows: list[dict[str, Any]], query: Query, last: tuple[str, str] | None, url: str, args: Any) -> Any:
    """Make the body of a list; ``last`` is set when there may be more rows after these."""
    body: dict[str, Any] = {"value": [selected(row, query.select) for row in rows]}
    if last is not None:
        further = {name: value for name, value in args.items() if name != "$skiptoken"}
        token = base64.urlsafe_b64encode(json.dumps(last).encode()).decode().rstrip("=")
        body["@odata.nextLink"] = f"{url}?{urlencode({**further, '$skiptoken': token})}"
    return body


def selected(row: dict[str, Any], select: tuple[str, ...] | None) -> dict[str, Any]:
    """Leave only the members of ``$select``.

    Raises:
        Failure: DIRECTORY_UNSUPPORTED for a member the object does not have.
    """
    if select is None:
        return row
    unknown = next((name for name in select if name not in row), None)
    if unknown is not None:
        raise _refused(f"Could not find a property named '{unknown}'.")
    return {name: row[name] for name in select}


def _meaning(clause: re.Match[str], text: str) -> tuple[str, Any]:
    kind = next(kind for kind in ("member", "start", "list") if clause[kind] is not None)
    value = next(group for group in (clause[2], clause[4], clause[7]) if group is not None)
    value = value.replace("''", "'")
    if (kind, clause[kind]) == ("list", "identifierUris"):
        return "ids", ()  # applications of this directory have no identifier URIs
    field = _FIELDS.get((kind, clause[kind]))
    if field is None:
        raise _refused(f"The filter '{text}' is not supported.")
    if field == "ids":
        return field, (value.lower(),)
    return field, value.lower() if field == "app_id" else value


def _decoded(token: str) -> tuple[str, str]:
    try:
        name, object_id = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, TypeError):
        raise _refused("The $skiptoken is not one of this service.") from None
    return str(name), str(object_id)


def _refused(reason: str) -> Failure:
    return Failure(DIRECTORY_UNSUPPORTED, reason=reason)
