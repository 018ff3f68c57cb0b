"""Throttling: classes of requests, and token buckets that are one number each.

A bucket of ``limit`` requests a minute that fills evenly is kept as the time at which it will be full again
(the generic cell rate algorithm). Each request moves that time on by one step; a request that would move it
further than a minute away does not fit. One number can be shared between processes without a lock: a lost
update costs one request of the limit, nothing else.

Source of the classes: ACR's table of rate limits. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from controlplane.domain.tiers import LIMITS, Rates, Tier

PERIOD = 60.0
# Sums of steps are not exact: without it the last request of a bucket would be refused now and then.
_TOLERANCE = 1e-6


class RequestClass(StrEnum):
    """What a request counts as."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    REFERRERS = "referrers"  # a read as well
    OAUTH = "oauth"


OF_METHOD: Mapping[str, RequestClass] = MappingProxyType(
    {
        "GET": RequestClass.READ,
        "HEAD": RequestClass.READ,
        "OPTIONS": RequestClass.READ,
        "PUT": RequestClass.WRITE,
        "PATCH": RequestClass.WRITE,
        "POST": RequestClass.WRITE,
        "DELETE": RequestClass.DELETE,
    }
)


@dataclass(frozen=True, slots=True)
class Rate:
    """What is left of a limit, and the seconds until one request more fits (0: it fits now)."""

    name: str
    limit: int
    left: int
    wait: float


@dataclass(frozen=True, slots=True)
class Limit:
    """One bucket that a request draws on: ``identity`` is None for the registry's own."""

    kind: RequestClass
    identity: str | None
    per_minute: int


def limits(
    tier: str, kind: RequestClass, identity: str, own: Mapping[str, int], factor: float = 1.0
) -> tuple[Limit, ...]:
    """Return the buckets that a request of a class draws on.

    ``own`` are the requests per minute of this identity by class, where they differ from the tier's; the
    tier's are multiplied by ``factor``.
    """
    kinds = (RequestClass.READ, kind) if kind is RequestClass.REFERRERS else (kind,)
    found = []
    for one in kinds:
        rates: Rates = getattr(LIMITS[Tier(tier)], one.value)
        found.append(Limit(one, None, max(1, round(rates.registry * factor))))
        mine = own.get(one.value)
        if mine is None and rates.identity is not None:
            mine = max(1, round(rates.identity * factor))
        if mine is not None:
            found.append(Limit(one, identity, mine))
    return tuple(found)


def wait(full_at: float, now: float, step: float) -> float:
    """Return how long until one request more fits, 0 when it fits now."""
    over = max(full_at, now) + step - now - PERIOD
    return over if over > _TOLERANCE else 0.0


def left(full_at: float, now: float, step: float) -> int:
    """Return how many requests fit now."""
    room = PERIOD if full_at <= now else PERIOD - full_at + now
    return int(room / step + _TOLERANCE) if room > 0 else 0
