"""Noting when content was last pulled, without a write for each pull.

A pull leaves two numbers in the memory of its process; every few seconds they are written in one
transaction. So times are exact to that interval, and a process that is killed loses what it has not written:
at most one interval of pulls. HEAD requests are no pulls, and scanners may be left out.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from controlplane.domain.wildcards import like
from controlplane.kernel.clock import Clock
from controlplane.persistence import pull_times
from controlplane.persistence.database import Database, DatabaseUnavailableError
from controlplane.services.registry_callers import Credential
from controlplane.settings.model import Settings

_LOG = logging.getLogger(__name__)
_MOST_NOTED = 50_000
_MOST_AGENTS = 1024
_LONGEST_AGENT = 256


class PullTimes:
    """Collects pulls. Safe to share between threads.

    ``most`` is how much content may be noted within one interval; further pulls are not noted.
    """

    def __init__(
        self, database: Database, clock: Clock, settings: Settings, *, most: int = _MOST_NOTED
    ) -> None:
        self._database = database
        self._clock = clock
        self._most = most
        self._interval = settings.pull_interval
        texts = (text.strip() for text in settings.pulls_not_counted.split(","))
        self._left_out = tuple(text for text in texts if text)
        self._known: dict[str, bool] = {}
        self._noted: set[tuple[int, int | None]] = set()

    def note(self, manifest_id: int, tag_id: int | None, agent: str, caller: Credential) -> None:
        """Note the pull of a manifest, by a tag or by its digest (None)."""
        if self._left_out and (self._is_left_out(agent) or self._is_left_out(caller.identity)):
            return
        if len(self._noted) < self._most:
            self._noted.add((manifest_id, tag_id))

    def flush(self) -> None:
        """Write what was noted; while the database is away it stays noted.

        What was written within the last interval, by whichever process, is not written again.
        """
        noted, self._noted = self._noted, set()
        if not noted:
            return
        now = self._clock.now()
        manifests = {manifest for manifest, _ in noted}
        tags = {tag for _, tag in noted if tag is not None}
        try:
            with self._database.write() as tx:
                pull_times.note(tx, manifests, tags, now, now - timedelta(seconds=self._interval))
        except DatabaseUnavailableError as error:
            _LOG.warning("times of pulls are written later: %s", error)
            self._noted |= noted

    def start(self) -> None:
        """Write in the background, until the process ends."""
        threading.Thread(target=self._run, name="pull-times", daemon=True).start()

    def _run(self) -> None:
        waiting = threading.Event()
        while not waiting.wait(self._interval):
            try:
                self.flush()
            except Exception:  # noqa: BLE001 - the thread goes on
                _LOG.exception("times of pulls were not written")

    def _is_left_out(self, text: str) -> bool:
        text = text[:_LONGEST_AGENT]
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _MOST_AGENTS:
                self._known.clear()
            known = self._known[text] = any(like(text, pattern) for pattern in self._left_out)
        return known
