"""The scrub: stored bytes are read and hashed again, those first whose last verification is the longest ago.

What is damaged or gone is no longer served, so that clients push it again, which heals it; the bytes are set
aside for whoever wants to know how it came about. Where another region's store has good ones they are
fetched from there.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from controlplane.blobs.store import (
    BlobMissingError,
    BlobStat,
    BlobStore,
    StoreUnavailableError,
    UploadBusyError,
)
from controlplane.domain.digests import Digest, hasher, parse_digest
from controlplane.kernel.clock import parse_rfc3339, rfc3339
from controlplane.persistence import blob_health
from controlplane.persistence.blob_health import StoredRow
from controlplane.services.graph import Services
from controlplane.services.replication import CopyError

log = logging.getLogger(__name__)

_BATCH = 50
_TURN = 1.0  # seconds of hashing in one step; a large blob may take longer
_SAVED = 120.0  # seconds of unused rate that are kept for a large blob
_DAMAGED = 100  # blobs that are looked for elsewhere in one step


def scrub(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Verify some blobs, as far as the rate allows by now.

    Twice: the second time verifies what comes next. Dies midway: what was verified and not yet noted is
    verified again. A blob larger than what the rate allows is read whole, and the next ones wait for it.
    """
    now = services.clock.now()
    credit = _credit(services, state, now)
    if credit <= 0:
        return _state(credit, now), False
    with services.database.read() as tx:
        rows = blob_health.unverified(tx, now - timedelta(days=services.settings.scrub_days), _BATCH)
    good: list[str] = []
    end = time.monotonic() + _TURN
    for row in rows:
        if credit <= 0 or time.monotonic() > end:
            break
        credit -= max(row.size, 1)
        if _verify(services, row):
            good.append(row.digest)
    with services.database.write() as tx:
        blob_health.note_verified(tx, good, now)
    return _state(credit, now), bool(rows) and credit > 0


def mend(services: Services, state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Fetch damaged blobs from other regions' stores, a page at a time."""
    others = other_stores(services)
    if not others:
        return {}, False
    with services.database.read() as tx:
        page = blob_health.damaged(tx, str(state.get("after", "")), _DAMAGED)
    for digest in page:
        repair(services, parse_digest(digest), others)
    return ({"after": page[-1]}, True) if page else ({}, False)


def other_stores(services: Services) -> Sequence[BlobStore]:
    """Return the stores of the regions that may have what the home region's has lost."""
    return [store for _, store in services.regions.others(services.regions.home)]


def repair(services: Services, digest: Digest, others: Sequence[BlobStore]) -> bool:
    """Replace a damaged blob by a good one from the first store that has it; False when none has.

    Twice: the second time replaces it by its equal.

    Raises:
        StoreUnavailableError: the home store takes nothing.
    """
    for other in others:
        try:
            if not _copy(services, digest, other):
                continue
        except BlobMissingError:
            continue
        with services.database.write() as tx:
            blob_health.note_healed(tx, str(digest), services.clock.now())
        log.warning("blob %s: mended from another region's store", digest)
        return True
    return False


@dataclass(slots=True)
class _Copies:
    """What the stores have of a blob: regions with good bytes, and others as they were seen."""

    good: list[str] = field(default_factory=list)
    bad: dict[str, BlobStat] = field(default_factory=dict)
    asked_all: bool = True


def _verify(services: Services, row: StoredRow) -> bool:
    """Tell whether a blob's bytes are good somewhere; what is not good anywhere is taken out of service.

    A region's damaged copy is set aside and fetched anew while other regions serve it.
    """
    digest = parse_digest(row.digest)
    found = _copies(services, row, digest)
    if found.good:
        for region in found.bad:
            log.error("blob %s: the bytes stored in %s are damaged", digest, region)
            services.regions.store(region).set_aside(digest)
            _fetch_again(services, region, digest, row.size)
        return True
    if found.asked_all and _condemn(services, row, found.bad):
        log.error("blob %s: its stored bytes are %s", digest, "damaged" if found.bad else "gone")
    return False


def _copies(services: Services, row: StoredRow, digest: Digest) -> _Copies:
    """Read a blob in every region that has it.

    Raises:
        StoreUnavailableError: the only region's store cannot be reached.
    """
    regions, found = services.regions, _Copies()
    for name in regions.names:
        try:
            store = regions.store(name)
            before = store.stat(digest)
            if before is not None and before.size == row.size and _hash(store, digest) == digest.hex:
                found.good.append(name)
            elif before is not None:
                found.bad[name] = before
        except StoreUnavailableError as error:
            if len(regions.names) == 1:
                raise
            regions.note_down(name, error)
            found.asked_all = False
    return found


def _fetch_again(services: Services, region: str, digest: Digest, size: int) -> None:
    try:
        services.replicator.fetch(region, digest, size)
    except (CopyError, UploadBusyError) as error:
        log.warning("blob %s: not fetched again for %s yet: %s", digest, region, error)


def _condemn(services: Services, row: StoredRow, seen: Mapping[str, BlobStat]) -> bool:
    """Take a blob out of service, unless somebody has put its bytes there anew since they were seen.

    A push that puts them there just now waits for the row, and then finds out that they were set aside.
    """
    digest, regions = parse_digest(row.digest), services.regions
    with services.database.write() as tx:
        found = blob_health.lock(tx, row.digest)
        if found != row or any(regions.store(name).stat(digest) != seen.get(name) for name in regions.names):
            return False
        for name in seen:
            regions.store(name).set_aside(digest)
        blob_health.note_damaged(tx, row.digest, services.clock.now())
    return True


def _hash(store: BlobStore, digest: Digest) -> str:
    """Return the hex digest of a blob's bytes; nothing when they cannot all be read."""
    taken = hasher(digest.algorithm)
    try:
        reader = store.open(digest)
        try:
            for chunk in reader:
                taken.update(chunk)
        finally:
            reader.close()
    except BlobMissingError:
        return ""
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return ""
    return taken.hexdigest()


def _copy(services: Services, digest: Digest, other: BlobStore) -> bool:
    """Copy a blob into the home store if it is good."""
    upload = services.ids.uuid()
    taken = hasher(digest.algorithm)
    try:
        reader = other.open(digest)
    except StoreUnavailableError:
        return False
    try:
        with services.blobs.write(upload, 0) as writer:
            for chunk in reader:
                taken.update(chunk)
                writer.write(chunk)
            if taken.hexdigest() != digest.hex:
                return False
            writer.finish(digest)
    finally:
        reader.close()
        services.blobs.discard(upload)
    return True


def _credit(services: Services, state: dict[str, Any], now: datetime) -> float:
    """Return how many bytes may be read now; negative while a large blob is paid off."""
    rate = services.settings.scrub_rate
    if "at" not in state:
        return rate * _SAVED / 2
    passed = max((now - parse_rfc3339(state["at"])).total_seconds(), 0.0)
    return min(float(state["credit"]) + rate * passed, rate * _SAVED)


def _state(credit: float, now: datetime) -> dict[str, Any]:
    return {"credit": credit, "at": rfc3339(now)}
