"""What the driver for object stores asks of one: obstore behind the few verbs and errors used here.

The library is loaded and its store made at first use, in the process that uses it: its threads do not survive
a fork, and a process that never touches blobs should not pay for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from controlplane.blobs.object_feed import read_apart
from controlplane.blobs.store import StoreUnavailableError

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

PART = 8 * 1024 * 1024  # bytes of one part; a transfer holds three of them in memory at most
_MOST_PARTS = 9_000  # S3 takes 10,000
_PAGE = 1000
_LONGEST = 240
_QUERY = re.compile(r"[?]\S*")
_TIMEOUTS = {"connect_timeout": "5s", "read_timeout": "60s", "timeout": "24h"}
_RETRIES = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=15),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=2),
        "base": 2,
    },
}


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of a listing."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class ObjectClient:
    """One bucket or container. Safe to share between threads, and to make before a fork.

    Args:
        kind: ``s3``, ``az`` or ``gs``.
        bucket: its name.
        options: obstore's configuration of that kind of store.
        client: obstore's configuration of its HTTP client.
    """

    kind: str
    bucket: str
    options: Mapping[str, str] = field(repr=False)
    client: Mapping[str, Any] = field(repr=False)

    @cached_property
    def _store(self) -> S3Store | AzureStore | GCSStore:
        from obstore.store import AzureStore, GCSStore, S3Store  # noqa: PLC0415 - see the module

        kinds: dict[str, Any] = {"s3": S3Store, "az": AzureStore, "gs": GCSStore}
        store: S3Store | AzureStore | GCSStore = kinds[self.kind](
            self.bucket, config=dict(self.options), client_options=self._client, retry_config=_RETRIES
        )
        return store

    @property
    def _client(self) -> dict[str, Any]:
        return {**_TIMEOUTS, **self.client}

    @property
    def skips_natively(self) -> bool:
        """Whether the store lists from any name on.

        Azure's ``startFrom`` is ignored or refused by some of its services, so it is not relied on.
        """
        return self.kind != "az"

    def check(self) -> None:
        """Build the store once, without asking it anything.

        Raises:
            ValueError: an option is not one of this kind of store, or has no such value.
        """
        from obstore.exceptions import BaseError  # noqa: PLC0415

        try:
            _ = self._store
        except (BaseError, ValueError, TypeError) as error:
            raise ValueError(_told(error)) from None

    def put(self, key: str, content: bytes | bytearray) -> None:
        """Write an object in one request."""
        with _translated():
            self._obstore.put(self._store, key, content, use_multipart=False)

    def create(self, key: str, content: bytes) -> bool:
        """Write an object that is not there; False when it is. Of several callers one succeeds."""
        with _translated():
            try:
                self._obstore.put(self._store, key, content, mode="create")
            except self._obstore.exceptions.AlreadyExistsError:
                return False
        return True

    def put_all(self, key: str, chunks: Iterable[bytes], size: int) -> None:
        """Write an object of ``size`` bytes from chunks; it appears when all are there, or not at all.

        Raises:
            StoreUnavailableError: likewise, and for anything but ``size`` bytes.
        """
        part = max(PART, -(-size // _MOST_PARTS))
        with _translated(), read_apart(chunks) as read:
            self._obstore.put(
                self._store,
                key,
                _counted(read, size),
                use_multipart=True,
                chunk_size=part,
                max_concurrency=2,
            )

    def head(self, key: str) -> StoredObject | None:
        """Return size and time of an object; None when it is not there."""
        with _translated():
            try:
                found = self._obstore.head(self._store, key)
            except FileNotFoundError:
                return None
        return StoredObject(key, found["size"], found["last_modified"])

    def get(self, key: str, start: int, length: int | None, chunk: int) -> tuple[int, Iterator[bytes]] | None:
        """Open an object, or some bytes of it; return its whole size and chunks, None when it is not there.

        The chunks may end early when the store breaks off; whoever reads them counts.
        """
        options: Any = {} if start == 0 and length is None else {"range": _range(start, length)}
        with _translated():
            try:
                found = self._obstore.get(self._store, key, options=options)
            except FileNotFoundError:
                return None
            return found.meta["size"], _chunks(found.stream(min_chunk_size=chunk))

    def list(self, prefix: str, after: str | None = None) -> Iterator[StoredObject]:
        """Give the objects below a prefix in the order of their names, from the one after ``after``."""
        offset = after if self.skips_natively else None
        with _translated():
            for page in self._obstore.list(self._store, prefix, offset=offset, chunk_size=_PAGE):
                for row in page:
                    if after is None or row["path"] > after:
                        yield StoredObject(row["path"], row["size"], row["last_modified"])

    def folders(self, prefix: str) -> Sequence[str]:
        """Return the sorted names directly below a prefix that have something below them."""
        with _translated():
            found = self._obstore.list_with_delimiter(self._store, prefix)
        return sorted(path.rstrip("/").rsplit("/", 1)[-1] for path in found["common_prefixes"])

    def delete(self, keys: Sequence[str]) -> None:
        """Drop objects; those that are not there are no error."""
        if not keys:
            return
        with _translated():
            try:
                self._obstore.delete(self._store, list(keys))
            except FileNotFoundError:
                for key in keys:  # some stores end a batch at the first that is missing
                    with suppress(FileNotFoundError):
                        self._obstore.delete(self._store, key)

    def sign(self, key: str, seconds: int) -> str | None:
        """Return a URL that reads an object for a while; None when the credentials cannot sign."""
        with _translated():
            try:
                url: str = self._obstore.sign(self._store, "GET", key, timedelta(seconds=seconds))
            except self._obstore.exceptions.NotSupportedError:
                return None
        return url

    @cached_property
    def _obstore(self) -> Any:
        import obstore  # noqa: PLC0415 - see the module
        import obstore.exceptions  # noqa: PLC0415

        return obstore


@contextmanager
def _translated() -> Iterator[None]:
    """Make one error of all that a store can fail with; what is not the store's passes."""
    from obstore.exceptions import BaseError  # noqa: PLC0415

    try:
        yield
    except (BaseError, FileNotFoundError, OSError, ValueError) as error:
        raise StoreUnavailableError(_told(error)) from None


def _told(error: BaseException) -> str:
    """Return the first line of an error without the query of its URL, which may hold a signature."""
    line = _QUERY.sub("?...", str(error).partition("\n")[0])
    return f"{type(error).__name__}: {line}"[:_LONGEST]


def _range(start: int, length: int | None) -> Any:
    return {"offset": start} if length is None else (start, start + length)


def _chunks(stream: Iterable[Any]) -> Iterator[bytes]:
    with _translated():
        for chunk in stream:
            yield bytes(chunk)


def _counted(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    given = 0
    for chunk in chunks:
        given += len(chunk)
        yield chunk
    if given != size:
        raise StoreUnavailableError(f"{given} bytes are there of {size}")
