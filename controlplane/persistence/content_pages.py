"""Which part of a listing is wanted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """At most ``limit`` entries after the entry named ``after``.

    ``order`` is ACR's ``orderby``: ``none`` (by name or digest), ``timedesc``, ``timeasc``. ``match`` narrows
    a listing by what it can be narrowed by: tags by digest, referrers by artifact type.
    """

    limit: int
    after: str = ""
    order: str = "none"
    match: str | None = None
