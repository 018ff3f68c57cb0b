"""The review queues and what becomes of what they hold, on every database."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from controlplane.blobs.store import StoreUnavailableError
from controlplane.domain.digests import digest_of, parse_digest
from controlplane.persistence import content_reviews
from controlplane.persistence.database import Database
from controlplane.services.content_scrub import scrub
from tests.support.content import GRACES, Content

HOUR, MINUTE = 3600.0, 60.0


@pytest.fixture
def content(tmp_path: Path, database: Database) -> Content:
    return Content.begin(tmp_path, database)


@pytest.fixture
def on_sqlite(tmp_path: Path, sqlite_database: Database) -> Content:
    return Content.begin(tmp_path, sqlite_database)


def test_a_blob_nobody_names_is_released_then_unlinked_then_deleted(content: Content) -> None:
    digest = content.push_blob("app", b"left alone")
    content.do("review-links")
    content.clock.pass_by(GRACES["upload_grace"] - MINUTE)
    content.do("review-links", "review-blobs")
    assert content.blob("app", digest) == b"left alone"
    content.clock.pass_by(GRACES["upload_grace"] / 8)
    content.do("review-links", "review-blobs")
    assert content.blob("app", digest) is None
    assert content.stored() == {digest}
    assert content.differences() == []
    content.clock.pass_by(GRACES["release_grace"] * 1.2)
    content.do("review-links", "review-blobs")
    assert content.stored() == set()
    assert content.differences() == []


def test_what_a_manifest_names_stays_and_goes_with_the_last_one_that_does(content: Content) -> None:
    first = content.push_image("app", [b"shared", b"one"], "v1")
    second = content.push_image("app", [b"shared", b"two"], "v2")
    content.settle()
    assert len(content.stored()) == 4
    content.delete("app", first)
    content.settle()
    assert digest_of(b"one") not in content.stored()
    assert content.blob("app", digest_of(b"shared")) == b"shared"
    content.delete("app", second)
    content.settle()
    assert content.stored() == set()
    assert content.differences() == []


def test_a_push_takes_back_what_was_released(content: Content) -> None:
    digest = content.push_image("app", [b"layer"], "v1")
    content.delete("app", digest)
    content.do("review-links")
    assert content.blob("app", digest_of(b"layer")) is None
    content.clock.pass_by(GRACES["release_grace"] - MINUTE)
    content.do("review-links", "review-blobs")
    content.push_image("app", [b"layer"], "v2")
    content.settle()
    assert content.blob("app", digest_of(b"layer")) == b"layer"
    assert content.differences() == []


def test_a_blob_of_another_repository_stays_in_the_store(content: Content) -> None:
    content.push_image("one", [b"layer"], "v1")
    digest = content.push_image("two", [b"layer"], "v1")
    content.delete("two", digest)
    content.settle()
    assert content.blob("two", digest_of(b"layer")) is None
    assert content.blob("one", digest_of(b"layer")) == b"layer"


def test_a_locked_repository_is_left_for_later(tmp_path: Path, postgres_url: str) -> None:
    database = Database(postgres_url)
    content = Content.begin(tmp_path, database)
    for repository in ("busy", "idle"):
        content.push_blob(repository, repository.encode())
    content.clock.pass_by(GRACES["upload_grace"] * 1.2)
    with database.read() as tx:
        ids = content_reviews.due_links(tx, content.clock.now(), 10)
    with database.write() as tx:
        busy = content_reviews.lock(tx, min(ids))
        assert busy is not None
        content.do("review-links")
    assert content.blob("busy", digest_of(b"busy")) is not None
    assert content.blob("idle", digest_of(b"idle")) is None
    content.do("review-links")
    assert content.blob("busy", digest_of(b"busy")) is None
    database.dispose()


def test_bytes_put_there_just_now_are_not_deleted(content: Content) -> None:
    """The row is due, but a push has put the bytes there and not linked them yet."""
    digest = content.push_blob("app", b"bytes")
    content.services.deletions.blob(content.registry.id, "app", digest)
    content.do("review-blobs")
    assert content.stored() == {digest}
    content.clock.pass_by(GRACES["release_grace"] * 1.2)
    content.do("review-blobs")
    assert content.stored() == set()


def orphan(content: Content, digest: str) -> None:
    """Have a blob that nobody holds be due, its bytes old."""
    content.services.deletions.blob(content.registry.id, "app", digest)
    content.clock.pass_by(GRACES["release_grace"] * 1.2)


def test_a_push_whose_bytes_were_collected_before_it_linked_them_is_asked_again(content: Content) -> None:
    digest = content.push_blob("app", b"bytes")
    orphan(content, digest)
    place, wanted = content.place("app"), parse_digest(digest)
    upload = str(content.uploads.begin(place))
    uploads = content.uploads
    blobs = content.services.blobs
    finished, collected = threading.Event(), threading.Event()
    errors: list[BaseException] = []
    link = uploads._link  # noqa: SLF001 - the moment between storing and linking

    def late(*arguments: object) -> None:
        finished.set()
        assert collected.wait(10)
        link(*arguments)  # type: ignore[arg-type]

    uploads._link = late  # type: ignore[method-assign, assignment]  # noqa: SLF001

    def push() -> None:
        try:
            uploads.finish(place, upload, wanted, None, [b"bytes"])
        except StoreUnavailableError as error:
            errors.append(error)

    thread = threading.Thread(target=push)
    thread.start()
    assert finished.wait(10)
    content.clock.pass_by(GRACES["release_grace"] * 1.2)  # a push that stalls for longer than the grace
    content.do("review-blobs")
    collected.set()
    thread.join()
    assert blobs.stat(wanted) is None
    assert len(errors) == 1
    assert content.blob("app", digest) is None
    assert content.differences() == []
    content.push_blob("app", b"bytes")
    assert content.blob("app", digest) == b"bytes"


def test_a_link_made_while_a_blob_is_being_deleted_waits_and_fails(tmp_path: Path, postgres_url: str) -> None:
    database = Database(postgres_url)
    content = Content.begin(tmp_path, database)
    digest = content.push_blob("app", b"bytes")
    orphan(content, digest)
    wanted = parse_digest(digest)
    began: list[BaseException | None] = []

    def push() -> None:
        try:
            content.push_blob("other", b"bytes")
        except StoreUnavailableError as error:
            began.append(error)
        else:
            began.append(None)

    with database.write() as tx:
        assert content_reviews.lock_blob(tx, digest, content.clock.now())
        thread = threading.Thread(target=push)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        content_reviews.delete_blob(tx, digest)
        content.services.blobs.delete(wanted)
    thread.join()
    assert isinstance(began[0], StoreUnavailableError)
    assert content.differences() == []
    content.push_blob("other", b"bytes")
    assert content.blob("other", digest) == b"bytes"
    database.dispose()


def test_pushes_and_collection_at_once_lose_nothing(content: Content) -> None:
    stop = threading.Event()
    failures: list[BaseException] = []

    def collect() -> None:
        try:
            while not stop.is_set():
                content.clock.pass_by(GRACES["upload_grace"] / 3)
                content.do("review-links", "review-blobs", "search-orphans")
        except BaseException as error:  # noqa: BLE001 - told to the test, which runs in another thread
            failures.append(error)

    thread = threading.Thread(target=collect)
    thread.start()
    digest, refused = "", 0
    for number in range(25):
        try:
            new = content.push_image("app", [b"shared", b"%d" % number], "latest")
        except Exception as error:  # noqa: BLE001 - a client is told to try again, and does
            assert type(error).__name__ in {"_GoneError", "Failure"}, error  # noqa: PT017
            refused += 1
            continue
        assert content.blob("app", digest_of(b"shared")) == b"shared"
        if digest:
            content.delete("app", digest)
        digest = new
    stop.set()
    thread.join()
    assert failures == []
    assert refused < 25
    content.settle()
    assert len(content.stored()) == 3
    assert content.differences() == []


def test_bytes_without_a_row_are_found_and_go(content: Content) -> None:
    digest = parse_digest(digest_of(b"orphan"))
    with content.services.blobs.write("0f0e0d0c-0b0a-4909-8807-060504030201", 0) as writer:
        writer.write(b"orphan")
        writer.finish(digest)
    content.do("search-orphans", "review-blobs")
    assert content.stored() == {str(digest)}
    content.clock.pass_by(GRACES["upload_grace"] * 1.1)
    content.do("search-orphans", "review-blobs")
    assert content.stored() == set()


def test_rows_whose_links_went_with_their_registry_are_found(content: Content) -> None:
    content.push_image("app", [b"layer"], "v1")
    with content.services.database.write() as tx:
        tx.connection.execute(sa.text("DELETE FROM registries"))
    content.clock.pass_by(HOUR)
    content.do("search-orphans", "review-blobs")
    assert content.stored() == set()


def test_an_idle_upload_goes_whoever_began_it(content: Content) -> None:
    place = content.place("app")
    upload = str(content.uploads.begin(place))
    content.uploads.receive(place, upload, None, [b"half"])
    with content.services.blobs.write("0f0e0d0c-0b0a-4909-8807-060504030201", 0) as writer:
        writer.write(b"lost")
    content.do("reap-uploads")
    after = content.clock.now() + timedelta(days=30)
    assert len(content.services.blobs.idle_uploads(after, 10)) == 2
    content.clock.pass_by(content.services.settings.upload_lifetime + MINUTE)
    content.do("reap-uploads")
    content.do("reap-uploads")
    assert content.services.blobs.idle_uploads(after, 10) == []


# --- the scrub -------------------------------------------------------------------------------------------


def damage(content: Content, digest: str) -> None:
    """Change a byte of a stored blob, as a disk might."""
    (path,) = content.services.settings.state_dir.rglob(parse_digest(digest).hex)
    before = path.stat()
    path.write_bytes(b"X" + path.read_bytes()[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def lose(content: Content, digest: str) -> None:
    content.services.blobs.delete(parse_digest(digest))


@pytest.mark.parametrize("harm", [damage, lose])
def test_damaged_bytes_are_not_served_until_they_are_pushed_again(
    content: Content, harm: Callable[[Content, str], None]
) -> None:
    image = content.push_image("app", [b"layer", b"other"], "v1")
    digest = digest_of(b"layer")
    harm(content, digest)
    content.clock.pass_by(31 * 24 * HOUR)
    content.do("scrub")
    assert content.blob("app", digest) is None
    assert content.blob("app", digest_of(b"other")) == b"other"
    assert digest not in content.stored()
    assert content.push_image("app", [b"layer", b"other"], "v1") == image
    assert content.blob("app", digest) == b"layer"
    assert content.differences() == []


def test_what_was_verified_lately_is_not_read_again(on_sqlite: Content) -> None:
    digest = on_sqlite.push_blob("app", b"bytes")
    damage(on_sqlite, digest)
    on_sqlite.clock.pass_by(29 * 24 * HOUR)
    on_sqlite.do("scrub")
    assert on_sqlite.blob("app", digest) is not None
    on_sqlite.clock.pass_by(2 * 24 * HOUR)
    on_sqlite.do("scrub")
    assert on_sqlite.blob("app", digest) is None


def test_the_rate_holds_on_average(tmp_path: Path, sqlite_database: Database) -> None:
    content = Content.begin(tmp_path, sqlite_database, scrub_rate=10, scrub_days=0.0001)
    for number in range(6):
        content.push_blob("app", bytes([number]) * 1000)
    content.clock.pass_by(MINUTE)
    state, more = scrub(content.services, {})
    assert (more, verified(content)) == (False, 1)  # one is more than a minute's rate
    assert scrub(content.services, state)[1] is False
    assert verified(content) == 1
    content.clock.pass_by(MINUTE * 3)
    state, _ = scrub(content.services, state)
    assert verified(content) == 3
    assert float(state["credit"]) < 0


def verified(content: Content) -> int:
    """Return how many blobs were verified later than they were pushed."""
    with content.services.database.read() as tx:
        found = tx.connection.execute(sa.text("SELECT count(*) FROM blobs WHERE verified_at > created_at"))
        return int(found.scalar_one())
