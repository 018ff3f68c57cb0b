"""States of hashes between the requests of an upload, in the process that has them."""

from __future__ import annotations

import threading
from collections import OrderedDict

from controlplane.domain.digests import Hasher, hasher

_STATES_KEPT = 1024


class HashStates:
    """States of sha256 by upload, each good for one number of bytes; the oldest are forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[int, Hasher]] = OrderedDict()

    def take(self, upload: str, offset: int) -> Hasher | None:
        """Return the state after ``offset`` bytes, a fresh one for 0, None when it is not known here."""
        with self._lock:
            at, state = self._kept.pop(upload, (-1, None))
        if offset == 0:
            return hasher()
        return state if at == offset else None

    def keep(self, upload: str, offset: int, state: Hasher) -> None:
        """Keep a state for the request that goes on."""
        with self._lock:
            self._kept[upload] = (offset, state)
            while len(self._kept) > _STATES_KEPT:
                self._kept.popitem(last=False)

    def forget(self, upload: str) -> None:
        """Drop a state."""
        with self._lock:
            self._kept.pop(upload, None)
