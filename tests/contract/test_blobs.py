"""What every blob store promises; each driver is held to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controlplane.blobs.files import FilesDriver
from controlplane.blobs.memory import MemoryDriver
from controlplane.blobs.store import BlobMissingError, BlobStore, UploadBusyError, UploadMissingError
from controlplane.domain.digests import Digest, digest_of, parse_digest
from tests.support.object_stores import Bucket

UPLOAD = "0f0e0d0c-0b0a-4909-8807-060504030201"


@pytest.fixture(params=["files", "memory", "s3_bucket", "azure_container"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "files":
        return FilesDriver(tmp_path, "eastus")
    if request.param == "memory":
        return MemoryDriver()
    bucket: Bucket = request.getfixturevalue(request.param)
    return bucket.store()


def digest(content: bytes, algorithm: str = "sha256") -> Digest:
    return parse_digest(digest_of(content, algorithm))


def put(store: BlobStore, content: bytes, upload: str = UPLOAD) -> Digest:
    with store.write(upload, 0) as writer:
        writer.write(content)
        writer.finish(digest(content))
    return digest(content)


def read(store: BlobStore, wanted: Digest, start: int = 0, length: int | None = None) -> bytes:
    reader = store.open(wanted, start, length)
    try:
        return b"".join(reader)
    finally:
        reader.close()


@pytest.mark.parametrize("size", [0, 1, 128 * 1024, 1_000_001])
def test_bytes_come_back_as_they_were_written(store: BlobStore, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    wanted = put(store, content)
    assert store.size(wanted) == size
    assert read(store, wanted) == content
    assert store.open(wanted).length == size


def test_parts_are_read_by_range(store: BlobStore) -> None:
    wanted = put(store, b"0123456789")
    assert read(store, wanted, 3, 4) == b"3456"
    assert read(store, wanted, 9) == b"9"
    assert read(store, wanted, 4, 0) == b""


@pytest.mark.parametrize("part", [(5, 6), (11, None), (0, 11)])
def test_a_range_outside_of_the_blob_is_missing(store: BlobStore, part: tuple[int, int | None]) -> None:
    wanted = put(store, b"0123456789")
    with pytest.raises(BlobMissingError):
        store.open(wanted, *part)


def test_an_unknown_blob_is_missing(store: BlobStore) -> None:
    unknown = digest(b"never written")
    assert store.size(unknown) is None
    with pytest.raises(BlobMissingError):
        store.open(unknown)
    store.delete(unknown)


def test_a_blob_is_not_there_before_it_is_finished(store: BlobStore) -> None:
    content = b"half of it"
    with store.write(UPLOAD, 0) as writer:
        writer.write(content)
        assert store.size(digest(content)) is None
    assert store.size(digest(content)) is None


def test_an_upload_goes_on_where_it_was_left(store: BlobStore) -> None:
    with store.write(UPLOAD, 0) as writer:
        writer.write(b"one ")
        assert writer.offset == 4
    with store.write(UPLOAD, 4) as writer:
        assert writer.offset == 4
        writer.write(b"two")
        assert b"".join(writer.read()) == b"one two"
        writer.finish(digest(b"one two"))
    assert read(store, digest(b"one two")) == b"one two"


def test_an_upload_is_there_from_its_beginning_to_its_end(store: BlobStore) -> None:
    assert store.received(UPLOAD) is None
    with pytest.raises(UploadMissingError):
        store.write(UPLOAD)
    store.begin(UPLOAD)
    assert store.received(UPLOAD) == 0
    with store.write(UPLOAD) as writer:
        writer.write(b"one ")
        assert writer.flush() == 4
    assert store.received(UPLOAD) == 4
    with store.write(UPLOAD) as writer:
        assert writer.offset == 4
        writer.write(b"two")
        writer.finish(digest(b"one two"))
    assert store.received(UPLOAD) is None
    with pytest.raises(UploadMissingError):
        store.write(UPLOAD)


@pytest.mark.parametrize("how", ["flush", "finish"])
def test_an_upload_discarded_while_it_is_written_is_gone(store: BlobStore, how: str) -> None:
    store.begin(UPLOAD)
    with store.write(UPLOAD) as writer:
        writer.write(b"abc")
        store.discard(UPLOAD)
        with pytest.raises(UploadMissingError):
            writer.flush() if how == "flush" else writer.finish(digest(b"abc"))
    assert store.received(UPLOAD) is None
    assert store.size(digest(b"abc")) is None


def test_bytes_nobody_counted_can_be_dropped(store: BlobStore) -> None:
    with store.write(UPLOAD, 0) as writer:
        writer.write(b"counted and not")
    with store.write(UPLOAD, 7) as writer:
        writer.rewind(7)
        writer.write(b"!")
        assert b"".join(writer.read()) == b"counted!"


def test_an_upload_that_has_lost_bytes_is_missing(store: BlobStore) -> None:
    with store.write(UPLOAD, 0) as writer:
        writer.write(b"abc")
    with pytest.raises(UploadMissingError):
        store.write(UPLOAD, 4)
    with pytest.raises(UploadMissingError):
        store.write("unknown", 1)


def test_only_one_writes_at_a_time(store: BlobStore) -> None:
    with store.write(UPLOAD, 0) as writer:
        with pytest.raises(UploadBusyError):
            store.write(UPLOAD, 0)
        writer.write(b"a")
    store.write(UPLOAD, 1).close()


def test_others_see_what_has_been_written_or_are_told_that_they_cannot(store: BlobStore) -> None:
    seen = store.glimpse(UPLOAD, 0, 10)
    with store.write(UPLOAD, 0) as writer:
        writer.write(b"0123456789")
        if seen is None:
            assert store.glimpse(UPLOAD, 0, 10) is None
            return
        assert seen == b""
        assert store.glimpse(UPLOAD, 4, 100) == b"456789"
        assert store.glimpse(UPLOAD, 10, 100) == b""
        writer.finish(digest(b"0123456789"))
    assert store.glimpse(UPLOAD, 0, 100) == b""


def test_a_discarded_upload_is_gone(store: BlobStore) -> None:
    with store.write(UPLOAD, 0) as writer:
        writer.write(b"abc")
    store.discard(UPLOAD)
    store.discard(UPLOAD)
    with pytest.raises(UploadMissingError):
        store.write(UPLOAD, 3)


def test_a_blob_that_is_there_is_replaced_by_its_equal(store: BlobStore) -> None:
    wanted = put(store, b"same")
    reader = store.open(wanted)
    assert put(store, b"same", "another") == wanted
    assert b"".join(reader) == b"same"
    reader.close()
    assert read(store, wanted) == b"same"


def test_readers_go_on_when_a_blob_is_deleted(store: BlobStore) -> None:
    content = b"x" * 1_000_000
    wanted = put(store, content)
    reader = store.open(wanted)
    first = next(iter(reader))
    store.delete(wanted)
    assert store.size(wanted) is None
    assert first + b"".join(reader) == content
    reader.close()
    reader.close()


def test_both_algorithms_have_their_place(store: BlobStore) -> None:
    content = b"content"
    for algorithm in ("sha256", "sha512"):
        with store.write(UPLOAD, 0) as writer:
            writer.write(content)
            writer.finish(digest(content, algorithm))
        assert read(store, digest(content, algorithm)) == content


def test_many_write_the_same_blob_at_once(store: BlobStore) -> None:
    content = b"popular" * 100_000
    failures: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [
        threading.Thread(target=run, args=(lambda number=number: put(store, content, f"upload-{number}"),))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert read(store, digest(content)) == content


def test_what_is_not_flushed_is_kept_when_the_writer_closes(store: BlobStore) -> None:
    with store.write(UPLOAD, 0) as writer:
        writer.write(b"flushed ")
        assert writer.flush() == 8
        writer.write(b"or not")
    with store.write(UPLOAD, 14) as writer:
        assert b"".join(writer.read()) == b"flushed or not"


def test_large_uploads_go_on_part_by_part(store: BlobStore) -> None:
    content = bytes(range(256)) * 4096 * 20 + b"end"  # 20 MiB and a bit
    with store.write(UPLOAD, 0) as writer:
        writer.write(content[: 13 << 20])
    with store.write(UPLOAD, 13 << 20) as writer:
        writer.rewind(9 << 20)  # in the middle of a part
        for at in range(9 << 20, len(content), 1 << 20):
            writer.write(content[at : at + (1 << 20)])
        assert digest(b"".join(writer.read())) == digest(content)
        writer.finish(digest(content))
    assert store.size(digest(content)) == len(content)
    assert digest(read(store, digest(content))) == digest(content)
    assert read(store, digest(content), 9 << 20, 5) == content[9 << 20 : (9 << 20) + 5]
    with pytest.raises(UploadMissingError):
        store.write(UPLOAD, 1)


@pytest.mark.parametrize("offset", [0, 3, 8])
def test_what_is_dropped_does_not_come_back(store: BlobStore, offset: int) -> None:
    with store.write(UPLOAD, 0) as writer:
        writer.write(b"01234567")
    with store.write(UPLOAD, 8) as writer:
        writer.rewind(offset)
        writer.write(b"x")
        writer.flush()
        writer.rewind(offset)
    with store.write(UPLOAD, offset) as writer:
        writer.rewind(offset)
        writer.write(b"end")
    with store.write(UPLOAD, offset + 3) as writer:
        assert b"".join(writer.read()) == b"01234567"[:offset] + b"end"


def test_a_blob_is_as_old_as_its_last_finish(store: BlobStore) -> None:
    begin = datetime.now(UTC) - timedelta(seconds=2)  # some stores count whole seconds
    wanted = put(store, b"content")
    found = store.stat(wanted)
    assert found is not None
    assert found.size == 7
    assert begin <= found.modified <= datetime.now(UTC) + timedelta(seconds=2)
    assert store.stat(digest(b"another")) is None


def test_a_damaged_blob_is_set_aside(store: BlobStore) -> None:
    wanted = put(store, b"content")
    store.set_aside(wanted)
    store.set_aside(wanted)
    assert store.size(wanted) is None
    assert store.walk(None, 10) == []
    with pytest.raises(BlobMissingError):
        store.open(wanted)
    put(store, b"content")
    assert read(store, wanted) == b"content"


def test_a_walk_meets_all_blobs_in_order(store: BlobStore) -> None:
    contents = {str(digest(bytes([n]), kind)): n for n in range(20) for kind in ("sha256", "sha512")}
    for text, number in contents.items():
        with store.write(UPLOAD, 0) as writer:
            writer.write(bytes([number]))
            writer.finish(parse_digest(text))
    met: list[str] = []
    after: Digest | None = None
    while page := store.walk(after, 7):
        assert len(page) <= 7
        met += [str(blob.digest) for blob in page]
        after = page[-1].digest
        assert {blob.size for blob in page} == {1}
    assert met == sorted(contents)


def test_uploads_nobody_writes_to_are_idle(store: BlobStore) -> None:
    long_ago, soon = (datetime.now(UTC) + timedelta(seconds=seconds) for seconds in (-3600, 60))
    names = [f"upload-{number}" for number in range(5)]
    for name in names:
        with store.write(name, 0) as writer:
            writer.write(b"abc")
    assert store.idle_uploads(long_ago, 10) == []
    assert sorted(store.idle_uploads(soon, 10)) == names
    assert len(store.idle_uploads(soon, 2)) == 2
    for name in names:
        store.discard(name)
    assert store.idle_uploads(soon, 10) == []


class TestFiles:
    def test_an_upload_id_is_no_path(self, tmp_path: Path) -> None:
        store = FilesDriver(tmp_path, "eastus")
        for name in ("../blobs/x", "a/b", "", ".", "..", "a\0b", "x" * 65):
            with pytest.raises(UploadMissingError):
                store.write(name, 0)

    def test_blobs_lie_where_the_layout_says(self, tmp_path: Path) -> None:
        store = FilesDriver(tmp_path, "eastus")
        wanted = put(store, b"content")
        place = tmp_path / "eastus" / "blobs" / "sha256" / wanted.hex[:2] / wanted.hex
        assert place.read_bytes() == b"content"
        assert list((tmp_path / "eastus" / "uploads").iterdir()) == []

    def test_a_late_writer_cannot_touch_the_blob_its_upload_became(self, tmp_path: Path) -> None:
        store = FilesDriver(tmp_path, "eastus")
        with store.write(UPLOAD, 0) as writer:
            writer.write(b"content")
            writer.finish(digest(b"content"))
            with pytest.raises(UploadMissingError):
                store.write(UPLOAD, 7)
        late = store.write(UPLOAD, 0)
        late.write(b"scribble")
        late.close()
        assert read(store, digest(b"content")) == b"content"

    def test_a_file_that_lost_bytes_is_never_read_as_whole(self, tmp_path: Path) -> None:
        store = FilesDriver(tmp_path, "eastus")
        wanted = put(store, b"x" * 1_000_000)
        reader = store.open(wanted)
        next(reader)
        place = tmp_path / "eastus" / "blobs" / "sha256" / wanted.hex[:2] / wanted.hex
        place.write_bytes(b"x" * 200_000)
        with pytest.raises(BlobMissingError):
            b"".join(reader)
        reader.close()
