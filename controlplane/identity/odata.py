"""The part of OData that directory clients send: filters, ``$select``, and pages.

What is not understood is refused, so that a list never holds more than was asked for.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlencode

from controlplane.domain.clauses import ClauseError, parse_clauses
from controlplane.kernel.catalogue import DIRECTORY_UNSUPPORTED
from controlplane.kernel.errors import Failure
from controlplane.persistence.identity import Match

DEFAULT_PAGE = 100
MAX_PAGE = 999
_OPTIONS = frozenset({"$filter", "$select", "$top", "$skiptoken"})

# What a clause of a filter looks for. Applications of this directory have no identifier URIs.
_FIELDS: Mapping[str, str] = {
    "displayName eq": "display_name",
    "startswith displayName": "display_name_prefix",
    "appId eq": "app_id",
    "servicePrincipalNames any": "app_id",
    "id eq": "ids",
    "identifierUris any": "none",
}


@dataclass(frozen=True, slots=True)
class Query:
    """A list request, read: what to look for, how many, and which members to show (None: all).

    ``options`` holds the query as sent, without the page's place, for the link to the next one.
    """

    match: Match
    top: int
    select: tuple[str, ...] | None
    options: Mapping[str, str]


class Row(Protocol):
    """What pages are ordered by."""

    @property
    def id(self) -> str:
        """Object id."""
        ...

    @property
    def display_name(self) -> str:
        """Name shown."""
        ...


def parse_query(args: Mapping[str, str]) -> Query:
    """Read the query options of a list.

    Raises:
        Failure: DIRECTORY_UNSUPPORTED for an option or a filter that is not understood.
    """
    for name in args:
        if name.startswith("$") and name not in _OPTIONS:
            raise _refused(f"The query option '{name}' is not supported.")
    match = match_of(args["$filter"]) if args.get("$filter") else Match()
    if args.get("$skiptoken"):
        match = replace(match, after=_decoded(args["$skiptoken"]))
    top = args.get("$top", str(DEFAULT_PAGE))
    if not re.fullmatch(r"[1-9][0-9]{0,2}", top):
        raise _refused(f"$top must be a number from 1 to {MAX_PAGE}.")
    select = tuple(name.strip() for name in args["$select"].split(",")) if args.get("$select") else None
    options = {name: value for name, value in args.items() if name != "$skiptoken"}
    return Query(match, int(top), select, options)


def match_of(text: str) -> Match:
    """Read a filter.

    Raises:
        Failure: DIRECTORY_UNSUPPORTED.
    """
    try:
        clauses = parse_clauses(text)
    except ClauseError as error:
        raise _refused(str(error)) from None
    found: dict[str, Any] = {}
    for clause in clauses:
        field = _FIELDS.get(clause.form)
        if field is None or clause.value is None:
            raise _refused(f"The filter '{text}' is not supported.")
        value = _value(field, clause.value)
        if found.setdefault(field, value) != value:
            return Match(ids=())  # two different values can never both hold
    return Match(ids=()) if "none" in found else Match(**found)


def listing(rows: Sequence[tuple[Row, dict[str, Any]]], query: Query, url: str) -> dict[str, Any]:
    """Make the body of a list. There is one row more than asked for when there is a next page."""
    shown = rows[: query.top]
    body: dict[str, Any] = {"value": [selected(view, query.select) for _, view in shown]}
    if len(rows) > query.top:
        last = shown[-1][0]
        token = base64.urlsafe_b64encode(json.dumps([last.display_name, last.id]).encode()).decode()
        body["@odata.nextLink"] = f"{url}?{urlencode({**query.options, '$skiptoken': token.rstrip('=')})}"
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


def _value(field: str, text: str) -> Any:
    if field == "ids":
        return (text.lower(),)
    return text.lower() if field == "app_id" else text


def _decoded(token: str) -> tuple[str, str]:
    try:
        name, object_id = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError, TypeError):
        raise _refused("The $skiptoken is not one of this service.") from None
    return str(name), str(object_id)


def _refused(reason: str) -> Failure:
    return Failure(DIRECTORY_UNSUPPORTED, reason=reason)
