"""Uploads: bytes come in, are hashed on their way, and become a blob of a repository when the digest holds.

Whoever began an upload goes on with it, on any process: whose it is stands in its path, its bytes are in the
store, and what they hash to is known to the process that took them and, by the path, to the others. While
one request writes, the store refuses any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
from controlplane.persistence import content_blobs, content_repositories
from controlplane.persistence.content_blobs import Holder
from controlplane.persistence.content_repositories import Counts
from controlplane.persistence.database import Database
from controlplane.services import content_policy, content_quota
from controlplane.services.content_hashes import HashStates
from controlplane.services.content_pour import pour
from controlplane.services.regions import RegionalStore
from controlplane.services.upload_sessions import Place, Session, Sessions
from controlplane.services.vault import Vault

_SOURCES = 16  # repositories that are tried for a mount that names none


class Uploads:
    """Takes blobs into repositories."""

    def __init__(
        self, database: Database, blobs: RegionalStore, vault: Vault, clock: Clock, ids: Ids
    ) -> None:
        self._database = database
        self._regions = blobs.regions
        self._clock = clock
        self._ids = ids
        self._sessions = Sessions(vault, ids)
        self._states = HashStates()

    def begin(self, place: Place) -> Session:
        """Begin an upload. The caller has made sure that the repository takes something new.

        Raises:
            StoreUnavailableError: the store cannot be written to.
        """
        session = self._sessions.begin(place)
        self._regions.store(session.region).begin(session.id)
        return session

    def find(self, place: Place, path: str) -> tuple[Session, int]:
        """Return an upload to the one who began it, and how many bytes it has.

        Raises:
            Failure: UPLOAD_UNKNOWN, also when it is somebody else's or another repository's.
        """
        session = self._sessions.read(place, path)
        received = self._regions.store(session.region).received(session.id)
        if received is None:
            raise Failure(UPLOAD_UNKNOWN)
        return session, received

    def receive(
        self, place: Place, path: str, start: int | None, body: Iterable[bytes]
    ) -> tuple[Session, int]:
        """Add bytes that begin at ``start`` (None: at the end); return the upload and how many it has.

        When the body ends early its bytes are kept, and the upload goes on after them.

        Raises:
            Failure: UPLOAD_UNKNOWN, UPLOAD_BUSY, UPLOAD_OUT_OF_ORDER, BLOB_TOO_LARGE, or what the body
                raises.
        """
        session = self._sessions.read(place, path)
        with self._open(session) as writer:
            before = _in_order(session, writer, start)
            state = self._states.take(session.id, before)
            try:
                pour(body, writer, state)
            except StoreUnavailableError:
                writer.rewind(before)
                raise
            except BaseException:
                self._keep(session, writer, state)
                raise
            return self._keep(session, writer, state), writer.offset

    def finish(
        self, place: Place, path: str, digest: Digest, start: int | None, body: Iterable[bytes]
    ) -> None:
        """Add the last bytes, if any, and make the upload a blob of its repository.

        When it cannot be done the bytes of this request are dropped and the upload stays as it was.

        Raises:
            Failure: as for ``receive``, and DIGEST_INVALID.
        """
        session = self._sessions.read(place, path)
        with self._open(session) as writer:
            before = _in_order(session, writer, start)
            try:
                _verify(digest, self._poured(session, digest, writer, body))
            except BaseException:
                writer.rewind(before)
                raise
            size = writer.offset
            try:
                writer.finish(digest)
            except UploadMissingError as error:
                raise Failure(UPLOAD_UNKNOWN) from error
        self._link(place, digest, size)

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
                size = writer.offset
                writer.finish(digest)
        except BaseException:
            self._regions.discard(upload, place.region)
            raise
        self._link(place, digest, size)

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
        self._link(place, digest, size)

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
            self._link(place, digest, size)
        except _GoneError:
            return False
        return True

    def cancel(self, place: Place, path: str) -> None:
        """Drop an upload and its bytes.

        Raises:
            Failure: UPLOAD_UNKNOWN.
        """
        session, _ = self.find(place, path)
        self._states.forget(session.id)
        self._regions.discard(session.id, session.region)

    def _refuse_locked(self, place: Place) -> None:
        """Refuse bytes that no manifest could name then; an upload that began before may end."""
        with self._database.read() as tx:
            repository = content_repositories.find(tx, place.registry_id, place.repository)
        if repository is not None:
            content_policy.refuse_creation(repository.locks)

    def _open(self, session: Session) -> BlobWriter:
        """Open the upload for this request alone, at its end."""
        try:
            return self._regions.store(session.region).write(session.id)
        except UploadBusyError as error:
            raise Failure(UPLOAD_BUSY, headers={"Retry-After": "1"}) from error
        except UploadMissingError as error:
            raise Failure(UPLOAD_UNKNOWN) from error

    def _keep(self, session: Session, writer: BlobWriter, state: Hasher | None) -> Session:
        """Let go on what was written; return the upload with what it hashes to, if that is known.

        Raises:
            Failure: UPLOAD_UNKNOWN: it was cancelled meanwhile.
        """
        try:
            received = writer.flush()
        except UploadMissingError as error:
            raise Failure(UPLOAD_UNKNOWN) from error
        if state is None:
            return session
        taken = self._sessions.hashed(session, received, state.hexdigest())
        self._states.keep(session.id, received, state)
        return taken

    def _poured(self, session: Session, digest: Digest, writer: BlobWriter, body: Iterable[bytes]) -> str:
        """Add the last bytes; return the hex digest of all, hashing again only what has to be."""
        is_default, before = digest.algorithm == DEFAULT_ALGORITHM, writer.offset
        state = self._states.take(session.id, before) if is_default else None
        pour(body, writer, state)
        if state is not None:
            return state.hexdigest()
        if is_default and session.sha256 is not None and session.length == writer.offset == before:
            return session.sha256
        again = hasher(digest.algorithm)
        for chunk in writer.read():
            again.update(chunk)
        return again.hexdigest()

    def _link(self, place: Place, digest: Digest, size: int) -> None:
        now = self._clock.now()
        with self._database.write() as tx:
            repository = content_repositories.ensure(tx, place.registry_id, place.repository, now)
            holder = Holder(place.registry_id, repository.id)
            growth = content_blobs.link(tx, holder, str(digest), size, now)
            if growth.repository:
                content_repositories.count(tx, repository.id, Counts(growth=growth.repository), now)
            if growth.registry:
                content_quota.grow(tx, place.registry_id, growth.registry)
            self._look(place, digest, size)

    def _look(self, place: Place, digest: Digest, size: int) -> None:
        """Collection may have taken the bytes until the link was made; from now on it cannot."""
        if self._regions.reader(place.region).size(digest) != size:
            raise _GoneError(f"the bytes of {digest} went before they could be linked; push them again")


class _GoneError(StoreUnavailableError):
    """The store does not have, or no longer, what is to be linked."""


def _verify(digest: Digest, taken: str) -> None:
    if taken != digest.hex:
        raise Failure(DIGEST_INVALID, reason=f"the content's digest is {digest.algorithm}:{taken}")


def _in_order(session: Session, writer: BlobWriter, start: int | None) -> int:
    """Return where the bytes go that a request brings.

    Raises:
        Failure: UPLOAD_OUT_OF_ORDER, when it says something else.
    """
    received = writer.offset
    if start in {None, received}:
        return received
    headers = {"Range": f"0-{max(received - 1, 0)}", "Docker-Upload-UUID": session.id}
    raise Failure(UPLOAD_OUT_OF_ORDER, headers=headers, expected=received)
