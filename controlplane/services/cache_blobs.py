"""Blobs on their way from an upstream: fetched once, given to everybody who asks while they arrive.

One thread of one process fetches a blob into an upload whose name follows from the digest, so the
store keeps all others from fetching it as well. Readers follow the upload as it grows, also those of other
processes that share the store; where it cannot show an upload they wait until the blob is there. The
last byte is held back until the digest has been verified, so that nobody takes wrong bytes for the blob.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus

from controlplane.blobs.store import BlobStore, BlobWriter, UploadBusyError, UploadMissingError
from controlplane.domain.digests import Digest, hasher
from controlplane.kernel.errors import Failure
from controlplane.services.content_uploads import Uploads
from controlplane.services.outbound import OutboundError
from controlplane.services.upload_sessions import Place
from controlplane.services.upstream import Upstream
from controlplane.services.upstream_errors import Trouble, UpstreamError

_LOG = logging.getLogger(__name__)
_CHUNK = 128 * 1024
_LOOK = 0.05  # seconds between two looks for what another process fetches
_PATIENCE = 600.0  # seconds without a byte after which a reader gives up


class Flight:
    """A blob that arrives in this process.

    ``size`` is known once the upstream has answered, or another process fetches it. ``peek`` gives bytes
    that have arrived (from where, how many), if the store can. ``places`` are the repositories that asked.
    ``followed``: another process fetches it. It may fail, and a third begin anew, so readers check what
    they got.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.size: int | None = None
        self.arrived = 0
        self.landed = False
        self.error: UpstreamError | None = None
        self.peek: Callable[[int, int], bytes | None] | None = None
        self.places: set[Place] = set()
        self.followed = False

    def tell(self, **changes: object) -> None:
        """Change what is known, and wake those who wait."""
        with self.changed:
            for name, value in changes.items():
                setattr(self, name, value)
            self.changed.notify_all()


class Passing:
    """A blob that is given while it arrives: an iterator of chunks that may be closed early."""

    def __init__(self, flight: Flight, store: BlobStore, digest: Digest, size: int) -> None:
        self.size = size
        self._flight = flight
        self._store = store
        self._digest = digest
        self._at = 0
        self._rest: Iterator[bytes] | None = None
        self._state = hasher(digest.algorithm) if flight.followed else None

    def __iter__(self) -> Iterator[bytes]:
        """Return itself."""
        return self

    def __next__(self) -> bytes:
        """Return the next chunk.

        Raises:
            UpstreamError: it broke off; the client sees an answer that is too short.
        """
        if self._at == self.size:
            raise StopIteration
        chunk = self._next()
        self._at += len(chunk)
        if self._state is not None:
            self._state.update(chunk)
            if self._at == self.size and self._state.hexdigest() != self._digest.hex:
                raise UpstreamError(Trouble.WRONG, "the blob began anew while it was read")
        return chunk

    def close(self) -> None:
        """Stop reading; the fetch goes on."""
        if self._rest is not None:
            self._rest.close()  # type: ignore[attr-defined] # a reader of the store
            self._rest = None

    def _next(self) -> bytes:
        flight = self._flight
        while self._rest is None:
            with flight.changed:
                ready = flight.changed.wait_for(self._is_ready, _PATIENCE)
                if flight.error is not None or not ready:
                    raise flight.error or UpstreamError(Trouble.DOWN, "the blob does not arrive")
                if not flight.landed and flight.peek is not None:
                    there = min(flight.arrived, self.size - 1) - self._at
                    if chunk := flight.peek(self._at, min(_CHUNK, there)):
                        return chunk
                    flight.changed.wait(_LOOK)  # who fetched it began anew
            if flight.landed:
                self._rest = iter(self._store.open(self._digest, self._at, self.size - self._at))
        return next(self._rest)

    def _is_ready(self) -> bool:
        flight = self._flight
        # One byte is held back: the last one is given when all are verified.
        if flight.landed or flight.error is not None:
            return True
        return flight.peek is not None and self._at < min(flight.arrived, self.size - 1)


