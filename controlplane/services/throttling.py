"""Throttling of the distribution plane: how many requests registries and identities may make.

Processes of one machine share their buckets in memory. Several machines compare theirs through Redis, in
the background (``throttle_redis``); what a request meets is always the memory of its own machine, so a
Redis that is slow or gone delays nothing and leaves each machine with its own count.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from controlplane.domain.throttle import PERIOD, Limit, Rate, RequestClass, left, limits, wait
from controlplane.persistence.hot import RegistryView
from controlplane.services.throttle_table import SharedTable
from controlplane.settings.model import Settings

_MOST_KNOWN = 8192  # combinations of registry, identity and class a process remembers
_FILE = "throttle.1"  # the number is the form of its rows
_BATCHES = 500  # a process draws at most this part of a minute's requests at once
_FAST = 0.1  # seconds between draws
_SLACK = 1.0  # a bucket is never full later than a minute from now; times beyond are an earlier boot's


class Draw(NamedTuple):
    """What a machine took out of a bucket since it last told; ``step`` is in seconds for each request."""

    name: str
    taken: int
    step: float


Exchange = Callable[[Sequence[Draw]], Sequence[float]]
"""Tells what was taken here; returns for each bucket in how many seconds it will be full, by all machines."""


class _Gauge:
    """A bucket as a process sees it: where its row is, and what others have not been told of."""

    __slots__ = ("at", "key", "limit", "name", "step", "title", "untold")

    def __init__(self, registry_id: int, limit: Limit) -> None:
        whose = "" if limit.identity is None else limit.identity
        self.title = f"{limit.kind}-{'registry' if limit.identity is None else 'identity'}"
        self.name = f"{registry_id}/{limit.kind}/{whose}"
        digest = hashlib.blake2b(self.name.encode(), digest_size=8).digest()
        self.key = int.from_bytes(digest, "big") | 1  # 0 is a free row
        self.limit = limit
        self.step = PERIOD / limit.per_minute
        self.at = 1
        self.untold = 0

    def rate(self, full_at: float, now: float, paid: int = 0) -> Rate:
        step, limit = self.step, self.limit
        return Rate(self.title, limit.per_minute, left(full_at, now, step) + paid, wait(full_at, now, step))


class _Way:
    """The buckets of one kind of request. ``paid`` requests are drawn already and may pass."""

    __slots__ = ("batch", "drawn_at", "gauges", "most", "paid")

    def __init__(self, gauges: tuple[_Gauge, ...]) -> None:
        self.gauges = gauges
        self.most = max(1, min(gauge.limit.per_minute for gauge in gauges) // _BATCHES)
        self.batch = 1
        self.drawn_at = 0.0
        self.paid = 0

    def next_batch(self, now: float) -> int:
        """Return how many requests to draw: more and more while they come thick and fast, else one."""
        is_fast = 0 <= now - self.drawn_at < _FAST
        self.batch = min(2 * self.batch, self.most) if is_fast else 1
        self.drawn_at = now
        return self.batch


class Throttle:
    """Counts requests. Safe to share between threads; to be used from one process only, not across fork.

    Looking at the buckets for every request would cost the fastest reads a tenth of their rate, so a process
    draws several at once for whoever sends many. They are counted when they are drawn.

    Args:
        settings: whether and how much to throttle.
        clock: seconds, the same in all processes of the machine.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._is_on = settings.throttling == "on"
        self._tells = bool(settings.throttle_redis)
        self._own: dict[str, Mapping[str, int]] = {
            name.lower(): {str(kind): rate for kind, rate in rates.items()}
            for name, rates in settings.identity_rates.items()
        }
        self._table: SharedTable | None = None
        self._ways: dict[tuple[int, int, str, str, RequestClass], _Way] = {}
        self._drawn: set[_Gauge] = set()

    def take(self, registry: RegistryView, identity: str, kind: RequestClass) -> Rate | None:
        """Count a request; return the limit it does not fit into, then it is not counted.

        ``identity`` is empty for requests that are limited by registry only.
        """
        if not self._is_on:
            return None
        way = self._ways.get((registry.id, registry.stamp, registry.tier, identity, kind))
        if way is not None and way.paid > 0:
            way.paid -= 1
            return None
        return self._draw(way or self._way(registry, identity, kind))

    def left(self, registry: RegistryView, identity: str, kind: RequestClass) -> Rate | None:
        """Return the limit of which least is left, without counting; None where nothing is limited."""
        if not self._is_on:
            return None
        way, now = self._way(registry, identity, kind), self._clock()
        rates = (gauge.rate(self._full_at(gauge, now), now, way.paid) for gauge in way.gauges)
        return min(rates, key=lambda rate: rate.left)

    def tell(self, exchange: Exchange) -> None:
        """Tell other machines what was taken here since the last time, and learn what all have taken.

        What ``exchange`` fails to tell is never told: it is counted here, and a minute later it is nothing.

        Raises:
            whatever ``exchange`` raises.
        """
        drawn, self._drawn = self._drawn, set()
        gauges, draws = list(drawn), []
        for gauge in gauges:
            taken = gauge.untold
            gauge.untold -= taken
            draws.append(Draw(gauge.name, taken, gauge.step))
        if not draws:
            return
        found = exchange(draws)
        now, times = self._clock(), self._rows.times
        for gauge, until_full in zip(gauges, found, strict=True):
            here = self._full_at(gauge, now)
            all_ = now + until_full + gauge.untold * gauge.step
            times[gauge.at] = max(here, min(all_, now + PERIOD))

    @property
    def _rows(self) -> SharedTable:
        if self._table is None:
            self._table = SharedTable(self._settings.state_dir / "run" / _FILE)
        return self._table

    def _draw(self, way: _Way) -> Rate | None:
        """Draw a batch, or as many requests as fit; return the limit into which not even one fits."""
        now = self._clock()
        found = [(gauge, self._full_at(gauge, now)) for gauge in way.gauges]
        count = way.next_batch(now)
        for gauge, full_at in found:
            count = min(count, left(full_at, now, gauge.step))
        if count == 0:
            return max((gauge.rate(full_at, now) for gauge, full_at in found), key=lambda rate: rate.wait)
        times = self._rows.times
        for gauge, full_at in found:
            times[gauge.at] = full_at + count * gauge.step
            if self._tells:
                gauge.untold += count
                self._drawn.add(gauge)
        way.paid = count - 1
        return None

    def _full_at(self, gauge: _Gauge, now: float) -> float:
        """Return when a bucket will be full, at least ``now``; its row is found if it is not where it was."""
        table = self._rows
        if table.keys[gauge.at - 1] != gauge.key:
            gauge.at = table.find(gauge.key)
        full_at = table.times[gauge.at]
        return full_at if now < full_at < now + PERIOD + _SLACK else now

    def _way(self, registry: RegistryView, identity: str, kind: RequestClass) -> _Way:
        """Return the buckets of a request, worked out again whenever the registry changes."""
        key = (registry.id, registry.stamp, registry.tier, identity, kind)
        known = self._ways.get(key)
        if known is not None:
            return known
        if len(self._ways) >= _MOST_KNOWN:
            self._ways.clear()
        own, factor = self._own_rates(registry, identity), self._settings.throttle_factor
        found = limits(registry.tier, kind, identity, own, factor)
        way = _Way(tuple(_Gauge(registry.id, limit) for limit in found))
        return self._ways.setdefault(key, way)

    def _own_rates(self, registry: RegistryView, identity: str) -> Mapping[str, int]:
        """Return the requests per minute that an identity has of its own, by class."""
        return self._own.get(f"{registry.name}/{identity}".lower(), {})
