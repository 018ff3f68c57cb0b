"""Uploads: bytes come in, are hashed on their way, and become a blob of a repository when the digest holds.

Whoever began an upload goes on with it, on any process: how many bytes are kept, and what they hash to,
is in the database; the state of a hash, which cannot be stored, stays in the process that has it and is
computed again elsewhere. While one request writes, the store refuses any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controlplane.blobs.store import (
    BlobWriter,
    StoreUnavailableError,
    UploadBusyError,
    UploadMissingError,
)
from controlplane.domain.digests import DEFAULT_ALGORITHM, Digest, Hasher, hasher
from controlplane.domain.locks import Lock
from controlplane.domain.registry_errors import (
    DIGEST_INVALID,
    UPLOAD_BUSY,
    UPLOAD_OUT_OF_ORDER,
    UPLOAD_UNKNOWN,
)
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import Failure
from controlplane.kernel.ids import Ids
from controlplane.persistence import content_blobs, content_repositories, uploads
from controlplane.persistence.content_blobs import Holder
from controlplane.persistence.content_repositories import Counts
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.uploads import UploadRow
from controlplane.services import content_policy, content_quota
from controlplane.services.content_hashes import HashStates
from controlplane.services.content_pour import pour
from controlplane.services.regions import RegionalStore

_UPLOAD_ID = re.compile(r"[0-9a-f-]{36}")
_SOURCES = 16  # repositories that are tried for a mount that names none


@dataclass(frozen=True, slots=True)
class Place:
    """The repository that bytes are meant for, and who brings them.

    ``region`` is the one whose store takes them; empty: the home region.
    """

    registry_id: int
    repository: str
    owner: str
    region: str = ""


class Uploads:
    """Takes blobs into repositories."""

    def __init__(self, database: Database, blobs: RegionalStore, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._regions = blobs.regions
        self._clock = clock
        self._ids = ids
        self._states = HashStates()

    def begin(self, place: Place) -> str:
        """Begin an upload; return its id.

        Raises:
            Failure: CONTENT_LOCKED.
        """
        upload = self._ids.uuid()
        now = self._clock.now()
        with self._database.write() as tx:
            repository = content_repositories.ensure(tx, place.registry_id, place.repository, now)
            content_policy.refuse_creation(repository)
            row = UploadRow(upload, repository.id, place.owner, 0, None, place.region)
            uploads.insert(tx, row, now)
        return upload

    def find(self, place: Place, upload: str) -> UploadRow:
        """Return an upload to the one who began it.

        Raises:
            Failure: UPLOAD_UNKNOWN, also when it is somebody else's or another repository's.
        """
        if not _UPLOAD_ID.fullmatch(upload):
            raise Failure(UPLOAD_UNKNOWN)
        with self._database.read() as tx:
            row = uploads.find(tx, place.registry_id, place.repository, upload, place.owner)
        if row is None:
            raise Failure(UPLOAD_UNKNOWN)
        return row

    def receive(self, place: Place, upload: str, start: int | None, body: Iterable[bytes]) -> int:
        """Add bytes that begin at ``start`` (None: at the end); return how many the upload has.

        When the body ends early its bytes are kept, and the upload goes on after them.

        Raises:
            Failure: UPLOAD_UNKNOWN, UPLOAD_BUSY, UPLOAD_OUT_OF_ORDER, BLOB_TOO_LARGE, or what the body
                raises.
        """
        row = self.find(place, upload)
        if start not in {None, row.received}:
            raise _out_of_order(row)
        with self._open(place, row) as writer:
            state = self._states.take(row.id, row.received)
            try:
                pour(body, writer, state)
            except StoreUnavailableError:
                writer.rewind(row.received)
                raise
            except BaseException:
                self._advance(row, writer.flush(), state)
                raise
            self._advance(row, writer.flush(), state)
            return writer.offset

    def finish(
        self, place: Place, upload: str, digest: Digest, start: int | None, body: Iterable[bytes]
    ) -> None:
        """Add the last bytes, if any, and make the upload a blob of its repository.

        When it cannot be done the bytes of this request are dropped and the upload stays as it was.

        Raises:
            Failure: as for ``receive``, and DIGEST_INVALID.
        """
        row = self.find(place, upload)
        if start not in {None, row.received}:
            raise _out_of_order(row)
        with self._open(place, row) as writer:
            try:
                _verify(digest, self._poured(row, digest, writer, body))
            except BaseException:
                writer.rewind(row.received)
                raise
            writer.finish(digest)
            self._link(place, digest, writer.offset, upload)

    def take(self, place: Place, digest: Digest, body: Iterable[bytes]) -> None:
        """Take a whole blob in one request; nothing is left of it when it cannot be done.

        Raises:
            Failure: CONTENT_LOCKED, DIGEST_INVALID, BLOB_TOO_LARGE, or what the body raises.
        """
        self._refuse_locked(place)
        upload = self._ids.uuid()
        try:
            with self._regions.store(place.region).write(upload, 0) as writer:
                state = hasher(digest.algorithm)
                pour(body, writer, state)
                _verify(digest, state.hexdigest())
                writer.finish(digest)
                self._link(place, digest, writer.offset, None)
        finally:
            self._regions.discard(upload, place.region)

    def sources(self, place: Place, digest: Digest) -> Sequence[str]:
        """Return names of repositories of the registry that hold a blob: some, if they are many.

        The caller sees none of them that it may not read.
        """
        with self._database.read() as tx:
            return content_blobs.holders(tx, place.registry_id, str(digest), _SOURCES)

    def hold(self, place: Place, digest: Digest, size: int) -> None:
        """Let a repository hold a blob whose bytes are in the store.

        Raises:
            Failure: CONTENT_LOCKED or STORAGE_FULL.
            StoreUnavailableError: the bytes have gone.
        """
        self._refuse_locked(place)
        with self._database.write() as tx:
            self._hold(tx, place, digest, size)

    def mount(self, place: Place, source: str, digest: Digest) -> bool:
        """Let a repository hold a blob that another of the registry holds; False when that one does not.

        The caller has checked that the source may be read; one that is locked against it gives nothing.

        Raises:
            Failure: CONTENT_LOCKED, when the target is.
        """
        self._refuse_locked(place)
        with self._database.read() as tx:
            origin = content_repositories.find(tx, place.registry_id, source)
            if origin is None or origin.locks & Lock.READ:
                return False
            size = content_blobs.size_of(tx, origin.id, str(digest))
        if size is None:
            return False
        try:
            with self._database.write() as tx:
                self._hold(tx, place, digest, size)
        except _GoneError:
            return False
        return True

    def cancel(self, place: Place, upload: str) -> None:
        """Drop an upload and its bytes.

        Raises:
            Failure: UPLOAD_UNKNOWN.
        """
        row = self.find(place, upload)
        with self._database.write() as tx:
            uploads.delete(tx, upload)
        self._states.forget(upload)
        self._regions.discard(upload, row.region)

    def _refuse_locked(self, place: Place) -> None:
        """Refuse bytes that no manifest could name then; an upload that began before may end."""
        with self._database.read() as tx:
            repository = content_repositories.find(tx, place.registry_id, place.repository)
        if repository is not None:
            content_policy.refuse_creation(repository)

    def _open(self, place: Place, row: UploadRow) -> BlobWriter:
        """Open the upload for this request alone, at the end of the bytes that are kept."""
        try:
            writer = self._regions.store(row.region).write(row.id, row.received)
        except UploadBusyError as error:
            raise Failure(UPLOAD_BUSY, headers={"Retry-After": "1"}) from error
        except UploadMissingError as error:
            raise Failure(UPLOAD_UNKNOWN) from error
        # Another request may have written after the row was read and before the upload was ours.
        try:
            moved = self.find(place, row.id).received != row.received
        except BaseException:
            writer.close()
            raise
        if moved:
            writer.close()
            raise Failure(UPLOAD_BUSY, headers={"Retry-After": "1"})
        writer.rewind(row.received)
        return writer

    def _advance(self, row: UploadRow, received: int, state: Hasher | None) -> None:
        """Note what was written. The upload may have gone meanwhile: then its bytes go as well."""
        taken = None if state is None else state.hexdigest()
        with self._database.write() as tx:
            there = uploads.advance(tx, row, received, taken, self._clock.now())
        if not there:
            self._regions.discard(row.id, row.region)
            raise Failure(UPLOAD_UNKNOWN)
        if state is not None:
            self._states.keep(row.id, received, state)

    def _poured(self, row: UploadRow, digest: Digest, writer: BlobWriter, body: Iterable[bytes]) -> str:
        """Add the last bytes; return the hex digest of all, hashing again only what has to be."""
        state = hasher() if digest.algorithm == DEFAULT_ALGORITHM else None
        state = state and self._states.take(row.id, row.received)
        pour(body, writer, state)
        if state is not None:
            return state.hexdigest()
        if writer.offset == row.received and row.sha256 and digest.algorithm == DEFAULT_ALGORITHM:
            return row.sha256
        again = hasher(digest.algorithm)
        for chunk in writer.read():
            again.update(chunk)
        return again.hexdigest()

    def _link(self, place: Place, digest: Digest, size: int, upload: str | None) -> None:
        with self._database.write() as tx:
            if upload is not None and not uploads.delete(tx, upload):
                raise Failure(UPLOAD_UNKNOWN)
            self._hold(tx, place, digest, size)

    def _hold(self, tx: Transaction, place: Place, digest: Digest, size: int) -> None:
        now = self._clock.now()
        repository = content_repositories.ensure(tx, place.registry_id, place.repository, now)
        holder = Holder(place.registry_id, repository.id)
        growth = content_blobs.link(tx, holder, str(digest), size, now)
        if growth.repository:
            content_repositories.count(tx, repository.id, Counts(growth=growth.repository), now)
        if growth.registry:
            content_quota.grow(tx, place.registry_id, growth.registry)
        # Collection may have taken the bytes until the link was made; from now on it cannot.
        if self._regions.reader(place.region).size(digest) != size:
            raise _GoneError(f"the bytes of {digest} went before they could be linked; push them again")


class _GoneError(StoreUnavailableError):
    """The store does not have, or no longer, what is to be linked."""


def _verify(digest: Digest, taken: str) -> None:
    if taken != digest.hex:
        raise Failure(DIGEST_INVALID, reason=f"the content's digest is {digest.algorithm}:{taken}")


def _out_of_order(row: UploadRow) -> Failure:
    headers = {"Range": f"0-{max(row.received - 1, 0)}", "Docker-Upload-UUID": row.id}
    return Failure(UPLOAD_OUT_OF_ORDER, headers=headers, expected=row.received)
