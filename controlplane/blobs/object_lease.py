"""Who may write to an upload in an object store, and what the store has of it.

Below ``uploads/<id>`` lie ``part-<offset>-<epoch>`` and ``lease-<epoch>``. To open an upload is to create the
lease of the next epoch, which only one caller can (a conditional write); a lease that has bytes is held, an
empty one was given back. A holder that falls silent is taken over when its lease has not been renewed for a
while; should it wake up, its parts have an older epoch and lose against those of its successor.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from controlplane.blobs.object_client import ObjectClient, StoredObject
from controlplane.blobs.store import StoreUnavailableError, UploadBusyError, UploadMissingError

LEASE = 60.0
_NAME = re.compile(r"(?:lease|part-(?P<offset>\d{16}))-(?P<epoch>\d{8})")
_HELD, _FREE = b"held", b""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of an upload that the store has."""

    key: str
    offset: int
    size: int
    epoch: int

    @property
    def end(self) -> int:
        """Where the next part begins."""
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class Contents:
    """What lies in an upload's folder: its leases by epoch, and all parts, also those that lost."""

    leases: dict[int, StoredObject]
    parts: list[Part]

    @property
    def epoch(self) -> int:
        """The latest epoch; 0 when there was none."""
        return max(self.leases, default=0)

    def chain(self) -> list[Part]:
        """Return the parts that make up the upload: at each place the one of the latest epoch."""
        best: dict[int, Part] = {}
        for part in self.parts:
            if part.offset not in best or part.epoch > best[part.offset].epoch:
                best[part.offset] = part
        chain: list[Part] = []
        at = 0
        while at in best and best[at].size:
            chain.append(best[at])
            at = best[at].end
        return chain


@dataclass(frozen=True, slots=True)
class UploadFolder:
    """The objects of one upload, and the rules of its lease."""

    client: ObjectClient
    prefix: str
    lease: float

    def contents(self) -> Contents:
        """Return what the store has of the upload."""
        contents = Contents({}, [])
        for row in self.client.list(self.prefix):
            name = _NAME.fullmatch(row.key.rpartition("/")[2])
            if name and name["offset"] is None:
                contents.leases[int(name["epoch"])] = row
            elif name:
                part = Part(row.key, int(name["offset"]), row.size, int(name["epoch"]))
                contents.parts.append(part)
        return contents

    def begin(self) -> None:
        """Make the first lease, which nobody holds."""
        self.client.create(self.lease_key(1), _FREE)

    def received(self) -> int | None:
        """Return how many bytes the upload has; None when it was not begun, or was dropped."""
        found = self.contents()
        return _length(found) if found.leases else None

    def claim(self, upload: str, least: int | None) -> Claim:
        """Become the only writer of the upload; see the protocol's ``write``."""
        epoch = 1
        if least != 0 or not self.client.create(self.lease_key(1), _HELD):
            found = self.contents()
            if _held(found, self.lease):
                raise UploadBusyError(upload)
            if not found.leases if least is None else _length(found) < least:
                raise UploadMissingError(upload)
            epoch = found.epoch + 1
            if not self.client.create(self.lease_key(epoch), _HELD):
                raise UploadBusyError(upload)
        claim = Claim(self, epoch)
        try:
            # Only now nobody else adds anything: what counts is what is there from here on.
            claim.settle(upload, least or 0)
        except BaseException:
            claim.release()
            raise
        return claim

    def clear(self) -> None:
        """Drop everything the upload has."""
        self.client.delete([row.key for row in self.client.list(self.prefix)])

    def lease_key(self, epoch: int) -> str:
        """Return the name of an epoch's lease."""
        return f"{self.prefix}/lease-{epoch:08}"

    def part_key(self, offset: int, epoch: int) -> str:
        """Return the name of a part."""
        return f"{self.prefix}/part-{offset:016}-{epoch:08}"


class Claim:
    """The right to write to an upload, for as long as it is renewed."""

    def __init__(self, folder: UploadFolder, epoch: int) -> None:
        self.folder = folder
        self.epoch = epoch
        self.chain: list[Part] = []
        self._renewed = time.monotonic()
        self._over = False
        self.is_dropped = False

    def settle(self, upload: str, least: int) -> None:
        """Take stock after the claim.

        Raises:
            UploadBusyError: somebody claimed a later epoch meanwhile.
            UploadMissingError: bytes have gone meanwhile.
        """
        found = self.folder.contents()
        if found.epoch > self.epoch:
            raise UploadBusyError(upload)
        if _length(found) < least:
            raise UploadMissingError(upload)
        self.chain = found.chain()
        # The first lease stays, so that nobody who knows nothing of the others can create it again.
        earlier = [row.key for epoch, row in found.leases.items() if 1 < epoch < self.epoch]
        self.folder.client.delete(earlier)

    def hold(self) -> None:
        """Renew the lease when it is time.

        Raises:
            StoreUnavailableError: it was lost to another writer, or cannot be renewed.
        """
        silent = time.monotonic() - self._renewed
        if silent < self.folder.lease / 4:
            return
        # After half of its time somebody may be about to take over: look before anything is written.
        if silent > self.folder.lease / 2 and self.folder.contents().epoch != self.epoch:
            self._over = True
        if self._over:
            raise StoreUnavailableError("another writer has taken the upload over")
        self.folder.client.put(self.folder.lease_key(self.epoch), _HELD)
        self._renewed = time.monotonic()

    def look(self) -> None:
        """Make sure that nobody has dropped the upload.

        Raises:
            UploadMissingError: somebody has; what was written since then is dropped as well.
        """
        if self.folder.client.head(self.folder.lease_key(self.epoch)) is None:
            self._over = self.is_dropped = True
            self.folder.clear()
            raise UploadMissingError(self.folder.prefix)

    def release(self) -> None:
        """Give the lease back; when the store does not hear of it, it runs out."""
        if not self._over:
            self._over = True
            with suppress(StoreUnavailableError):
                self.folder.client.put(self.folder.lease_key(self.epoch), _FREE)

    def end(self) -> None:
        """Drop the upload, which has become a blob; what cannot be dropped is idle from now on."""
        self._over = True
        with suppress(StoreUnavailableError):
            self.folder.clear()


def _length(contents: Contents) -> int:
    chain = contents.chain()
    return chain[-1].end if chain else 0


def _held(contents: Contents, seconds: float) -> bool:
    """Tell whether the latest lease is held by somebody who may still be alive."""
    last = contents.leases.get(contents.epoch)
    if last is None or not last.size:
        return False
    return (datetime.now(UTC) - last.modified).total_seconds() < seconds
