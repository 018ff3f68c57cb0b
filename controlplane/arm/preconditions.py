"""Conditional requests: ETags, and what If-Match and If-None-Match demand of them.

ARM makes both headers optional. An ETag changes with every change of the resource, and a resource that is
deleted and made again never has an old one.
"""

from __future__ import annotations

from controlplane.arm.requests import Conditions
from controlplane.kernel.catalogue import PRECONDITION_FAILED
from controlplane.kernel.errors import Failure
from controlplane.persistence.resources import ResourceRow

_ANY = "*"


def etag(row: ResourceRow) -> str:
    """Return the entity tag of a resource as stored now, in quotes."""
    return f'"{int(row.created_at.timestamp() * 1_000_000):x}-{row.version:x}"'


def check(conditions: Conditions, current: ResourceRow | None) -> None:
    """Refuse a write whose conditions do not hold.

    ==================  =======================  ==================
    header              resource exists          it does not
    ==================  =======================  ==================
    If-Match: *         goes on                  412
    If-Match: e         412 unless e is its tag  412
    If-None-Match: *    412                      goes on
    If-None-Match: e    412 if e is its tag      goes on
    ==================  =======================  ==================

    Raises:
        Failure: PRECONDITION_FAILED.
    """
    if conditions.if_match is not None and not matches(conditions.if_match, current):
        _refuse("If-Match", conditions.if_match, current)
    if conditions.if_none_match is not None and matches(conditions.if_none_match, current):
        _refuse("If-None-Match", conditions.if_none_match, current)


def matches(header: str, current: ResourceRow | None) -> bool:
    """Tell whether a header's list of tags names the resource; weak tags compare like strong ones."""
    if current is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return _ANY in tags or etag(current) in tags


def _refuse(header: str, value: str, current: ResourceRow | None) -> None:
    known = "none, as there is no such resource" if current is None else etag(current)
    raise Failure(PRECONDITION_FAILED, header=header, value=value, etag=known)
