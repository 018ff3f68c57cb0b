"""Several machines compare their buckets through Redis, in batches, beside the requests.

Each machine tells what it took and learns what all have taken. Between two exchanges a machine decides by
what it knows: together they let pass at most what each of them takes in one interval beyond the limit.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

import redis

from controlplane.domain.throttle import PERIOD
from controlplane.kernel.batches import batches
from controlplane.services.throttling import Draw, Throttle

_LOG = logging.getLogger(__name__)
_INTERVAL = 0.1
_LONGEST_PAUSE = 5.0
_TIMEOUT = 1.0
_PREFIX = "acrctl:throttle:"
_BATCH = 500  # buckets in one call: Redis serves nobody else meanwhile
# The server's clock counts; a bucket that is full is no key.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local found = {}
for i, key in ipairs(KEYS) do
  local full_at = math.max(tonumber(redis.call('GET', key) or '0'), now)
  full_at = math.min(full_at + ARGV[2 * i] * ARGV[2 * i + 1], now + ARGV[1])
  local until_full = full_at - now
  redis.call('SET', key, string.format('%.6f', full_at), 'PX', math.ceil(until_full * 1000) + 1)
  found[i] = string.format('%.6f', until_full)
end
return found
"""


class RedisExchange:
    """Exchanges draws through one Redis server.

    Raises:
        redis.RedisError: when called, if the server does not answer within a second.
    """

    def __init__(self, url: str) -> None:
        self._client: Any = redis.Redis.from_url(
            url, socket_connect_timeout=_TIMEOUT, socket_timeout=_TIMEOUT, retry=None
        )

    def __call__(self, draws: Sequence[Draw]) -> list[float]:
        """Tell what was taken; return in how many seconds each bucket will be full."""
        found: list[float] = []
        for some in batches(draws, _BATCH):
            keys = [_PREFIX + draw.name for draw in some]
            numbers = [number for draw in some for number in (draw.taken, draw.step)]
            found += map(float, self._client.eval(_SCRIPT, len(keys), *keys, PERIOD, *numbers))
        return found

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class Conversation:
    """A thread that keeps a machine's buckets and those of the others together."""

    def __init__(self, throttle: Throttle, exchange: RedisExchange) -> None:
        self._throttle = throttle
        self._exchange = exchange
        self._failed = False

    def start(self) -> None:
        """Begin; the thread ends with the process."""
        threading.Thread(target=self._run, name="throttle", daemon=True).start()

    def turn(self) -> bool:
        """Exchange once; tell whether it worked. An outage is logged when it begins and when it ends."""
        try:
            self._throttle.tell(self._exchange)
        except redis.RedisError as error:
            if not self._failed:
                _LOG.warning("requests are counted by each machine apart, Redis does not answer: %s", error)
            self._failed = True
            return False
        if self._failed:
            _LOG.warning("requests are counted by all machines together again")
        self._failed = False
        return True

    def _run(self) -> None:
        pause, waiting = _INTERVAL, threading.Event()
        while True:
            waiting.wait(pause)
            pause = _INTERVAL if self.turn() else min(2 * pause, _LONGEST_PAUSE)
