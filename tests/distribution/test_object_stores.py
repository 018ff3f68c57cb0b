"""The plane over object stores: S3 and Azure Blob Storage, each against a real server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from controlplane.domain.digests import parse_digest
from controlplane.persistence.database import Database
from tests.support.distribution import Plane, RegistryClient, codes, digest_of, plane_at
from tests.support.object_stores import Bucket
from tests.support.ports import free_port


@pytest.fixture
def plane(tmp_path: Path, sqlite_database: Database, bucket: Bucket) -> Iterator[Plane]:
    plane = plane_at(tmp_path, sqlite_database, **bucket.settings, blob_redirect_size=1024)
    yield plane
    plane.close()


def test_an_image_is_pushed_and_pulled(admin: RegistryClient) -> None:
    layers = [os.urandom(3_000_000), b"small", b""]
    digest = admin.push_image("app", "v1", layers)
    assert admin.get("/v2/app/manifests/v1").headers["Docker-Content-Digest"] == digest
    for layer in layers:
        path = f"/v2/app/blobs/{digest_of(layer)}"
        assert admin.get(path).data == layer
        assert admin.open("HEAD", path).headers["Content-Length"] == str(len(layer))
    path = f"/v2/app/blobs/{digest_of(layers[0])}"
    part = admin.get(path, headers={"Range": "bytes=1000000-1999999"})
    assert (part.status_code, part.data) == (206, layers[0][1_000_000:2_000_000])


def test_an_upload_goes_on_in_another_process(plane: Plane, admin: RegistryClient) -> None:
    content = os.urandom(20_000_003)
    address = admin.begin("app")
    other = plane.another_process().application
    planes = [admin, RegistryClient(other, authorization=admin.authorization)]
    for number, at in enumerate(range(0, len(content), 7_000_000)):
        piece = content[at : at + 7_000_000]
        headers = {"Content-Range": f"{at}-{at + len(piece) - 1}", "Content-Type": "application/octet-stream"}
        done = planes[number % 2].open("PATCH", address, data=piece, headers=headers)
        assert done.status_code == 202, done.text
        address = done.headers["Location"]
    done = planes[1].open("PUT", address, query_string={"digest": digest_of(content)})
    assert done.status_code == 201, done.text
    assert admin.get(f"/v2/app/blobs/{digest_of(content)}").data == content


def test_a_body_with_another_digest_leaves_nothing_to_pull(admin: RegistryClient, bucket: Bucket) -> None:
    address = admin.begin("app")
    done = admin.open("PUT", address, query_string={"digest": digest_of(b"other")}, data=b"x" * 9_000_000)
    assert codes(done) == ["DIGEST_INVALID"]
    assert list(bucket.store().walk(None, 10)) == []


def test_large_blobs_are_fetched_from_the_store_itself_after_the_rights_are_checked(
    tmp_path: Path, plane: Plane, admin: RegistryClient, nobody: RegistryClient
) -> None:
    large, small = os.urandom(100_000), b"small"
    admin.push_image("app", "v1", [large, small])
    settings = plane.services.settings
    redirecting = plane_at(
        tmp_path,
        plane.services.database,
        blob_url=settings.blob_url,
        blob_options=settings.blob_options,
        blob_redirect=True,
        blob_redirect_size=1024,
    )
    client = RegistryClient(redirecting.application, authorization=admin.authorization)
    stranger = RegistryClient(redirecting.application)
    path = f"/v2/app/blobs/{digest_of(large)}"
    answer = client.get(path)
    assert answer.status_code == 307
    assert answer.headers["Docker-Content-Digest"] == digest_of(large)
    assert requests.get(answer.headers["Location"], timeout=30).content == large
    assert client.open("HEAD", path).status_code == 200
    assert client.get(f"/v2/app/blobs/{digest_of(small)}").data == small
    assert stranger.get(path).status_code == nobody.get(path).status_code == 401
    plane.services.blobs.delete(parse_digest(digest_of(large)))
    assert codes(client.get(path)) == ["BLOB_UNKNOWN"]
    redirecting.close()


def test_a_store_that_is_down_is_a_503_and_nothing_is_acknowledged(
    tmp_path: Path, plane: Plane, admin: RegistryClient
) -> None:
    admin.push_image("app", "v1", [b"layer"])
    settings = plane.services.settings
    options = settings.blob_options.get_secret_value()
    port = str(urlsplit(options.partition("endpoint=")[2].partition(",")[0]).port)
    down = plane_at(
        tmp_path,
        plane.services.database,
        blob_url=settings.blob_url,
        blob_options=options.replace(port, str(free_port())),
    )
    client = RegistryClient(down.application, authorization=admin.authorization)
    address = admin.begin("app")
    for answer in (
        client.get(f"/v2/app/blobs/{digest_of(b'layer')}"),
        client.open("HEAD", f"/v2/app/blobs/{digest_of(b'layer')}"),
        client.open("POST", "/v2/app/blobs/uploads/"),
        client.get(address),
        client.open("PATCH", address, data=b"x"),
        client.open("PUT", address, data=b"x", query_string={"digest": digest_of(b"x")}),
        client.open("POST", "/v2/app/blobs/uploads/", data=b"x", query_string={"digest": digest_of(b"x")}),
    ):
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
    down.close()
    again = admin.open("PUT", address, data=b"x", query_string={"digest": digest_of(b"x")})
    assert again.status_code == 201, again.text
