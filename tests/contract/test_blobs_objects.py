"""What object stores promise besides the contract: leases, killed writers, outages, signed URLs."""

from __future__ import annotations

import json
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
import requests

from controlplane.blobs.choice import blob_store
from controlplane.blobs.object_client import PART, ObjectClient
from controlplane.blobs.object_lease import UploadFolder
from controlplane.blobs.object_uploads import ObjectWriter
from controlplane.blobs.objects import ObjectDriver
from controlplane.blobs.store import (
    BlobMissingError,
    StoreUnavailableError,
    UploadBusyError,
    UploadMissingError,
)
from controlplane.domain.digests import digest_of, parse_digest
from controlplane.settings.model import Settings
from tests.support.object_stores import Bucket
from tests.support.ports import free_port
from tests.support.processes import Process, python
from tests.support.waiting import eventually

UPLOAD = "0f0e0d0c-0b0a-4909-8807-060504030201"
CONTENT = b"content"
DIGEST = parse_digest(digest_of(CONTENT))


def keys(bucket: Bucket) -> list[str]:
    return [row.key for row in bucket.client.list("prefix")]


def test_objects_lie_where_the_layout_says(bucket: Bucket) -> None:
    with bucket.store().write(UPLOAD, 0) as writer:
        writer.write(CONTENT)
        writer.finish(DIGEST)
    assert keys(bucket) == [f"prefix/eastus/blobs/sha256/{DIGEST.hex[:2]}/{DIGEST.hex}"]
    bucket.store().set_aside(DIGEST)
    assert keys(bucket) == [f"prefix/eastus/damaged/sha256-{DIGEST.hex}"]


def test_nothing_is_left_of_a_discarded_upload(bucket: Bucket) -> None:
    with bucket.driver().write(UPLOAD, 0) as writer:
        writer.write(b"x" * (PART + 1))
    with bucket.driver().write(UPLOAD, 0) as writer:
        writer.write(b"x")
    bucket.driver().discard(UPLOAD)
    assert keys(bucket) == []


def test_an_upload_id_is_no_path(bucket: Bucket) -> None:
    for name in ("../blobs/x", "a/b", "", ".", "a\0b", "x" * 65):
        with pytest.raises(UploadMissingError):
            bucket.driver().write(name, 0)


