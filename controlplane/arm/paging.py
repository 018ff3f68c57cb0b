"""Pages of lists: their size, where they begin, and which rows are on them.

A page ends at a key and the next begins after it, so that rows that come and go between two requests neither
repeat nor hide others.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping, Sequence

from controlplane.domain.filters import Filter, FilterError, parse
from controlplane.kernel.catalogue import INVALID_PARAMETER
from controlplane.kernel.errors import Failure
from controlplane.persistence.resources import ResourceRow

PAGE = 100
_LONGEST_PAGE = 1000
PAGING = ("$top", "$skiptoken")

Keep = Callable[[ResourceRow], bool]


def page(
    fetch: Callable[[str, int], Sequence[ResourceRow]], keep: Keep, after: str, limit: int
) -> tuple[list[ResourceRow], str | None]:
    """Fill a page with the rows that are kept, fetching as often as it takes; tell where the next begins."""
    rows: list[ResourceRow] = []
    while True:
        batch = fetch(after, limit + 1)
        for row in batch:
            after = row.key
            if not keep(row):
                continue
            if len(rows) == limit:
                return rows, token(rows[-1].key)
            rows.append(row)
        if len(batch) <= limit:
            return rows, None


def page_of(query: Mapping[str, str]) -> tuple[int, str]:
    """Return the size of the page that is asked for and the key it begins after.

    Raises:
        Failure: INVALID_PARAMETER, ``$top`` is no positive number or ``$skiptoken`` none of ours.
    """
    top = query.get("$top")
    if top is None:
        limit = PAGE
    elif top.isascii() and top.isdigit() and int(top[:9]) > 0:
        limit = min(int(top[:9]), _LONGEST_PAGE)
    else:
        raise Failure(
            INVALID_PARAMETER, reason=f"$top must be a positive number, not '{top}'.", target="$top"
        )
    begins = query.get("$skiptoken")
    return limit, "" if begins is None else _after(begins)


def refuse_unknown(query: Mapping[str, str], known: Sequence[str]) -> None:
    """Refuse OData parameters that would otherwise be ignored.

    Raises:
        Failure: INVALID_PARAMETER.
    """
    for name in query:
        if name.startswith("$") and name not in known:
            raise Failure(
                INVALID_PARAMETER, reason=f"The query parameter '{name}' is not supported here.", target=name
            )


def filter_of(query: Mapping[str, str], names: Collection[str]) -> Filter | None:
    """Return the ``$filter`` of a query, which may compare the given names (in lower case).

    Raises:
        Failure: INVALID_PARAMETER.
    """
    text = query.get("$filter")
    if text is None:
        return None
    try:
        return parse(text, names)
    except FilterError as error:
        reason = f"The $filter is not valid: {error}."
        raise Failure(INVALID_PARAMETER, reason=reason, target="$filter") from None


def token(key: str) -> str:
    """Return the skip token of the page that begins after a key."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _after(text: str) -> str:
    try:
        padded = text + "=" * (-len(text) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise Failure(
            INVALID_PARAMETER, reason="The skip token is not one of this service.", target="$skiptoken"
        ) from None
