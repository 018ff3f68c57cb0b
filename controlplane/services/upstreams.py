"""The upstream clients of a process: one for each registry and user, so that tokens are asked for once."""

from __future__ import annotations

import threading
from collections import OrderedDict

from controlplane.services.outbound import Outbound
from controlplane.services.upstream import Login, Rules, Upstream
from controlplane.settings.model import Settings

_KEPT = 256


class Upstreams:
    """Gives clients of other registries. Safe to share between threads."""

    def __init__(self, outbound: Outbound, settings: Settings) -> None:
        self._outbound = outbound
        self._rules = _rules(settings)
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, Login | None], Upstream] = OrderedDict()

    def client(self, host: str, login: Login | None) -> Upstream:
        """Return the client of a registry (``host[:port]``) as a user, or as nobody."""
        with self._lock:
            key = (host, login)
            found = self._known.pop(key, None) or Upstream(self._outbound, host, login, self._rules)
            self._known[key] = found
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            return found


def _rules(settings: Settings) -> Rules:
    realms: dict[str, tuple[str, ...]] = {}
    for entry in filter(None, settings.upstream_realms.split(",")):
        host, _, realm = entry.strip().partition("=")
        realms[host] = (*realms.get(host, ()), realm)
    insecure = frozenset(name.strip() for name in settings.upstream_insecure.split(",") if name.strip())
    return Rules(insecure, realms)
