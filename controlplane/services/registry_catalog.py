"""Pages of a registry's catalog, as far as a caller may see it.

What a caller may see is worked out name by name where it cannot be told by spans alone. So that a request's
cost has a bound, only so many names are looked at: a page may then be shorter than asked for and still not be
the last.
"""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.domain.visibility import Visible
from controlplane.persistence import catalog
from controlplane.persistence.database import Transaction

MOST_LOOKED_AT = 20_000  # names, in one request
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class CatalogPage:
    """Names in order. ``resume`` is the name after which to go on, visible or not; None at the end."""

    names: list[str]
    resume: str | None = None


def page(tx: Transaction, registry_id: int, visible: Visible, after: str, limit: int) -> CatalogPage:
    """Return up to ``limit`` names after a name, having looked at no more than ``MOST_LOOKED_AT``."""
    shown: list[str] = []
    looked_at = 0
    while limit:
        size = min(_BATCH if visible.sees else limit - len(shown) + 1, MOST_LOOKED_AT - looked_at)
        batch = catalog.names(tx, registry_id, visible.spans, after, size)
        for name in filter(visible.shows, batch):
            if len(shown) == limit:
                return CatalogPage(shown, shown[-1])
            shown.append(name)
        looked_at += len(batch)
        if len(batch) < size:
            break
        after = batch[-1]
        if looked_at >= MOST_LOOKED_AT:
            return CatalogPage(shown, after)
    return CatalogPage(shown)
