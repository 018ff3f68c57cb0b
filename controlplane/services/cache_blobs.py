"""Blobs on their way from an upstream: fetched once, given to everybody who asks while they arrive.

One thread of one process fetches a blob into an upload whose name follows from the digest, so the
store keeps all others from fetching it as well. Readers of the same process follow the upload as it grows;
those of other processes wait until the blob is there. The last byte is held back until the digest has been
verified, so that nobody takes wrong bytes for the blob.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus

from controlplane.blobs.store import BlobStore, BlobWriter, UploadBusyError
from controlplane.domain.digests import Digest, hasher
from controlplane.services.content_uploads import Place, Uploads
from controlplane.services.outbound import OutboundError
from controlplane.services.upstream import Trouble, Upstream, UpstreamError

_LOG = logging.getLogger(__name__)
_CHUNK = 128 * 1024
_LOOK = 0.2  # seconds between two looks for what another process fetches
_PATIENCE = 600.0  # seconds without a byte after which a reader gives up


class Flight:
    """A blob that is being fetched by this process. ``size`` is known once the upstream has answered."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.size: int | None = None
        self.arrived = 0
        self.landed = False
        self.error: UpstreamError | None = None
        self.writer: BlobWriter | None = None

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
                if not flight.landed and flight.writer is not None:
                    there = min(flight.arrived, self.size - 1) - self._at
                    if chunk := flight.writer.peek(self._at, min(_CHUNK, there)):
                        return chunk
            if flight.landed:
                self._rest = iter(self._store.open(self._digest, self._at, self.size - self._at))
        return next(self._rest)

    def _is_ready(self) -> bool:
        flight = self._flight
        # One byte is held back: the last one is given when all are verified.
        if flight.landed or flight.error is not None:
            return True
        return flight.writer is not None and self._at < min(flight.arrived, self.size - 1)


class BlobFlights:
    """The blobs that this process fetches. Safe to share between threads."""

    def __init__(self, store: BlobStore, uploads: Uploads) -> None:
        self._store = store
        self._uploads = uploads
        self._lock = threading.Lock()
        self._flights: dict[str, Flight] = {}

    def board(
        self, registry_id: int, repository: str, digest: Digest, upstream: Upstream, name: str
    ) -> Passing:
        """Return a blob that arrives; the fetch begins unless it is under way.

        Raises:
            UpstreamError: the upstream does not give it.
        """
        place = Place(registry_id, repository, "cache")
        with self._lock:
            flight = self._flights.get(str(digest))
            if flight is None:
                flight = self._flights[str(digest)] = Flight()
                fetch = threading.Thread(
                    target=self._fly, args=(flight, place, digest, upstream, name), daemon=True
                )
                fetch.start()
        with flight.changed:
            flight.changed.wait_for(lambda: flight.size is not None or flight.error is not None, _PATIENCE)
        if flight.error is not None or flight.size is None:
            raise flight.error or UpstreamError(Trouble.DOWN, f"{upstream.host} does not answer")
        return Passing(flight, self._store, digest, flight.size)

    def _fly(self, flight: Flight, place: Place, digest: Digest, upstream: Upstream, name: str) -> None:
        try:
            self._fetch(flight, digest, upstream, name)
            self._uploads.hold(place, digest, flight.size or 0)
            flight.tell(landed=True, writer=None)
        except UpstreamError as error:
            flight.tell(error=error)
        except OutboundError as error:
            flight.tell(error=UpstreamError(Trouble.DOWN, f"{upstream.host}: {error}"))
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it
            _LOG.exception("a blob could not be cached")
            text = f"the blob could not be stored: {type(error).__name__}"
            flight.tell(error=UpstreamError(Trouble.DOWN, text))
        finally:
            with self._lock:
                del self._flights[str(digest)]

    def _fetch(self, flight: Flight, digest: Digest, upstream: Upstream, name: str) -> None:
        """Fetch a blob, or wait until another process has."""
        upload = f"cache-{digest.hex[:48]}"
        end = time.monotonic() + _PATIENCE
        while True:
            size = self._store.size(digest)
            if size is not None:
                flight.tell(size=size)
                return
            try:
                with ExitStack() as stack:
                    writer = stack.enter_context(self._store.write(upload, 0))
                    self._pour(flight, digest, writer, upstream, name)
                    flight.tell(writer=None)
            except UploadBusyError:
                if time.monotonic() > end:
                    raise UpstreamError(Trouble.DOWN, "the blob does not arrive") from None
                time.sleep(_LOOK)
            else:
                return

    def _pour(
        self, flight: Flight, digest: Digest, writer: BlobWriter, upstream: Upstream, name: str
    ) -> None:
        writer.rewind(0)
        state = hasher(digest.algorithm)
        with upstream.blob(name, str(digest)) as stream:
            length = stream.headers.get("Content-Length", "")
            if stream.status != HTTPStatus.OK or not length.isdigit():
                raise UpstreamError(Trouble.WRONG, f"{upstream.host}: the blob comes without its length")
            # Stores that cannot show what is half there let everybody wait for the whole.
            seen = None if writer.peek(0, 0) is None else writer
            flight.tell(size=int(length), writer=seen)
            try:
                for chunk in stream.chunks():
                    state.update(chunk)
                    writer.write(chunk)
                    flight.tell(arrived=writer.offset)
                _verify(upstream.host, digest, state.hexdigest(), whole=writer.offset == flight.size)
                writer.finish(digest)
            except BaseException:
                flight.tell(writer=None)
                writer.rewind(0)
                raise


def _verify(host: str, digest: Digest, taken: str, *, whole: bool) -> None:
    if taken != digest.hex or not whole:
        raise UpstreamError(Trouble.WRONG, f"{host}: the blob is not what its digest says")
