"""Chunks from another thread: obstore cannot be asked to read while it asks for the next chunk to write."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

_AHEAD = 2  # chunks that wait


@contextmanager
def read_apart(chunks: Iterable[bytes]) -> Iterator[Iterator[bytes]]:
    """Give an iterator of chunks that a thread of their own reads; its errors are raised by the iterator.

    When the block ends, the thread has ended as well, however far it came.
    """
    waiting: queue.Queue[bytes | BaseException | None] = queue.Queue(_AHEAD)
    over = threading.Event()

    def work() -> None:
        try:
            for chunk in chunks:
                if over.is_set():
                    return
                waiting.put(chunk)
            waiting.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again where the chunks are taken
            waiting.put(error)

    worker = threading.Thread(target=work, name="read-apart", daemon=True)
    worker.start()
    try:
        yield _taken(waiting)
    finally:
        over.set()
        while worker.is_alive():
            with suppress(queue.Empty):
                waiting.get(timeout=0.05)


def _taken(waiting: queue.Queue[bytes | BaseException | None]) -> Iterator[bytes]:
    while (chunk := waiting.get()) is not None:
        if isinstance(chunk, BaseException):
            raise chunk
        yield chunk
