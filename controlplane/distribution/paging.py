"""Paging of listings: ``n`` and ``last``, and the Link to what comes next (RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from controlplane.domain.registry_errors import PAGINATION_INVALID
from controlplane.kernel.errors import Failure
from controlplane.persistence.content_pages import Page

MAX_PAGE = 10_000
MAX_LAST = 512
ORDERS = frozenset({"none", "timedesc", "timeasc"})
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many entries a listing gives: when nothing is asked, and at most."""

    default: int
    most: int


V2 = Limits(MAX_PAGE, MAX_PAGE)
ACR = Limits(100, 1000)


def page_of(arguments: Mapping[str, str], limits: Limits, *, match: str | None = None) -> Page:
    """Read which page is wanted; more entries than a page has are cut to a page.

    Raises:
        Failure: PAGINATION_INVALID.
    """
    n, last = arguments.get("n"), arguments.get("last", "")
    if n is not None and not _NUMBER.fullmatch(n):
        raise Failure(PAGINATION_INVALID, reason="n is not a number")
    if len(last) > MAX_LAST or not last.isprintable():
        raise Failure(PAGINATION_INVALID, reason="last is not a name")
    order = arguments.get("orderby") or "none"
    if order not in ORDERS:
        raise Failure(PAGINATION_INVALID, reason="orderby is none, timedesc or timeasc")
    limit = limits.default if n is None else min(int(n), limits.most)
    return Page(limit=limit, after=last, order=order, match=match)


def next_link(path: str, last: str, page: Page, **more: str | None) -> str:
    """Return the Link header of a page that is not the last one; the address is relative."""
    query = {"last": last, "n": str(page.limit)}
    query |= {} if page.order == "none" else {"orderby": page.order}
    query |= {name: value for name, value in more.items() if value is not None}
    return f'<{quote(path)}?{urlencode(query)}>; rel="next"'
