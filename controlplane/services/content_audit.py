"""The audit: everything that is kept incrementally, counted again from what it is kept of.

It looks while the service goes on. Counters are compared within one statement; what is spread over several
(the bytes in the store) may be reported while it is just changing, and no longer when asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from controlplane.blobs.store import BlobStore
from controlplane.domain.digests import digest_of, parse_digest
from controlplane.domain.manifests import ManifestError, parse_manifest
from controlplane.kernel.clock import Clock
from controlplane.persistence import audit, content_blobs, content_repositories, registries
from controlplane.persistence.audit import StoredManifest
from controlplane.persistence.content_blobs import Holder
from controlplane.persistence.content_repositories import Counts
from controlplane.persistence.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that does not add up: what, where, as stored and as counted.

    ``fix`` corrects it; None: it cannot be, or only by pushing again.
    """

    what: str
    where: str
    stored: str
    counted: str
    fix: Callable[[Transaction], None] | None = None

    def __str__(self) -> str:
        return f"{self.what} of {self.where}: stored {self.stored}, counted {self.counted}"


class Audit:
    """Compares."""

    def __init__(self, database: Database, blobs: BlobStore, clock: Clock) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock

    def run(self, *, fix: bool = False) -> list[Difference]:
        """Return every difference; with ``fix`` those that can be are corrected, each in its own transaction.

        Raises:
            DatabaseUnavailableError: the database cannot be reached.
            StoreUnavailableError: the blob store cannot be reached.
        """
        found: list[Difference] = []
        # What holds a blob is put right before what adds up the blobs held.
        for look in (self._links, self._holdings, self._counters, self._tags, self._manifests, self._bytes):
            differences = list(look())
            found += differences
            for difference in differences if fix else ():
                if difference.fix is not None:
                    with self._database.write() as tx:
                        difference.fix(tx)
        return found

    def _links(self) -> Iterator[Difference]:
        with self._database.read() as tx:
            released, lost = audit.released_though_named(tx), audit.unqueued(tx)
        for repository_id, name, digest in released:
            yield Difference(
                "link", f"{name}@{digest}", "released", "named", self._taking_back(repository_id, digest)
            )
        for repository_id, name, digest in lost:
            yield Difference("review", f"{name}@{digest}", "none", "due", _queueing(repository_id, digest))

    def _holdings(self) -> Iterator[Difference]:
        with self._database.read() as tx:
            rows = audit.holdings(tx)
        for registry_id, digest, stored, counted in rows:
            where = f"registry {registry_id}, {digest}"
            yield Difference("links", where, str(stored), str(counted), _holding(registry_id, digest))

    def _counters(self) -> Iterator[Difference]:
        for table in ("repositories", "registries"):
            with self._database.read() as tx:
                rows = audit.counters(tx, table)
            for row in rows:
                where = f"{table} {row.name}"
                fix = _counting(row)
                yield Difference(row.column, where, str(row.stored), str(row.counted), fix)

    def _tags(self) -> Iterator[Difference]:
        with self._database.read() as tx:
            rows = audit.dangling_tags(tx)
        for repository, tag in rows:
            yield Difference("tag", f"{repository}:{tag}", "current", "names nothing")

    def _manifests(self) -> Iterator[Difference]:
        after = 0
        while True:
            with self._database.read() as tx:
                page = audit.manifests_after(tx, after)
            for row in page:
                yield from _manifest(row)
            if not page:
                return
            after = page[-1].id

    def _bytes(self) -> Iterator[Difference]:
        after = ""
        while True:
            with self._database.read() as tx:
                page = audit.blobs_after(tx, after)
            for digest, size in page:
                found = self._blobs.size(parse_digest(digest))
                if found != size:
                    yield Difference("bytes", digest, str(size), "none" if found is None else str(found))
            if not page:
                return
            after = page[-1][0]

    def _taking_back(self, repository_id: int, digest: str) -> Callable[[Transaction], None]:
        def fix(tx: Transaction) -> None:
            row = content_repositories.lock_by_id(tx, repository_id)
            if row is None:
                return
            holder = Holder(row.registry_id, row.id)
            growth = content_blobs.take_back(tx, holder, [digest], self._clock.now())
            content_repositories.count(tx, row.id, Counts(growth=growth.repository), row.updated_at)
            registries.add_size(tx, row.registry_id, growth.registry)

        return fix


def _queueing(repository_id: int, digest: str) -> Callable[[Transaction], None]:
    return lambda tx: audit.queue(tx, repository_id, digest)


def _holding(registry_id: int, digest: str) -> Callable[[Transaction], None]:
    return lambda tx: audit.hold_again(tx, registry_id, digest)


def _counting(row: audit.Counted) -> Callable[[Transaction], None]:
    return lambda tx: audit.count_again(tx, row)


def _manifest(row: StoredManifest) -> Iterator[Difference]:
    """Compare a manifest with its digest, and what it names with what is stored of that."""
    where = f"{row.repository}@{row.digest}"
    taken = digest_of(row.payload, parse_digest(row.digest).algorithm)
    if taken != row.digest:
        yield Difference("manifest", where, row.digest, taken)
        return
    try:
        named = {(edge.digest, edge.kind.value) for edge in parse_manifest(row.payload, row.media_type).edges}
    except ManifestError as error:
        yield Difference("manifest", where, row.media_type, str(error))
        return
    if named != row.edges:
        yield Difference("edges", where, str(len(row.edges)), str(len(named)))
