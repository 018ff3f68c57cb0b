"""Rows 10 to 15 of the attacks: lists, documents and digests, beyond what hostile requests show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from controlplane.persistence.content_tables import tags
from controlplane.persistence.database import Database
from tests.support.distribution import (
    MANIFEST,
    Plane,
    RegistryClient,
    as_json,
    codes,
    descriptor,
    digest_of,
    image,
    json_of,
    plane_at,
)

MANY = 10_050


def multiply_tags(plane: Plane, count: int) -> None:
    """Copy the only tag many times."""
    with plane.services.database.write() as tx:
        row = tx.connection.execute(sa.select(tags)).mappings().one()
        copies = [{**row, "id": row["id"] + number, "name": f"t{number:06}"} for number in range(1, count)]
        tx.connection.execute(sa.insert(tags), copies)


class TestOnEachDatabase:
    @pytest.fixture
    def plane(self, tmp_path: Path, database: Database) -> Iterator[Plane]:
        plane = plane_at(tmp_path, database)
        yield plane
        plane.close()

    def test_a_list_without_a_limit_is_a_page(self, admin: RegistryClient, plane: Plane) -> None:
        """Row 10: ten thousand entries are all that one answer gives, whatever is asked."""
        admin.push_image("app", "t000000")
        multiply_tags(plane, MANY)
        for query in ("", "?n=999999999999999999"):
            answer = admin.get(f"/v2/app/tags/list{query}")
            assert len(json_of(answer)["tags"]) == 10_000
            assert answer.headers["Link"] == '</v2/app/tags/list?last=t009999&n=10000>; rel="next"'
        last = admin.get("/v2/app/tags/list?last=t009999&n=10000")
        assert (len(json_of(last)["tags"]), "Link" in last.headers) == (MANY - 10_000, False)

    @pytest.mark.parametrize("wanted", ["' OR 1=1 --", "%", "*/*", "application/%", "x" * 10_000])
    def test_a_filter_of_referrers_is_compared_and_nothing_else(
        self, admin: RegistryClient, wanted: str
    ) -> None:
        """Row 13."""
        subject = descriptor(b"s", MANIFEST)
        admin.push_image("app", "v1", subject=subject, artifactType="application/x-sbom")
        where = f"/v2/app/referrers/{subject['digest']}"
        answer = admin.get(where, query_string={"artifactType": wanted})
        assert (answer.status_code, json_of(answer)["manifests"]) == (200, [])

    @pytest.mark.parametrize(
        "changes",
        [
            {"annotations": {"a\0b": "c\0d"}, "subject": descriptor(b"s", MANIFEST)},
            {"annotations": {"lone": "\ud800"}, "subject": descriptor(b"s", MANIFEST)},
            {"annotations": {"k" * 100_000: "v" * 100_000}, "subject": descriptor(b"s", MANIFEST)},
            {"annotations": {"": ""}, "subject": descriptor(b"s", MANIFEST)},
            {"x-unknown": {"deep": [[[[{}]]]]}, "schemaVersion": 2},
        ],
    )
    def test_strange_documents_come_back_as_they_are(
        self, admin: RegistryClient, changes: dict[str, Any]
    ) -> None:
        """Row 11: what is stored is the bytes; what is read out of them never breaks a listing."""
        admin.push_blob("app", b"{}")
        payload = as_json(image(b"{}", []) | changes)
        assert admin.put_manifest("app", "v1", payload).status_code == 201
        assert admin.get("/v2/app/manifests/v1").data == payload
        for path in (f"/v2/app/referrers/{digest_of(b's')}", "/acr/v1/app/_manifests", "/acr/v1/app/_tags"):
            assert admin.get(path).status_code == 200, path


@pytest.mark.parametrize("query", ["n=-1", "n=1.0", "n=x", "n=", "last=%00", "last=" + "z" * 600])
def test_referrers_are_paged_as_strictly_as_the_rest(admin: RegistryClient, query: str) -> None:
    answer = admin.get(f"/v2/app/referrers/{digest_of(b's')}?{query}")
    assert (answer.status_code, codes(answer)) == (400, ["PAGINATION_NUMBER_INVALID"])


def test_a_subject_tells_nothing_about_other_repositories(admin: RegistryClient) -> None:
    """Row 13: referrers are those of one repository, even of a subject that several have."""
    for repository in ("public", "private"):
        subject = admin.push_image(repository, "v1")
    named = {"mediaType": MANIFEST, "digest": subject, "size": 300}
    admin.push_image("private", "sig", [b"signature"], subject=named)
    reader = admin.scoped("repository:public:pull")
    assert json_of(reader.get(f"/v2/public/referrers/{subject}"))["manifests"] == []
    assert reader.get(f"/v2/private/referrers/{subject}").status_code == 401


@pytest.mark.parametrize(
    "text",
    [
        b'{"schemaVersion":2,"schemaVersion":2,"config":%s,"layers":[]}',
        b'{"schemaVersion":2,"config":%s,"layers":[],"\\u006cayers":[]}',
        b'{"schemaVersion":2.0,"config":%s,"layers":[]}',
        b'{"schemaVersion":2,"config":%s,"layers":[]}garbage',
        b'{"schemaVersion":2,"config":%s,"layers":[]}\0',
        b'{"schemaVersion":2,"config":%s,"layers":[],"manifests":null}',
        b'{"SchemaVersion":2,"config":%s,"layers":[]}',
    ],
)
def test_documents_of_two_readings(admin: RegistryClient, text: bytes) -> None:
    """Row 11: a key spelled twice, even with escapes; numbers out of range; more than one document."""
    admin.push_blob("app", b"{}")
    config = as_json(descriptor(b"{}", "application/vnd.oci.image.config.v1+json"))
    answer = admin.put_manifest("app", "v1", text % config)
    assert answer.status_code == 400
    assert codes(answer) == ["MANIFEST_INVALID"]


@pytest.mark.parametrize("bytes_of", [b"another manifest", b""])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_manifest_under_another_digest(admin: RegistryClient, algorithm: str, bytes_of: bytes) -> None:
    """Row 15."""
    admin.push_blob("app", b"{}")
    payload = as_json(image(b"{}", []))
    answer = admin.put_manifest("app", digest_of(bytes_of, algorithm), payload)
    assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])
    assert admin.get(f"/v2/app/manifests/{digest_of(payload)}").status_code == 404


NO_DIGESTS = (
    "sha256:" + "A" * 64,
    "SHA256:" + "a" * 64,
    "sha512:" + "a" * 64,
    "sha256:" + "a" * 128,
    "md5:" + "a" * 32,
    "sha256:" + "g" * 64,
    ":" + "a" * 64,
    "sha256:" + "a" * 64 + ":x",
    "sha256+b64:" + "a" * 64,
)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_digests_that_are_none(admin: RegistryClient, method: str) -> None:
    """Row 15."""
    data = as_json(image(b"{}", [])) if method == "PUT" else None
    for digest in NO_DIGESTS:
        answer = admin.open(method, f"/v2/app/manifests/{digest}", data=data, content_type=MANIFEST)
        assert answer.status_code == 400, digest


def test_a_tag_tells_the_digest_that_was_pushed(admin: RegistryClient) -> None:
    """Row 15: content known by sha512 is not answered with the sha256 of the same bytes."""
    admin.push_blob("app", b"{}")
    payload = as_json(image(b"{}", []))
    digest = digest_of(payload, "sha512")
    assert admin.put_manifest("app", digest, payload, query_string={"tag": "v1"}).status_code == 201
    for reference in ("v1", digest):
        for method in ("GET", "HEAD"):
            answer = admin.open(method, f"/v2/app/manifests/{reference}")
            assert answer.headers["Docker-Content-Digest"] == digest
    assert admin.get(f"/v2/app/manifests/{digest_of(payload)}").status_code == 404


@pytest.mark.parametrize("length", [4, 9, 300])
def test_a_flood_of_names_costs_one_row_each(admin: RegistryClient, plane: Plane, length: int) -> None:
    """Row 12: a manifest that names one blob many times over is stored with one edge."""
    admin.push_blob("app", b"{}")
    admin.push_blob("app", b"layer")
    assert admin.put_manifest("app", "v1", image(b"{}", [b"layer"] * length)).status_code == 201
    with plane.services.database.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT COUNT(*) FROM manifest_edges").scalar() == 2
