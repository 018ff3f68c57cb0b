"""Connections the service makes on a user's behalf: to webhooks and to upstream registries.

Names are resolved when a connection is made, every address must be one the service may reach, and the
connection goes to exactly the address that was checked, so that a name that changes its mind in between gains
nothing. Redirects are never followed here. Proxies of the environment are not used: they would
resolve names again.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from controlplane.domain.addresses import Network, is_reachable, networks
from controlplane.settings.model import Settings

_CHUNK = 128 * 1024
_PORTS = {"http": 80, "https": 443}


class OutboundError(Exception):
    """A request could not be made, or its answer did not come. The text may be shown to the user."""


class ForbiddenAddressError(OutboundError):
    """The host has an address that the service may not connect to."""


class OutboundTimeoutError(OutboundError):
    """The answer did not come in time."""


@dataclass(frozen=True, slots=True)
class Message:
    """An answer, read to its end or to a limit. Header names are as the server sent them."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class Stream:
    """An answer whose body is read in chunks."""

    def __init__(self, answer: urllib3.BaseHTTPResponse) -> None:
        self._answer = answer
        self.status = answer.status
        self.reason = answer.reason or ""
        self.headers: Mapping[str, str] = answer.headers

    def chunks(self) -> Iterator[bytes]:
        """Give the body, in chunks of at most 128 KiB.

        Raises:
            OutboundError: it broke off.
        """
        with translated():
            yield from self._answer.stream(_CHUNK, decode_content=False)

    def whole(self, limit: int) -> bytes:
        """Return the body, up to ``limit`` bytes.

        Raises:
            OutboundError: it broke off.
        """
        found = bytearray()
        for chunk in self.chunks():
            found += chunk
            if len(found) >= limit:
                break
        return bytes(found[:limit])


class Outbound:
    """Makes requests to hosts that users name. Safe to share between threads, not across fork."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = networks(settings.outbound_networks.split(","))
        context = ssl.create_default_context(
            cafile=None if settings.outbound_ca is None else str(settings.outbound_ca)
        )
        if settings.outbound_ca is not None:
            context.load_default_certs()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context = context
        self._pools = urllib3.PoolManager(num_pools=64, maxsize=16, retries=False, ssl_context=context)
        self._kinds = {
            "http": _connection(HTTPConnection, self._allowed),
            "https": _connection(HTTPSConnection, self._allowed),
        }
        self._pools.pool_classes_by_scheme = {
            "http": _pool(HTTPConnectionPool, self._kinds["http"]),
            "https": _pool(HTTPSConnectionPool, self._kinds["https"]),
        }

    def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float, limit: int
    ) -> Message:
        """Send a body and return the answer, all within ``seconds``; at most ``limit`` bytes are read.

        Raises:
            OutboundError: it could not be done; ForbiddenAddressError, OutboundTimeoutError.
        """
        with translated():
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme, 0)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise OutboundError("only http and https URLs can be reached")
        tls = {"ssl_context": self._context} if parts.scheme == "https" else {}
        connection = self._kinds[parts.scheme](parts.hostname, port, timeout=seconds, **tls)
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        with _deadline(connection, seconds), translated():
            connection.request("POST", path, body=body, headers=dict(headers), preload_content=False)
            answer = connection.getresponse()
            return Message(answer.status, answer.reason or "", dict(answer.headers), answer.read(limit))

    @contextmanager
    def open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        timeout: float = 30.0,
    ) -> Iterator[Stream]:
        """Make a request; the block reads the answer. ``timeout`` is for each wait on the connection.

        Raises:
            OutboundError: it could not be done; ForbiddenAddressError, OutboundTimeoutError.
        """
        if urlsplit(url).scheme not in {"http", "https"}:
            raise OutboundError("only http and https URLs can be reached")
        with translated():
            answer = self._pools.request(
                method,
                url,
                headers=dict(headers),
                body=body,
                timeout=urllib3.Timeout(connect=min(timeout, 10.0), read=timeout),
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        try:
            yield Stream(answer)
        finally:
            answer.close()
            answer.release_conn()

    def close(self) -> None:
        """Close idle connections."""
        self._pools.clear()


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the HTTP library raises into this module's errors."""
    try:
        yield
    except (urllib3.exceptions.TimeoutError, TimeoutError) as error:
        raise OutboundTimeoutError("the answer did not come in time") from error
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        raise OutboundError(_words(error)) from error


def _words(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return str(reason if isinstance(reason, Exception) else error)[:500]


def connect(
    host: str, port: int, timeout: Any, allowed: tuple[Network, ...], options: Any = ()
) -> socket.socket:
    """Resolve a host, check all its addresses, and connect to one of them.

    Raises:
        ForbiddenAddressError: one of the addresses is not to be reached.
        OSError: the host has no address, or none of them answers.
    """
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    for *_, place in found:
        if not is_reachable(str(place[0]).partition("%")[0], allowed):
            raise ForbiddenAddressError(f"'{host}' has the address {place[0]}, which may not be reached")
    refused: OSError | None = None
    for family, kind, protocol, _, place in found:
        connection = socket.socket(family, kind, protocol)
        try:
            for option in options or ():
                connection.setsockopt(*option)
            connection.settimeout(timeout)
            connection.connect(place)
        except OSError as error:
            connection.close()
            refused = error
        else:
            return connection
    raise refused or OSError(f"'{host}' has no address")


def _connection(base: type[Any], allowed: tuple[Network, ...]) -> type[Any]:
    class Guarded(base):  # type: ignore[misc]
        """A connection to an address that was checked."""

        def _new_conn(self) -> socket.socket:
            try:
                return connect(self.host, self.port, self.timeout, allowed, self.socket_options)
            except TimeoutError as error:
                raise urllib3.exceptions.ConnectTimeoutError(self, "the host does not answer") from error

    return Guarded


def _pool(base: type[Any], connection: type[Any]) -> type[Any]:
    return type(base.__name__, (base,), {"ConnectionCls": connection})


@contextmanager
def _deadline(connection: HTTPConnection, seconds: float) -> Iterator[None]:
    """Cut a connection whose answer trickles: each wait may be short and all of them long."""
    over = threading.Event()

    def cut() -> None:
        over.set()
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except OutboundError as error:
        if over.is_set():
            raise OutboundTimeoutError("the answer did not come in time") from error
        raise
    finally:
        timer.cancel()
        connection.close()
