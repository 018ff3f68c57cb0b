"""The artifact cache: what a rule names is fetched when it is first asked for, and compared when it is old.

Manifests are stored before their blobs; a blob is fetched when it is asked for, once for everybody who asks
meanwhile (``cache_blobs``). While the upstream is away what is here is served, with a warning and without
asking it each time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from controlplane.domain.cache_rules import Pattern, Rule, best, parse_source
from controlplane.domain.digests import parse_digest
from controlplane.domain.events import Origin
from controlplane.domain.manifests import size_in
from controlplane.domain.references import looks_like_digest
from controlplane.domain.registry_errors import (
    BLOB_UNKNOWN,
    MANIFEST_UNKNOWN,
    UPSTREAM_DOWN,
    UPSTREAM_REFUSED,
    UPSTREAM_THROTTLED,
)
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import ErrorKind, Failure
from controlplane.persistence import cache, content_manifests, content_repositories, content_tags
from controlplane.persistence.cache import CacheRuleRow
from controlplane.persistence.database import Database
from controlplane.persistence.hot import RegistryView
from controlplane.services.cache_blobs import BlobFlights, Passing
from controlplane.services.content_copy import Into
from controlplane.services.content_push import Pushes
from controlplane.services.credential_sets import CredentialSets
from controlplane.services.secrets import SecretMissingError
from controlplane.services.upload_sessions import Place
from controlplane.services.upstream import Found, Upstream
from controlplane.services.upstream_errors import Trouble, UpstreamError
from controlplane.services.upstreams import Upstreams

STALE = '110 - "Response is Stale"'
_KEPT = 50_000
_LEFT_ALONE = 15.0  # seconds for which an upstream that is down is not asked about what is here


class PullThrough:
    """Brings what cache rules name. Safe to share between threads."""

    def __init__(  # noqa: PLR0913 - what it brings together
        self,
        database: Database,
        clock: Clock,
        credentials: CredentialSets,
        upstreams: Upstreams,
        *,
        pushes: Pushes,
        flights: BlobFlights,
    ) -> None:
        self._database = database
        self._clock = clock
        self._credentials = credentials
        self._upstreams = upstreams
        self._pushes = pushes
        self._flights = flights
        self._rules: dict[int, tuple[int, list[Rule]]] = {}
        self._fresh: dict[tuple[int, str, str], float] = {}
        self._away: dict[str, float] = {}
        self._turns: dict[tuple[int, str, str], _Turn] = {}
        self._guard = threading.Lock()

    def freshen(
        self, registry: RegistryView, repository: str, reference: str, *, known: bool
    ) -> tuple[bool, str | None]:
        """See to it that a manifest is here and not older than its rule allows.

        Returns whether something may have changed, so that it is to be read again, and a warning for the
        answer when the upstream could not be asked.

        Raises:
            Failure: it is not here, and the upstream does not give it.
        """
        rule = self._rule(registry, repository)
        key = (registry.id, repository, reference)
        if rule is None or (known and (looks_like_digest(reference) or self._is_fresh(key))):
            return False, None
        asked = time.monotonic()
        with self._single(key) as turn:
            if self._is_here(key) and self._compared(key, rule, turn, asked):
                return True, None
            if known:
                return self._looked(registry, rule, key, turn)
            if turn.failed is not None and turn.failed[0] > asked:
                raise _failure(turn.failed[1], MANIFEST_UNKNOWN)
            try:
                self._fetch(registry, rule, key)
            except UpstreamError as error:
                turn.failed = (time.monotonic(), error)
                raise _failure(error, MANIFEST_UNKNOWN) from error
            turn.compared = time.monotonic()
        return True, None

    def _looked(
        self, registry: RegistryView, rule: Rule, key: tuple[int, str, str], turn: _Turn
    ) -> tuple[bool, str | None]:
        """Compare what is here, without keeping anybody waiting for an upstream that does not answer."""
        if self._away.get(rule.host, 0.0) > time.monotonic():
            return False, STALE
        try:
            self._fetch(registry, rule, key, patient=False)
        except UpstreamError as error:
            if error.passing:
                pause = max(_LEFT_ALONE, error.retry_after or 0.0)
                self._away[rule.host] = time.monotonic() + pause
            # A cached artifact outlives its upstream.
            return False, None if error.trouble is Trouble.MISSING else STALE
        except Failure:
            return False, None  # it may not be moved here
        turn.compared = time.monotonic()
        return True, None

    def blob(self, registry: RegistryView, repository: str, digest: str) -> Passing:
        """Return a blob that is on its way, of which a manifest that is here speaks.

        Raises:
            Failure: no manifest does, or the upstream does not give it.
        """
        rule = self._rule(registry, repository)
        with self._database.read() as tx:
            row = content_repositories.find(tx, registry.id, repository)
            naming = None if row is None else content_manifests.naming(tx, row.id, digest)
            payload = None if naming is None else content_manifests.payload(tx, naming)
        if rule is None or payload is None:
            raise Failure(BLOB_UNKNOWN)
        upstream, name = self._upstream(rule, repository)
        place = Place(registry.id, repository, "cache")
        try:
            return self._flights.board(place, parse_digest(digest), size_in(payload, digest), upstream, name)
        except UpstreamError as error:
            raise _failure(error, BLOB_UNKNOWN) from error

    def _fetch(
        self, registry: RegistryView, rule: Rule, key: tuple[int, str, str], *, patient: bool = True
    ) -> None:
        """Compare a manifest with the upstream's, and store that if it differs."""
        registry_id, repository, reference = key
        upstream, name = self._upstream(rule, repository)
        if looks_like_digest(reference):
            self._store(registry, key, upstream.manifest(name, reference))
            return
        head = upstream.manifest(name, reference, body=False, patient=patient)
        with self._database.read() as tx:
            row = content_repositories.find(tx, registry_id, repository)
            tag = None if row is None else content_tags.find(tx, row.id, reference)
        if tag is None or tag.digest != head.digest:
            whole = head if head.payload else upstream.manifest(name, head.digest, patient=patient)
            self._store(registry, key, whole)
        with self._database.write() as tx:
            cache.note_compared(tx, registry_id, repository, reference, self._clock.now())
        self._note(key, rule.ttl)

    def _store(self, registry: RegistryView, key: tuple[int, str, str], found: Found) -> None:
        _, repository, reference = key
        origin = Origin(region=registry.region, actor="cache", method="GET")
        into = Into(registry.id, repository, origin, bool(registry.quarantine))
        tags = () if looks_like_digest(reference) else (reference,)
        self._pushes.put(into.push(found, *tags))

    def _upstream(self, rule: Rule, repository: str) -> tuple[Upstream, str]:
        name = rule.upstream(repository)
        if name is None:
            raise LookupError(repository)
        login = None
        if rule.credential_set is not None:
            try:
                login = self._credentials.login(rule.credential_set)
            except SecretMissingError as error:
                raise Failure(UPSTREAM_REFUSED, reason=error) from error
        return self._upstreams.client(rule.host, login), name

    # --- what is known ------------------------------------------------------------------------------------

    def _rule(self, registry: RegistryView, repository: str) -> Rule | None:
        stamp, rules = self._rules.get(registry.id, (-1, []))
        if stamp != registry.stamp:
            with self._database.read() as tx:
                rules = [_rule(row) for row in cache.rules(tx, registry.id)]
            self._rules[registry.id] = (registry.stamp, rules)
        return best(rules, repository)

    def _is_here(self, key: tuple[int, str, str]) -> bool:
        registry_id, repository, reference = key
        with self._database.read() as tx:
            row = content_repositories.find(tx, registry_id, repository)
            if row is None:
                return False
            if looks_like_digest(reference):
                return content_manifests.find(tx, row.id, reference) is not None
            return content_tags.find(tx, row.id, reference) is not None

    def _compared(self, key: tuple[int, str, str], rule: Rule, turn: _Turn, asked: float) -> bool:
        """Tell whether another thread has compared it since it was asked for, or a process just now."""
        if looks_like_digest(key[2]) or self._is_fresh(key) or turn.compared > asked:
            return True
        with self._database.read() as tx:
            at = cache.compared_at(tx, *key)
        left = None if at is None else at + timedelta(seconds=rule.ttl) - self._clock.now()
        if left is None or left <= timedelta(0):
            return False
        self._note(key, left.total_seconds())
        return True

    def _is_fresh(self, key: tuple[int, str, str]) -> bool:
        return self._fresh.get(key, 0.0) > time.monotonic()

    def _note(self, key: tuple[int, str, str], seconds: float) -> None:
        if len(self._fresh) >= _KEPT:
            self._fresh.clear()
        self._fresh[key] = time.monotonic() + seconds

    @contextmanager
    def _single(self, key: tuple[int, str, str]) -> Iterator[_Turn]:
        """Let one thread ask the upstream for a manifest; others wait for what it finds."""
        with self._guard:
            turn = self._turns.setdefault(key, _Turn())
            turn.waiting += 1
        try:
            with turn.lock:
                yield turn
        finally:
            with self._guard:
                turn.waiting -= 1
                if turn.waiting == 0:
                    del self._turns[key]


@dataclass(slots=True)
class _Turn:
    """Who asks the upstream now, and how many wait or ask."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0
    compared: float = 0.0  # when the upstream was last asked with success (time.monotonic)
    failed: tuple[float, UpstreamError] | None = None  # when it was last asked without, and why not


def _rule(row: CacheRuleRow) -> Rule:
    host, source = parse_source(row.source)
    return Rule(row.key, Pattern.parse(row.target), host, source, row.credential_set, row.ttl)


def _failure(error: UpstreamError, missing: ErrorKind) -> Failure:
    if error.trouble is Trouble.MISSING:
        return Failure(missing)
    if error.trouble is Trouble.THROTTLED:
        wait = str(int(error.retry_after or 30))
        return Failure(UPSTREAM_THROTTLED, reason=error, headers={"Retry-After": wait})
    if error.trouble is Trouble.REFUSED:
        return Failure(UPSTREAM_REFUSED, reason=error)
    return Failure(UPSTREAM_DOWN, reason=error, headers={"Retry-After": "5"})
