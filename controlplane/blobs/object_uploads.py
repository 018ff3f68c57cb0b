"""Writing to an upload in an object store: full parts go there at once, the rest when it is flushed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from controlplane.blobs.object_client import PART
from controlplane.blobs.object_lease import Claim, Part
from controlplane.blobs.store import StoreUnavailableError, UploadMissingError
from controlplane.domain.digests import Digest

_READ = 1024 * 1024


class ObjectWriter:
    """An upload that nobody else has open; see the protocol. At most one part is held in memory."""

    def __init__(self, claim: Claim, place: Callable[[Digest], str]) -> None:
        self._claim = claim
        self._client = claim.folder.client
        self._place = place
        self._chain = claim.chain
        self._buffer = bytearray()
        self._replaced: list[str] = []
        self._closed = False

    @property
    def offset(self) -> int:
        """How many bytes there are, those in memory included."""
        return self._start + len(self._buffer)

    @property
    def _start(self) -> int:
        return self._chain[-1].end if self._chain else 0

    def write(self, chunk: bytes) -> None:
        """Add bytes; whenever a part is full the store gets it."""
        self._claim.hold()
        view = memoryview(chunk)
        while view:
            room = PART - len(self._buffer)
            self._buffer += view[:room]
            view = view[room:]
            if len(self._buffer) == PART:
                self._put()

    def flush(self) -> int:
        """Give the store what is in memory; return how many bytes there are."""
        self._put()
        self._claim.look()
        return self.offset

    def _put(self) -> None:
        if self._buffer:
            self._claim.hold()
            key = self._claim.folder.part_key(self._start, self._claim.epoch)
            self._client.put(key, self._buffer)
            self._chain.append(Part(key, self._start, len(self._buffer), self._claim.epoch))
            self._buffer = bytearray()
            self._client.delete([old for old in self._replaced if old != key])
            self._replaced = []

    def peek(self, start: int, length: int) -> bytes | None:  # noqa: ARG002 - none can be had
        """Return None: parts are on their way."""
        return None

    def read(self) -> Iterator[bytes]:
        """Give all bytes, part by part."""
        for part in self._chain:
            yield from self._part(part, part.size)
            self._claim.hold()
        if self._buffer:
            yield bytes(self._buffer)

    def _part(self, part: Part, length: int) -> Iterator[bytes]:
        """Give the first bytes of a part, all of them or an error."""
        found = self._client.get(part.key, 0, length, _READ)
        if found is None:
            raise UploadMissingError(part.key)
        given = 0
        for chunk in found[1]:
            given += len(chunk)
            yield chunk
        if given != length:
            raise UploadMissingError(part.key)

    def rewind(self, offset: int) -> None:
        """Drop bytes; a part that is cut comes back into memory and is replaced when it is written."""
        if offset >= self._start:
            del self._buffer[offset - self._start :]
            return
        dropped = [part for part in self._chain if part.end > offset]
        first, later = dropped[0], dropped[1:]
        kept = bytearray(b"".join(self._part(first, offset - first.offset)) if offset > first.offset else b"")
        del self._chain[-len(dropped) :]
        self._buffer = kept
        # Bytes that are kept stay in the store until the part that replaces them is there.
        gone = later if kept else dropped
        self._replaced = [first.key] if kept else []
        self._client.delete([part.key for part in gone])

    def finish(self, digest: Digest) -> None:
        """Write the blob: from memory when it is small, otherwise part by part into a multipart upload."""
        self._claim.hold()
        self._claim.look()
        if self._chain:
            try:
                self._client.put_all(self._place(digest), self.read(), self.offset)
            except UploadMissingError as error:
                raise StoreUnavailableError(f"a part is missing: {error}") from error
        else:
            self._client.put(self._place(digest), self._buffer)
        self._closed = True
        self._claim.end()

    def close(self) -> None:
        """Give the store what is left in memory and let go of the upload; twice is fine.

        Raises:
            StoreUnavailableError: the store did not take what was not flushed yet.
        """
        if not self._closed:
            self._closed = True
            try:
                if not self._claim.is_dropped:
                    self._put()
            finally:
                self._claim.release()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it; an error that is on its way is not hidden by a store that fails once more."""
        try:
            self.close()
        except StoreUnavailableError:
            if error is None:
                raise
