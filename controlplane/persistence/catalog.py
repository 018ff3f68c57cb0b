"""The catalog: names of a registry's repositories, in byte order, within the spans that somebody may see.

A list costs what it shows: spans of one name are looked up by index, many at once; a longer one is read in
the order of the index, no further than the list goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import sqlalchemy as sa

from controlplane.domain.locks import Lock
from controlplane.domain.visibility import Span
from controlplane.kernel.batches import batches
from controlplane.persistence.content_tables import repositories
from controlplane.persistence.database import Transaction

_AT_ONCE = 200  # names looked up by one statement
_NAME = repositories.c.name
_VISIBLE = (
    sa.select(_NAME)
    .where(
        repositories.c.registry_id == sa.bindparam("registry"),
        repositories.c.manifest_count > 0,
        repositories.c.locks.op("&")(Lock.LIST.value) == 0,
    )
    .order_by(_NAME)
)
_NAMED = _VISIBLE.where(_NAME.in_(sa.bindparam("wanted", expanding=True)))
# A span of several names begins with a prefix, which is none of them.
_FROM = _VISIBLE.where(sa.bindparam("after") < _NAME).limit(sa.bindparam("most"))
_BETWEEN = _FROM.where(sa.bindparam("end") > _NAME)


def names(tx: Transaction, registry_id: int, spans: Sequence[Span], after: str, limit: int) -> list[str]:
    """Return up to ``limit`` names of visible repositories that lie within spans and after a name.

    Spans are in order and do not overlap.
    """
    left = [span for span in spans if not span.end or span.end > after]
    found: list[str] = []
    for single, run in groupby(left, lambda span: span.name is not None):
        group = list(run)
        size = _AT_ONCE if single else 1
        for part in batches(group, size):
            if len(found) >= limit:
                return found[:limit]
            most = limit - len(found)
            found += (
                _named(tx, registry_id, part, after) if single else _in(tx, registry_id, part[0], after, most)
            )
    return found[:limit]


def _named(tx: Transaction, registry_id: int, spans: Sequence[Span], after: str) -> Sequence[str]:
    wanted = [span.name for span in spans if span.name is not None and span.name > after]
    values = {"registry": registry_id, "wanted": wanted}
    return tx.connection.execute(_NAMED, values).scalars().all() if wanted else ()


def _in(tx: Transaction, registry_id: int, span: Span, after: str, most: int) -> Sequence[str]:
    values = {"registry": registry_id, "after": max(after, span.first), "most": most}
    if not span.end:
        return tx.connection.execute(_FROM, values).scalars().all()
    return tx.connection.execute(_BETWEEN, {**values, "end": span.end}).scalars().all()
