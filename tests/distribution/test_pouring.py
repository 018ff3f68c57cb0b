"""Bodies on their way into the store: what arrived is kept, whatever happens to the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from controlplane.blobs.memory import MemoryDriver
from controlplane.blobs.store import StoreUnavailableError
from controlplane.domain.digests import hasher
from controlplane.services.content_pour import pour

STEP = 256 * 1024


def chunks(count: int, then: Exception | None = None) -> Iterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * STEP
    if then is not None:
        raise then


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 40])
def test_bytes_arrive_in_order_and_are_hashed(count: int) -> None:
    state = hasher()
    with MemoryDriver().write("upload", 0) as writer:
        pour(chunks(count), writer, state)
        written = b"".join(writer.read())
    assert written == b"".join(chunks(count))
    assert state.hexdigest() == hashlib.sha256(written).hexdigest()


@pytest.mark.parametrize("count", [1, 20])
def test_a_body_that_breaks_off_leaves_all_that_arrived(count: int) -> None:
    state = hasher()
    with MemoryDriver().write("upload", 0) as writer:
        with pytest.raises(ConnectionError, match="gone"):
            pour(chunks(count, ConnectionError("gone")), writer, state)
        written = b"".join(writer.read())
    assert written == b"".join(chunks(count))
    assert state.hexdigest() == hashlib.sha256(written).hexdigest()


@pytest.mark.parametrize("room", [0, 20 * STEP])
def test_a_store_that_is_full_stops_the_body(room: int) -> None:
    class FullWriter:
        offset = 0

        def write(self, chunk: bytes) -> None:
            if self.offset + len(chunk) > room:
                raise StoreUnavailableError("no space left")
            self.offset += len(chunk)

    writer = FullWriter()
    with pytest.raises(StoreUnavailableError):
        pour(chunks(200), writer, hasher())  # type: ignore[arg-type] # as much of a writer as it takes
    assert writer.offset == room
