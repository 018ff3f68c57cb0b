"""Reads of the hot path: one prepared statement through the driver, without SQLAlchemy in between.

Every answer carries the registry as it is now, with its stamp and the identity stamp, so that a caller
checks rights and finds the content in one round trip. SQLAlchemy Core halves the rate of these reads.
"""

from __future__ import annotations

import itertools
import queue
import re
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, Protocol

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import make_conninfo
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

from controlplane.persistence.database import KEEPALIVE, Database, DatabaseUnavailableError
from controlplane.persistence.wal_state import WalState

Row = tuple[Any, ...]
_CONNECTIONS = 4  # of a process to PostgreSQL; see _Postgres
_PATIENCE = 10  # seconds that a read waits for one of them
_ROWS_KEPT, _LARGEST_KEPT = 512, 32 * 1024  # rows, and bytes of a manifest: 16 MiB at the most


class RegistryView(NamedTuple):
    """A registry as the distribution plane sees it. See ``tables.registries`` for the columns."""

    id: int
    key: str
    name: str
    admin_enabled: bool
    anonymous_pull: bool
    role_assignment_mode: str
    arm_tokens_accepted: bool
    public_access: bool
    default_action: str
    ip_rules: str  # JSON, a list of CIDR texts
    stamp: int
    ready: bool
    identity_stamp: int
    tier: str
    quarantine: bool
    region: str  # of the endpoint that was asked
    endpoint: str  # its kind: login | regional | data
    size: int
    cached: bool  # it has cache rules


class ManifestView(NamedTuple):
    """A manifest as it is served; ``payload`` is None when only its head was asked for.

    ``locks`` are those of the manifest, its repository and the tag it was asked by (``domain.locks``).
    """

    id: int
    tag_id: int | None
    locks: int
    quarantine_state: str | None
    digest: str
    media_type: str
    size: int
    payload: bytes | None


class BlobView(NamedTuple):
    """A blob as it is served. ``locks`` are those of the repository."""

    size: int
    locks: int


_WIDTH = len(RegistryView._fields)
_REGISTRY = """
SELECT g.id, g.key, g.name, g.admin_enabled, g.anonymous_pull, g.role_assignment_mode,
       g.arm_tokens_accepted, g.public_access, g.default_action, CAST(g.ip_rules AS TEXT), g.stamp, g.ready,
       COALESCE(s.value, 0), g.tier, g.quarantine, e.region, e.kind, g.size, g.cached{columns}
FROM endpoints e
JOIN registries g ON g.id = e.registry_id
LEFT JOIN stamps s ON s.name = 'identity'
{joins}
WHERE e.host = ?
"""
_REPOSITORY = "LEFT JOIN repositories r ON r.registry_id = g.id AND r.name = ?\n"
_BY_TAG = (
    _REPOSITORY + "LEFT JOIN tags t ON t.repository_id = r.id AND t.name = ? AND t.until IS NULL\n"
    "LEFT JOIN manifests m ON m.id = t.manifest_id"
)
_BY_DIGEST = (
    _REPOSITORY + "LEFT JOIN manifests m ON m.repository_id = r.id AND m.digest = ? AND m.deleted_at IS NULL"
)
_BLOB = (
    _REPOSITORY + "LEFT JOIN repository_blobs l "
    "ON l.repository_id = r.id AND l.digest = ? AND l.released_at IS NULL\n"
    "LEFT JOIN blobs b ON b.digest = l.digest AND b.damaged_at IS NULL"
)
_ASKED = ", r.manifest_count, m.id, {tag}, m.quarantine_state, m.digest, m.media_type, m.size, {payload}"
_TAG = "t.id, m.locks | r.locks | t.locks"
_NO_TAG = "NULL, m.locks | r.locks"


def _manifest(joins: str, tag: str, payload: str) -> str:
    return _REGISTRY.format(columns=_ASKED.format(tag=tag, payload=payload), joins=joins)


# A process of one region answers that region's endpoints, and the login servers of registries that are there.
_HERE = """e.host = ? AND (e.region = '{region}' OR e.kind = 'login' AND EXISTS (
    SELECT 1 FROM replicas p WHERE p.registry_id = g.id AND p.region = '{region}' AND p.endpoint_enabled))"""


def _statements(region: str | None) -> dict[str, str]:
    """Return the statements by name; ``region`` is the one that a process answers for, None: all."""
    if region is None:
        return _STATEMENTS
    here = _HERE.format(region=region)
    return {
        name: text.replace("e.host = ?", here).replace("e.region, e.kind", f"'{region}', e.kind", 1)
        for name, text in _STATEMENTS.items()
    }