class BlobFlights:
    """The blobs that this process fetches. Safe to share between threads."""

    def __init__(self, store: BlobStore, uploads: Uploads) -> None:
        self._store = store
        self._uploads = uploads
        self._lock = threading.Lock()
        self._flights: dict[str, Flight] = {}

    def board(self, place: Place, digest: Digest, size: int | None, upstream: Upstream, name: str) -> Passing:
        """Return a blob that arrives; the fetch begins unless it is under way.

        ``size`` is what a manifest says of it, None when it says nothing.

        Raises:
            UpstreamError: the upstream does not give it.
        """
        with self._lock:
            flight = self._flights.get(str(digest))
            is_first = flight is None
            if flight is None:
                flight = self._flights[str(digest)] = Flight()
            flight.places.add(place)
        if is_first:
            fetch = partial(self._fly, flight, digest, size, upstream, name)
            threading.Thread(target=fetch, daemon=True).start()
        with flight.changed:
            flight.changed.wait_for(lambda: flight.size is not None or flight.error is not None, _PATIENCE)
        if flight.error is not None or flight.size is None:
            raise flight.error or UpstreamError(Trouble.DOWN, f"{upstream.host} does not answer")
        return Passing(flight, self._store, digest, flight.size)

    def _fly(self, flight: Flight, digest: Digest, size: int | None, upstream: Upstream, name: str) -> None:
        try:
            self._fetch(flight, digest, size, upstream, name)
        except UpstreamError as error:
            self._end(flight, digest, error)
        except OutboundError as error:
            self._end(flight, digest, UpstreamError(Trouble.DOWN, f"{upstream.host}: {error}"))
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
            _LOG.exception("a blob could not be cached")
            text = f"the blob could not be stored: {type(error).__name__}"
            self._end(flight, digest, UpstreamError(Trouble.DOWN, text))
        else:
            self._end(flight, digest, None)

    def _end(self, flight: Flight, digest: Digest, error: UpstreamError | None) -> None:
        """Let nobody else board, let those who did hold what has arrived, and tell them all."""
        with self._lock:
            del self._flights[str(digest)]
        if error is None:
            error = self._kept(flight, digest)
        flight.tell(landed=error is None, error=error, peek=None)

    def _kept(self, flight: Flight, digest: Digest) -> UpstreamError | None:
        """Let the repositories hold the blob; return what keeps it from being read."""
        for place in flight.places:
            try:
                self._uploads.hold(place, digest, flight.size or 0)
            except Failure as failure:  # a locked repository, or a full registry: those who read go on
                _LOG.warning("%s cannot keep %s: %s", place.repository, digest, failure)
            except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
                _LOG.exception("a cached blob could not be kept")
                return UpstreamError(Trouble.DOWN, f"the blob could not be kept: {type(error).__name__}")
        return None

    def _fetch(self, flight: Flight, digest: Digest, size: int | None, upstream: Upstream, name: str) -> None:
        """Fetch a blob, or follow another process that does."""
        upload = f"cache-{digest.hex[:48]}"
        end = time.monotonic() + _PATIENCE
        while not self._is_here(flight, digest):
            before = flight.arrived
            try:
                with self._store.write(upload, 0) as writer:
                    # It may have come to its end between the look and the lock.
                    if self._is_here(flight, digest):
                        self._store.discard(upload)
                        return
                    self._pour(flight, digest, writer, upstream, name)
                    return
            except UploadBusyError:
                self._follow(flight, upload, size)
            except UploadMissingError:
                continue  # it became a blob while it was opened
            if flight.arrived != before:
                end = time.monotonic() + _PATIENCE
            elif time.monotonic() > end:
                raise UpstreamError(Trouble.DOWN, "the blob does not arrive")

    def _is_here(self, flight: Flight, digest: Digest) -> bool:
        size = self._store.size(digest)
        if size is not None:
            flight.tell(size=size)
        return size is not None

    def _follow(self, flight: Flight, upload: str, size: int | None) -> None:
        """Let readers have what another process has fetched by now."""
        seen = None if size is None else self._store.glimpse(upload, flight.arrived, _CHUNK)
        if seen is not None:
            peek = partial(self._store.glimpse, upload)
            flight.tell(size=size, followed=True, peek=peek, arrived=flight.arrived + len(seen))
        if not seen:
            time.sleep(_LOOK)

    def _pour(
        self, flight: Flight, digest: Digest, writer: BlobWriter, upstream: Upstream, name: str
    ) -> None:
        writer.rewind(0)
        state = hasher(digest.algorithm)
        with upstream.blob(name, str(digest)) as stream:
            length = stream.headers.get("Content-Length", "")
            if stream.status != HTTPStatus.OK or not length.isdigit():
                raise UpstreamError(Trouble.WRONG, f"{upstream.host}: the blob comes without its length")
            if flight.size not in {None, int(length)}:
                raise UpstreamError(
                    Trouble.WRONG, f"{upstream.host}: the blob has not the size it should have"
                )
            # Stores that cannot show what is half there let everybody wait for the whole.
            peek = None if writer.peek(0, 0) is None else writer.peek
            flight.tell(size=int(length), arrived=0, peek=peek)
            try:
                for chunk in stream.chunks():
                    state.update(chunk)
                    writer.write(chunk)
                    flight.tell(arrived=writer.offset)
                _verify(upstream.host, digest, state.hexdigest(), whole=writer.offset == flight.size)
                writer.finish(digest)
            except BaseException:
                writer.rewind(0)
                raise
            finally:
                flight.tell(peek=None)  # the writer is about to be closed


def _verify(host: str, digest: Digest, taken: str, *, whole: bool) -> None:
    if taken != digest.hex or not whole:
        raise UpstreamError(Trouble.WRONG, f"{host}: the blob is not what its digest says")