def test_of_many_drivers_one_opens_an_upload(bucket: Bucket) -> None:
    opened: list[object] = []
    busy: list[object] = []

    def run() -> None:
        try:
            opened.append(bucket.driver().write(UPLOAD, 0))
        except UploadBusyError as error:
            busy.append(error)

    threads = [threading.Thread(target=run) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    assert len(opened) + len(busy) == 12


def test_a_silent_writer_is_taken_over_and_harms_nothing_when_it_wakes_up(bucket: Bucket) -> None:
    silent = bucket.driver(lease=2).write(UPLOAD, 0)
    silent.write(b"counted")
    silent.flush()
    silent.write(b" and never counted")

    def take_over() -> ObjectWriter | None:
        try:
            return bucket.driver(lease=2).write(UPLOAD, 7)
        except UploadBusyError:
            return None

    assert take_over() is None
    successor = eventually(take_over, within=10, every=0.2, what="the lease runs out")
    assert successor is not None
    with successor:
        successor.write(b" by the successor")
        successor.flush()
        with pytest.raises(StoreUnavailableError):
            silent.flush()
        with pytest.raises(StoreUnavailableError):
            silent.close()
        assert b"".join(successor.read()) == b"counted by the successor"
    with bucket.driver().write(UPLOAD, 24) as writer:
        assert b"".join(writer.read()) == b"counted by the successor"


def test_parts_of_a_writer_that_lost_its_lease_are_not_taken_for_later_ones(bucket: Bucket) -> None:
    folder = UploadFolder(bucket.client, f"prefix/eastus/uploads/{UPLOAD}", 60)
    for offset, epoch, content in ((0, 1, b"first"), (5, 3, b"third"), (5, 2, b"late"), (30, 2, b"stray")):
        bucket.client.put(folder.part_key(offset, epoch), content)
    with bucket.driver().write(UPLOAD, 10) as writer:
        assert b"".join(writer.read()) == b"firstthird"


def test_a_lost_part_is_never_finished_over(bucket: Bucket) -> None:
    content = b"x" * (2 * PART + 5)
    wanted = parse_digest(digest_of(content))
    driver = bucket.driver()
    with driver.write(UPLOAD, 0) as writer:
        writer.write(content)
        part = next(key for key in keys(bucket) if "part-" in key)
        bucket.client.delete([part])
        with pytest.raises(StoreUnavailableError):
            writer.finish(wanted)
    assert driver.size(wanted) is None
    with pytest.raises(UploadMissingError):
        driver.write(UPLOAD, len(content))


@pytest.mark.faults
def test_a_killed_writer_leaves_what_it_flushed_and_no_blob(bucket: Bucket, tmp_path: Path) -> None:
    command = python("tests.support.blob_writer", json.dumps(bucket.settings), UPLOAD)
    process = Process("writer", command, tmp_path / "log").start()
    process.wait_for(f"kept {12 << 20}")
    process.kill()
    kept = int(process.output().split()[-1])
    driver = bucket.driver(lease=1)

    def reopened() -> ObjectWriter | None:
        try:
            return driver.write(UPLOAD, kept)
        except UploadBusyError:
            return None

    assert list(driver.walk(None, 10)) == []
    writer = eventually(reopened, within=10, every=0.1, what="the dead writer's lease runs out")
    assert writer is not None
    with writer:
        writer.rewind(kept)
        writer.write(b"end")
        content = b"w" * kept + b"end"
        writer.finish(parse_digest(digest_of(content)))
    assert driver.size(parse_digest(digest_of(content))) == kept + 3
    assert [key for key in keys(bucket) if "/uploads/" in key] == []


@pytest.mark.faults
def test_an_upload_goes_on_after_its_store_was_away(s3_bucket: Bucket) -> None:
    driver = s3_bucket.driver()
    writer = driver.write(UPLOAD, 0)
    writer.write(b"counted")
    assert writer.flush() == 7
    writer.write(b" and not")
    s3_bucket.server.process.stop()
    try:
        with pytest.raises(StoreUnavailableError):
            writer.flush()
        with pytest.raises(StoreUnavailableError):
            writer.finish(DIGEST)
    finally:
        s3_bucket.server.start()
    assert driver.size(DIGEST) is None
    writer.rewind(7)
    writer.close()
    with driver.write(UPLOAD, 7) as again:
        assert b"".join(again.read()) == b"counted"


def test_memory_stays_flat_however_large_a_blob_is(bucket: Bucket) -> None:
    driver, chunk = bucket.driver(), b"m" * (1 << 20)
    tracemalloc.start()
    try:
        with driver.write(UPLOAD, 0) as writer:
            for _ in range(64):
                writer.write(chunk)
            writer.finish(DIGEST)  # stores take the caller's word for it
        reader = driver.open(DIGEST)
        assert sum(len(piece) for piece in reader) == 64 << 20
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * PART


def test_a_range_that_is_not_all_there_is_missing(bucket: Bucket) -> None:
    driver = bucket.driver()
    with driver.write(UPLOAD, 0) as writer:
        writer.write(CONTENT)
        writer.finish(DIGEST)
    for start, length in ((7, 1), (6, 2), (100, 1), (100, None), (0, 8)):
        with pytest.raises(BlobMissingError):
            driver.open(DIGEST, start, length)


def test_a_signed_url_serves_the_blob_to_those_who_have_it(bucket: Bucket) -> None:
    driver = bucket.driver()
    with driver.write(UPLOAD, 0) as writer:
        writer.write(CONTENT)
        writer.finish(DIGEST)
    url = driver.signed_url(DIGEST, 600)
    assert url is not None
    assert requests.get(url, timeout=30).content == CONTENT
    assert requests.get(url.partition("?")[0], timeout=30).status_code in {403, 404}


@pytest.mark.parametrize("kind", ["s3", "az"])
def test_a_store_that_is_down_is_unavailable_and_says_no_secret(kind: str) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    options = {
        "s3": {"endpoint": endpoint, "access_key_id": "name", "secret_access_key": "hush"},
        "az": {"endpoint": endpoint, "account_name": "name", "sas_key": "sv=1&sig=hush"},
    }[kind]
    client = ObjectClient(kind, "bucket", options, {"allow_http": True})
    driver = ObjectDriver(client, "", "eastus")
    assert "hush" not in repr(client)
    began = time.monotonic()
    for ask in (
        lambda: driver.size(DIGEST),
        lambda: driver.stat(DIGEST),
        lambda: driver.open(DIGEST),
        lambda: driver.write(UPLOAD, 0),
        lambda: driver.walk(None, 1),
        lambda: driver.delete(DIGEST),
        lambda: driver.set_aside(DIGEST),
    ):
        with pytest.raises(StoreUnavailableError) as caught:
            ask()
        assert "hush" not in str(caught.value)
    assert time.monotonic() - began < 30


class TestChoice:
    @pytest.mark.parametrize(
        ("url", "options"),
        [
            ("gs://bucket/prefix", ""),
            ("s3://bucket", "region=eu-central-1,access_key_id=a,secret_access_key=b="),
            ("azure://container/prefix", "account_name=name,account_key=a2V5"),
        ],
    )
    def test_the_scheme_chooses_the_driver(self, url: str, options: str) -> None:
        settings = Settings.model_validate({"blob_url": url, "blob_options": options})
        assert isinstance(blob_store(settings), ObjectDriver)

    @pytest.mark.parametrize(
        ("url", "options"),
        [
            ("ftp://host/path", ""),
            ("s3:///prefix", ""),
            ("s3://bucket", "secret_access_key"),
            ("s3://bucket", "account_name=name"),
            ("az://container", "account_key=hush"),
            ("gs://bucket", "service_account_key=hush"),
        ],
    )
    def test_a_mistake_is_named_and_no_secret(self, url: str, options: str) -> None:
        settings = Settings.model_validate({"blob_url": url, "blob_options": options})
        with pytest.raises(ValueError, match=r"ACRCTL_BLOB_(URL|OPTIONS)") as caught:
            blob_store(settings)
        assert "hush" not in str(caught.value)
        assert "hush" not in repr(settings)

    def test_google_urls_are_signed_with_the_service_account(self, tmp_path: Path) -> None:
        # No server of Google's can be installed; what is signed can be looked at.
        private = _private_key()
        account = {
            "private_key": private,
            "private_key_id": "1",
            "client_email": "robot@project.iam.example",
            "gcs_base_url": "https://storage.example",
            "disable_oauth": False,
        }
        path = tmp_path / "account.json"
        path.write_text(json.dumps(account))
        settings = {"blob_url": "gs://bucket/prefix", "blob_options": f"service_account={path}"}
        url = blob_store(Settings.model_validate(settings)).signed_url(DIGEST, 60)
        assert url is not None
        assert f"/bucket/prefix/eastus/blobs/sha256/{DIGEST.hex[:2]}/{DIGEST.hex}?" in url
        assert "X-Goog-Signature=" in url


def _private_key() -> str:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, pem, plain).decode()
