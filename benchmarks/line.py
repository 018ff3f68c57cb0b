"""One keep-alive connection that costs the client next to nothing, for rows where the client must not count.

It sends prepared bytes, reads a head up to the empty line and a body by its length or its chunks. It knows
no redirects and no trailers; identical for both sides.
"""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from benchmarks.programs import BenchmarkError
from benchmarks.registry import TIMEOUT, Registry

_END = b"\r\n\r\n"
_PIECE = 262_144


class Line:
    """A connection to a registry with a token.

    Raises:
        OSError: the registry cannot be reached.
    """

    def __init__(self, registry: Registry, token: str) -> None:
        target = urlsplit(registry.url)
        raw = socket.create_connection((target.hostname or "", target.port or 443), timeout=TIMEOUT)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = registry.tls.wrap_socket(raw, server_hostname=target.hostname)
        self._common = f" HTTP/1.1\r\nHost: {target.netloc}\r\nAuthorization: Bearer {token}\r\n".encode()

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def ask(
        self, wanted: int, method: str, path: str, body: bytes | None = None, more: bytes = b""
    ) -> tuple[bytes, bytes]:
        """Send a request; return head and body of the answer.

        Raises:
            BenchmarkError: the answer has another status.
        """
        length = b"" if body is None else f"Content-Length: {len(body)}\r\n".encode()
        self._socket.sendall(b"".join((f"{method} {path}".encode(), self._common, more, length, b"\r\n")))
        if body:
            self._socket.sendall(body)
        head, rest = self._head()
        if not head.startswith(f"HTTP/1.1 {wanted} ".encode()):
            text = head.partition(b"\r\n")[0].decode(errors="replace")
            raise BenchmarkError(f"{method} {path} answered {text}, not {wanted}")
        if method == "HEAD":
            return head, b""
        return head, self._body(head, rest)

    def _head(self) -> tuple[bytes, bytes]:
        found = bytearray()
        while (at := found.find(_END)) < 0:
            more = self._socket.recv(_PIECE)
            if not more:
                raise BenchmarkError("the connection was closed within an answer")
            found += more
        return bytes(found[: at + 2]), bytes(found[at + len(_END) :])

    def _body(self, head: bytes, found: bytes) -> bytes:
        length = header(head, "content-length")
        if length is None:
            return self._chunked(found) if header(head, "transfer-encoding") else b""
        pieces, left = [found], int(length) - len(found)
        while left > 0:
            piece = self._socket.recv(min(left, _PIECE))
            if not piece:
                raise BenchmarkError("the connection was closed within an answer")
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _chunked(self, found: bytes) -> bytes:
        while not found.endswith(b"0" + _END):
            found += self._socket.recv(_PIECE)
        return found


def header(head: bytes, name: str) -> str | None:
    """Return a header's value, if there is one."""
    lower = head.lower()
    at = lower.find(f"\r\n{name}:".encode())
    if at < 0:
        return None
    end = head.find(b"\r\n", at + 2)
    return head[at + 3 + len(name) : end].decode("latin-1").strip()