_STATEMENTS = {
    "registry": _REGISTRY.format(columns="", joins=""),
    "repository": _REGISTRY.format(columns=", r.locks", joins=_REPOSITORY),
    "tag": _manifest(_BY_TAG, _TAG, "m.payload"),
    "tag-head": _manifest(_BY_TAG, _TAG, "NULL"),
    "digest": _manifest(_BY_DIGEST, _NO_TAG, "m.payload"),
    "digest-head": _manifest(_BY_DIGEST, _NO_TAG, "NULL"),
    "blob": _REGISTRY.format(columns=", b.size, r.locks", joins=_BLOB),
}


class _Driver(Protocol):
    def one(self, name: str, parameters: tuple[str, ...]) -> Row | None: ...

    def close(self) -> None: ...


class HotReads:
    """The statements of the hot path over one database. Safe to share between threads, not across fork."""

    def __init__(self, database: Database, *, region: str | None = None) -> None:
        statements = _statements(region)
        url = sa.make_url(database.url)
        self._driver: _Driver
        if database.dialect == "sqlite":
            self._driver = _Sqlite(url.database or ":memory:", statements)
        else:
            plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
            self._driver = _Postgres(plain, statements)

    def registry(self, host: str) -> RegistryView | None:
        """Return the registry served at a host.

        Raises:
            DatabaseUnavailableError: the database did not answer (this and all other reads).
        """
        row = self._driver.one("registry", (host,))
        return None if row is None else RegistryView._make(row)

    def repository(self, host: str, repository: str) -> tuple[RegistryView, int] | None:
        """Return the registry at a host, and the locks of a repository of it (none, where there is none)."""
        row = self._driver.one("repository", (repository, host))
        return None if row is None else (RegistryView._make(row[:_WIDTH]), row[_WIDTH] or 0)

    def manifest(
        self, host: str, repository: str, reference: str, *, body: bool
    ) -> tuple[RegistryView, bool, ManifestView | None] | None:
        """Return the registry at a host, whether it has the repository, and the manifest referred to."""
        name = ("digest" if ":" in reference else "tag") + ("" if body else "-head")
        row = self._driver.one(name, (repository, reference, host))
        if row is None:
            return None
        found = None if row[_WIDTH + 1] is None else ManifestView._make(row[_WIDTH + 1 :])
        return RegistryView._make(row[:_WIDTH]), bool(row[_WIDTH]), found

    def blob(self, host: str, repository: str, digest: str) -> tuple[RegistryView, BlobView | None] | None:
        """Return the registry at a host and a blob, if the repository holds it and its bytes are good."""
        row = self._driver.one("blob", (repository, digest, host))
        if row is None:
            return None
        found = None if row[_WIDTH] is None else BlobView._make(row[_WIDTH:])
        return RegistryView._make(row[:_WIDTH]), found

    def close(self) -> None:
        """Close all connections."""
        self._driver.close()


class _Sqlite:
    """Connections of one file, each used by one thread at a time; the last one used is the next one.

    Rows that were read are good until something is committed, by whatever process: what many clients pull
    between two pushes is read once.
    """

    def __init__(self, path: str, statements: Mapping[str, str]) -> None:
        self._statements = statements
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque()
        self._lock = threading.Lock()
        self._state: WalState | None = None
        self._known: tuple[bytes, dict[tuple[str, ...], Row | None]] = (b"", {})

    def one(self, name: str, parameters: tuple[str, ...]) -> Row | None:
        if self._state is None:
            return self._read(name, parameters)
        # The state is older than the row, never newer: a commit in between makes the row be read again.
        now, known = self._state.now(), self._known
        if known[0] != now:
            known = self._known = (now, {})
        rows, key = known[1], (name, *parameters)
        try:
            return rows[key]
        except KeyError:
            row = self._read(name, parameters)
        if row is None or not isinstance(row[-1], bytes) or len(row[-1]) <= _LARGEST_KEPT:
            if len(rows) >= _ROWS_KEPT:
                rows.clear()
            rows[key] = row
        return row

    def _read(self, name: str, parameters: tuple[str, ...]) -> Row | None:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            row: Row | None = connection.execute(self._statements[name], parameters).fetchone()
        except sqlite3.OperationalError as error:
            connection.close()
            raise DatabaseUnavailableError(str(error)) from error
        self._idle.append(connection)
        return row

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            for pragma in ("busy_timeout=10000", "query_only=ON", "cache_size=-256", "mmap_size=268435456"):
                connection.execute(f"PRAGMA {pragma}")
            if self._state is None:
                self._watch()
        except sqlite3.OperationalError as error:
            raise DatabaseUnavailableError(str(error)) from error
        return connection

    def _watch(self) -> None:
        """Begin to keep rows, unless the database is one whose commits cannot be seen."""
        with self._lock, suppress(OSError, ValueError):
            if self._state is None:
                self._state = WalState(self._path)

    def close(self) -> None:
        if self._state is not None:
            self._state.close()
            self._state = None
        while self._idle:
            self._idle.pop().close()


