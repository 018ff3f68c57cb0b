"""What a client still sends of a request that is refused already.

A server that closes on bytes nobody has read resets the connection, and the client sees an error in place of
the answer. The Azure SDK for Python sends every chunk (4 MiB) without a token first, and needs the challenge.
"""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 16 * 1024 * 1024


def take_rest(chunks: Iterable[bytes], length: int | None) -> None:
    """Read a body to its end, unless it is long.

    ``length`` is what it declares, None when only its end tells. Raises what reading the chunks raises.
    """
    if length is not None and length > _MOST:
        return
    taken = 0
    for chunk in chunks:
        taken += len(chunk)
        if taken > _MOST:
            return
