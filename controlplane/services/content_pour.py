"""Taking a body in: while one thread reads the next bytes, another hashes and writes those before.

A server reads from the socket only while the application asks for more, so hashing and writing in between
would leave the client waiting. Small bodies are not worth a thread.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator

from controlplane.blobs.store import BlobWriter
from controlplane.domain.digests import Hasher
from controlplane.domain.registry_errors import BLOB_TOO_LARGE
from controlplane.domain.tiers import MAX_LAYER
from controlplane.kernel.errors import Failure

_INLINE = 1024 * 1024  # bytes that are taken without a second thread
_AHEAD = 4  # chunks read and not yet written, so memory stays flat


def pour(body: Iterable[bytes], writer: BlobWriter, state: Hasher | None) -> None:
    """Write a body and hash it on its way; what arrived is written also when the body ends early.

    Raises:
        Failure: BLOB_TOO_LARGE, or what the body raises.
        StoreUnavailableError: the store cannot take it.
    """
    chunks = iter(body)
    taken = 0
    for chunk in chunks:
        _take(chunk, writer, state)
        taken += len(chunk)
        if taken >= _INLINE:
            _pour_overlapped(chunks, writer, state)
            return


def _take(chunk: bytes, writer: BlobWriter, state: Hasher | None) -> None:
    if writer.offset + len(chunk) > MAX_LAYER:
        raise Failure(BLOB_TOO_LARGE, limit=MAX_LAYER)
    if state is not None:
        state.update(chunk)
    writer.write(chunk)


def _pour_overlapped(chunks: Iterator[bytes], writer: BlobWriter, state: Hasher | None) -> None:
    waiting: queue.Queue[bytes | None] = queue.Queue(_AHEAD)
    errors: list[BaseException] = []

    def work() -> None:
        while (chunk := waiting.get()) is not None:
            if errors:
                continue  # the reader is about to hear of it, and must not be kept waiting
            try:
                _take(chunk, writer, state)
            except BaseException as error:  # noqa: BLE001 - raised again in the reader's thread
                errors.append(error)

    worker = threading.Thread(target=work, name="pour", daemon=True)
    worker.start()
    try:
        for chunk in chunks:
            waiting.put(chunk)
            if errors:
                break
    finally:
        waiting.put(None)
        worker.join()
    if errors:
        raise errors[0]
