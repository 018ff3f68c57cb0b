"""Request bodies: read in steps, never whole, and only as long and as slowly as allowed.

A body that ends early raises at its end, after everything that arrived was given. What a client that sends
nothing at all costs is bounded by ``slow_connections``: a read that waits cannot be interrupted from here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

from controlplane.distribution.answers import Environ
from controlplane.distribution.slow_connections import WAITS
from controlplane.domain.registry_errors import SIZE_INVALID, UPLOAD_TIMED_OUT
from controlplane.kernel.errors import Failure
from controlplane.kernel.leftovers import take_rest
from controlplane.settings.model import Settings

STEP = 256 * 1024  # larger reads are slower


def content_length(environ: Environ) -> int | None:
    """Return the length a request declares; None when only its end tells.

    Raises:
        Failure: SIZE_INVALID.
    """
    text = environ.get("CONTENT_LENGTH") or ""
    if text:
        if not str(text).isascii() or not str(text).isdigit() or len(text) > 19:  # noqa: PLR2004 - 63 bits
            raise Failure(SIZE_INVALID, reason="the Content-Length is not a number")
        return int(text)
    # Chunked, or HTTP/2 without a length; a server that cannot tell where it ends gives no body.
    return None if environ.get("wsgi.input_terminated") else 0


def drain(environ: Environ, settings: Settings) -> None:
    """Read what is left of the body of a request that was refused, unless it is long or too slow."""
    with suppress(Failure):
        body = Body(environ, settings)
        take_rest(body, body.length)


class Body:
    """The chunks of a request body.

    Args:
        expected: its length, where something else than the header says it as well.

    Raises:
        Failure: SIZE_INVALID, when the two lengths differ.
    """

    def __init__(self, environ: Environ, settings: Settings, expected: int | None = None) -> None:
        declared = content_length(environ)
        if None not in {declared, expected} and declared != expected:
            raise Failure(SIZE_INVALID, reason=f"a body of {declared} bytes cannot be a chunk of {expected}")
        self.length = expected if declared is None else declared
        self._input = environ["wsgi.input"]
        self._settings = settings

    def __iter__(self) -> Iterator[bytes]:
        """Give the chunks.

        Raises:
            Failure: SIZE_INVALID at the end, or UPLOAD_TIMED_OUT.
        """
        begun, taken = time.monotonic(), 0
        while taken != self.length:
            step = STEP if self.length is None else min(STEP, self.length - taken)
            chunk = self._read(step)
            if not chunk:
                break
            taken += len(chunk)
            self._check_pace(time.monotonic() - begun, taken)
            yield chunk
        if self.length is not None and taken < self.length:
            raise Failure(SIZE_INVALID, reason=f"the body ended after {taken} of {self.length} bytes")

    def _read(self, step: int) -> bytes:
        WAITS.begin()
        try:
            chunk: bytes = self._input.read(step)
        finally:
            WAITS.end()
        return chunk

    def whole(self, limit: int) -> bytes | None:
        """Return the body, None when it is longer than ``limit`` bytes; then not all of it is read.

        Raises:
            Failure: as for iterating.
        """
        if self.length is not None and self.length > limit:
            return None
        chunks, taken = [], 0
        for chunk in self:
            taken += len(chunk)
            if taken > limit:
                return None
            chunks.append(chunk)
        return b"".join(chunks)

    def _check_pace(self, seconds: float, taken: int) -> None:
        if seconds > self._settings.body_deadline:
            reason = f"it lasted longer than {self._settings.body_deadline:.0f} s"
        elif taken < self._settings.body_min_rate * (seconds - self._settings.transfer_window):
            reason = f"it was slower than {self._settings.body_min_rate} bytes per second"
        else:
            return
        raise Failure(UPLOAD_TIMED_OUT, headers={"Connection": "close"}, reason=reason)
