"""A request and an answer of the mechanism, free of HTTP's spelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from controlplane.domain.principals import Principal
from controlplane.domain.scopes import Scope
from controlplane.persistence.operations import OperationRow


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditional headers of a request, as sent; None where it has none."""

    if_match: str | None = None
    if_none_match: str | None = None


def _no_body() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked: by whom, in which api-version, about which scope.

    ``scope`` is the resource's id, or the parent's for a list. ``body`` reads the JSON object of the
    request; it is called after authorisation, so that nobody learns from its errors who may not call at
    all.
    """

    principal: Principal
    api_version: str
    scope: Scope
    query: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=Conditions)
    body: Callable[[], Mapping[str, Any]] = _no_body
    correlation: str | None = None


class Monitor(Enum):
    """Which addresses of an operation an answer names."""

    STATUS = "status"  # PUT and PATCH: the status document
    BOTH = "both"  # DELETE and actions: the result too


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered. ``body`` None means no content; ``next`` is the skip token of the next page."""

    status: int
    body: Any = None
    etag: str | None = None
    operation: OperationRow | None = None
    monitor: Monitor | None = None
    next: str | None = None
