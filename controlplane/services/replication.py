"""Copying blobs to the regions that are to have them, by any number of workers.

A copy is claimed by a lease, hashed on its way, and becomes visible when all of it has been verified. What a
killed worker has written of it is taken up where it ends. Each batch is of one region, and a region whose
store fails is tried again after growing pauses, so that none waits for another.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta

from controlplane.blobs.store import (
    BlobMissingError,
    BlobReader,
    BlobWriter,
    StoreUnavailableError,
    UploadBusyError,
    UploadMissingError,
)
from controlplane.domain.digests import Digest, Hasher, hasher, parse_digest
from controlplane.domain.events import Action, Change, Origin
from controlplane.domain.webhooks import pause
from controlplane.kernel.clock import Clock
from controlplane.persistence import outbox, replication
from controlplane.persistence.database import Database
from controlplane.persistence.replication import PlaceRow
from controlplane.services.content_events import Events, Place
from controlplane.services.content_pour import pour
from controlplane.services.content_replication import TOPIC
from controlplane.services.regions import Regions
from controlplane.settings.model import Settings

log = logging.getLogger(__name__)

_BATCH, _THREADS = 32, 4
_TURN = 3.0  # seconds of copying a message is good for; then others have their turn
_LONGEST_PAUSE = 30.0
_BUSY = timedelta(seconds=1)
_ARRIVALS = 100


class CopyError(Exception):
    """A copy that did not succeed; the message is for people."""


@dataclass(frozen=True, slots=True)
class _Copied:
    """How a copy went: whether bytes were moved, or why not. ``error`` None and not ``here``: try again."""

    row: PlaceRow
    here: bool = False
    moved: bool = False
    error: str | None = None


class Replicator:
    """Brings blobs into regions. Safe to share between threads."""

    def __init__(
        self, database: Database, regions: Regions, events: Events, clock: Clock, settings: Settings
    ) -> None:
        self._database = database
        self._regions = regions
        self._events = events
        self._clock = clock
        self._retry = settings.replication_retry
        self._lease = timedelta(seconds=settings.operation_lease)
        self._mine = frozenset(settings.copied_regions)

    def serves(self, region: str) -> bool:
        """Tell whether this process copies into a region."""
        return not self._mine or region in self._mine

    def run_all(self, region: str, stopping: Callable[[], bool]) -> None:
        """Copy into a region until nothing is due; give way to others after a while, with a message to go on.

        What other workers are there for is left to them: they are rung for again.
        """
        if not self.serves(region):
            return
        end = time.monotonic() + _TURN
        while self.run(region):
            if stopping() or time.monotonic() > end:
                with self._database.write() as tx:
                    outbox.put(tx, TOPIC, {"region": region}, self._clock.now())
                return

    def ring(self, *, every: bool = False) -> int:  # noqa: ARG002 - due is due
        """Ask workers to copy what is due and nobody works at; return for how many regions."""
        now = self._clock.now()
        with self._database.read() as tx:
            due = replication.due_regions(tx, now)
        if due:
            with self._database.write() as tx:
                for region in due:
                    outbox.put(tx, TOPIC, {"region": region}, now)
        return len(due)

    def run(self, region: str) -> int:
        """Copy a batch of what is due in a region; return how many were tried.

        Twice: what is there is not copied again. Dies midway: the lease ends, and another process goes on
        after the bytes that were written.
        """
        now = self._clock.now()
        with self._database.read() as tx:
            if not replication.is_due(tx, region, now):
                return 0
        with self._database.write() as tx:
            batch = replication.claim(tx, region, now, now + self._lease, _BATCH)
        if batch:
            self._copy_all(batch)
        self._tell(region)
        return len(batch)

    def fetch(self, region: str, digest: Digest, size: int) -> bool:
        """Bring a blob into a region; False when it is there already.

        Raises:
            CopyError: no other region gives it, or the region does not take it.
            UploadBusyError: somebody else is at it.
        """
        try:
            target = self._regions.store(region)
            if target.size(digest) == size:
                return False
            with target.write(f"copy-{digest.hex[:48]}", 0) as writer:
                state = _resumed(writer, digest, size)
                try:
                    self._pour(region, digest, size, writer, state)
                    writer.finish(digest)
                except CopyError:
                    writer.flush()
                    raise
        except (StoreUnavailableError, UploadMissingError, OSError) as error:
            self._regions.note_down(region, error)
            raise CopyError(f"the store of {region} cannot be used: {error}") from error
        return True

    def _pour(self, region: str, digest: Digest, size: int, writer: BlobWriter, state: Hasher) -> None:
        source = self._opened(region, digest, writer.offset, size)
        try:
            pour(_guarded(source), writer, state)
        finally:
            source.close()
        if writer.offset != size or state.hexdigest() != digest.hex:
            writer.rewind(0)
            raise CopyError("the bytes of the other region are not what the digest says")

    def _opened(self, region: str, digest: Digest, start: int, size: int) -> BlobReader:
        """Open a blob in another region that has it."""
        trouble = "no other region has it"
        for name, store in self._regions.others(region):
            try:
                return store.open(digest, start, size - start)
            except BlobMissingError:
                continue
            except StoreUnavailableError as error:
                self._regions.note_down(name, error)
                trouble = f"the store of {name} cannot be used: {error}"
        raise CopyError(trouble)

    def _copy_all(self, batch: Sequence[PlaceRow]) -> None:
        with ThreadPoolExecutor(min(_THREADS, len(batch)), "replicate") as pool:
            waiting: dict[Future[_Copied], PlaceRow] = {pool.submit(self._copy, row): row for row in batch}
            while waiting:
                done, _ = wait(waiting, self._lease.total_seconds() / 3, FIRST_COMPLETED)
                ended = [one.result() for one in done]
                for one in done:
                    del waiting[one]
                self._record(ended, list(waiting.values()))

    def _copy(self, row: PlaceRow) -> _Copied:
        if self._regions.is_down(row.region):
            return _Copied(row, error=f"the store of {row.region} cannot be used")
        try:
            moved = self.fetch(row.region, parse_digest(row.digest), row.size)
        except UploadBusyError:
            return _Copied(row)
        except CopyError as error:
            return _Copied(row, error=str(error))
        except Exception as error:
            log.exception("blob %s could not be copied to %s", row.digest, row.region)
            return _Copied(row, error=f"{type(error).__name__}: {error}")
        return _Copied(row, here=True, moved=moved)

    def _record(self, ended: Sequence[_Copied], held: Sequence[PlaceRow]) -> None:
        now = self._clock.now()
        with self._database.write() as tx:
            replication.renew(tx, held, now + self._lease)
            for one in ended:
                if one.here:
                    replication.record_present(tx, one.row, now if one.moved else None)
                    continue
                wait_ = _BUSY if one.error is None else self._pause(one.row.attempts)
                replication.record_failure(tx, one.row, now + wait_, one.error)

    def _pause(self, attempts: int) -> timedelta:
        chance = random.random()  # noqa: S311 - spreads load, hides nothing
        return timedelta(seconds=pause(attempts, chance, first=self._retry, longest=_LONGEST_PAUSE))

    def _tell(self, region: str) -> None:
        """Let the webhooks of a region hear of what has come there, each once."""
        while True:
            now = self._clock.now()
            with self._database.write() as tx:
                found = replication.take_arrived(tx, region, _ARRIVALS)
                for row in found:
                    change = Change(**{**row.change, "action": Action(row.change["action"])})
                    place = Place(row.registry_id, row.repository)
                    self._events.record(tx, place, Origin(**row.origin), [change], now)
            if len(found) < _ARRIVALS:
                return


def _resumed(writer: BlobWriter, digest: Digest, size: int) -> Hasher:
    """Return the state of the hash of what an earlier attempt wrote; what cannot be right is dropped."""
    state = hasher(digest.algorithm)
    if writer.offset > size:
        writer.rewind(0)
    if writer.offset:
        for chunk in writer.read():
            state.update(chunk)
    return state


def _guarded(reader: BlobReader) -> Iterator[bytes]:
    """Give the chunks of a reader; what it raises is about the source and not about the target."""
    try:
        yield from reader
    except (BlobMissingError, StoreUnavailableError, OSError) as error:
        raise CopyError(f"the other region's copy broke off: {error}") from error