class _Postgres:
    """A few connections whose statements are prepared once and then run by libpq alone.

    Few, because reads are short: two that take turns are quicker than sixteen that share the cores (measured:
    3,600 against 2,600 requests a second on two). Alone, because psycopg's cursors wait for an answer in
    several steps and take the interpreter's lock anew after each. In autocommit mode, because that saves
    two round trips a read.
    """

    def __init__(self, url: str, statements: Mapping[str, str]) -> None:
        self._url = url
        self._statements = {name: _numbered(text).encode() for name, text in statements.items()}
        self._slots: queue.SimpleQueue[psycopg.Connection[Row] | None] = queue.SimpleQueue()
        for _ in range(_CONNECTIONS):
            self._slots.put(None)  # connected when it is first needed

    def one(self, name: str, parameters: tuple[str, ...]) -> Row | None:
        try:
            connection = self._slots.get(timeout=_PATIENCE)
        except queue.Empty as error:
            raise DatabaseUnavailableError("no free connection for reads") from error
        try:
            if connection is not None:
                try:
                    return _run(connection.pgconn, name, parameters)
                except psycopg.OperationalError:  # the server has closed it, perhaps long ago
                    connection.close()
                    connection = None
            connection = self._connect()
            return _run(connection.pgconn, name, parameters)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailableError(str(error)) from error
        finally:
            self._slots.put(connection)

    def _connect(self) -> psycopg.Connection[Row]:
        url = make_conninfo(self._url, **KEEPALIVE)
        connection = psycopg.connect(url, autocommit=True, connect_timeout=_PATIENCE)
        for name, text in self._statements.items():
            _checked(connection.pgconn.prepare(name.encode(), text), ExecStatus.COMMAND_OK)
        return connection

    def close(self) -> None:
        for _ in range(_CONNECTIONS):
            with suppress(queue.Empty):
                connection = self._slots.get_nowait()
                if connection is not None:
                    connection.close()


def _numbered(statement: str) -> str:
    """Return a statement with the parameters in the form $1, $2, … of PostgreSQL."""
    numbers = itertools.count(1)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", statement)


def _run(connection: PGconn, name: str, parameters: tuple[str, ...]) -> Row | None:
    values = [parameter.encode() for parameter in parameters]
    result = connection.exec_prepared(name.encode(), values, result_format=Format.BINARY)
    if connection.status != ConnStatus.OK:  # a lost connection has no SQLSTATE that would tell
        raise psycopg.OperationalError(connection.get_error_message())
    _checked(result, ExecStatus.TUPLES_OK)
    if not result.ntuples:
        return None
    found = [result.get_value(0, column) for column in range(result.nfields)]
    readers = _READERS.get(name) or _READERS.setdefault(name, _readers(result))
    return tuple(None if value is None else read(value) for value, read in zip(found, readers, strict=True))


def _checked(result: PGresult, wanted: ExecStatus) -> None:
    if result.status != wanted:
        raise psycopg.errors.error_from_result(result)


def _readers(result: PGresult) -> tuple[Callable[[bytes], Any], ...]:
    return tuple(_READ[result.ftype(column)] for column in range(result.nfields))


# How values of the types that these statements return are read from PostgreSQL's binary format, by type id.
_READ: Mapping[int, Callable[[bytes], Any]] = {
    16: lambda found: found == b"\1",  # boolean
    17: bytes,  # bytea
    20: partial(int.from_bytes, byteorder="big", signed=True),  # bigint
    25: bytes.decode,  # text
}
# Those of each column by name of the statement, whose text decides what they are.
_READERS: dict[str, tuple[Callable[[bytes], Any], ...]] = {}
