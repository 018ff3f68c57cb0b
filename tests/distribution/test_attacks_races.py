"""Rows 16 and 17 of the attacks: requests that hit one thing at one moment, on each kind of database.

Threads of two processes start together; whatever order wins, each answer is one of the few that are right,
and what was acknowledged is there in the end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from controlplane.persistence.database import Database
from controlplane.persistence.registries import RegistryRow
from tests.support.distribution import (
    Plane,
    RegistryClient,
    as_json,
    digest_of,
    image,
    json_of,
    plane_at,
)

Call = Callable[[], TestResponse]
ROUNDS = 6


@pytest.fixture
def plane(tmp_path: Path, database: Database) -> Iterator[Plane]:
    plane = plane_at(tmp_path, database)
    yield plane
    plane.close()


@pytest.fixture
def elsewhere(plane: Plane, registry: RegistryRow) -> RegistryClient:
    """The admin user at another process."""
    return plane.another_process().client().with_basic(registry.name, plane.admin_password(registry))


def at_once(*calls: Call) -> list[TestResponse]:
    """Make calls at the same moment; return their answers in the order given."""
    answers: dict[int, TestResponse] = {}
    start = threading.Barrier(len(calls))

    def run(number: int, call: Call) -> None:
        start.wait(20)
        answers[number] = call()

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = [answers[number] for number in range(len(calls))]
    assert [answer.text for answer in found if answer.status_code >= 500] == []
    return found


def manifest_with(client: RegistryClient, layer: bytes) -> bytes:
    """Push the blobs of an image; return its manifest."""
    for content in (b"{}", layer):
        client.push_blob("app", content)
    return as_json(image(b"{}", [layer]))


def test_pushes_of_one_tag_leave_one_of_them_and_lose_none(
    admin: RegistryClient, elsewhere: RegistryClient
) -> None:
    payloads = [manifest_with(admin, f"layer {number}".encode()) for number in range(8)]
    answers = at_once(
        *(
            partial(client.put_manifest, "app", "latest", payload)
            for payload, client in zip(payloads, [admin, elsewhere] * 4, strict=True)
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    assert admin.get("/v2/app/manifests/latest").data in payloads
    for payload in payloads:
        assert elsewhere.get(f"/v2/app/manifests/{digest_of(payload)}").data == payload
    shown = json_of(admin.get("/acr/v1/app"))
    assert (shown["tagCount"], shown["manifestCount"]) == (1, 8)


def test_a_push_that_is_acknowledged_survives_a_deletion_of_the_same_manifest(
    admin: RegistryClient, elsewhere: RegistryClient
) -> None:
    payload = manifest_with(admin, b"layer")
    path = f"/v2/app/manifests/{digest_of(payload)}"
    for _ in range(ROUNDS):
        assert admin.put_manifest("app", "v1", payload).status_code == 201
        deleted, pushed = at_once(
            partial(elsewhere.open, "DELETE", path), partial(admin.put_manifest, "app", "v1", payload)
        )
        assert (deleted.status_code, pushed.status_code) in {(202, 201), (202, 400)}
        there = admin.get(path)
        assert there.status_code in ({200, 404} if pushed.status_code == 201 else {404})
        if there.status_code == 200:
            assert admin.get(f"/v2/app/blobs/{digest_of(b'layer')}").data == b"layer"
        manifest_with(admin, b"layer")


def test_a_manifest_and_the_deletion_of_its_blob_never_both_succeed(
    admin: RegistryClient, elsewhere: RegistryClient
) -> None:
    """Whoever loses is told; a manifest that was taken has its blobs."""
    for number in range(ROUNDS):
        layer = f"layer {number}".encode()
        payload, blob = manifest_with(admin, layer), f"/v2/app/blobs/{digest_of(layer)}"
        deleted, pushed = at_once(
            partial(elsewhere.open, "DELETE", blob),
            partial(admin.put_manifest, "app", "v1", payload),
        )
        assert (deleted.status_code, pushed.status_code) in {(202, 400), (405, 201)}
        assert admin.get(blob).status_code == (200 if pushed.status_code == 201 else 404)


def test_a_mount_and_the_deletion_of_its_source(admin: RegistryClient, elsewhere: RegistryClient) -> None:
    """A mount that was acknowledged holds the bytes itself."""
    for number in range(ROUNDS):
        content = f"content {number}".encode()
        digest = admin.push_blob("source", content)
        query = {"mount": digest, "from": "source"}
        mounted, deleted = at_once(
            partial(admin.open, "POST", "/v2/app/blobs/uploads/", query_string=query),
            partial(elsewhere.open, "DELETE", f"/v2/source/blobs/{digest}"),
        )
        assert (mounted.status_code, deleted.status_code) in {(201, 202), (202, 202)}
        held = admin.get(f"/v2/app/blobs/{digest}")
        assert (held.status_code, held.data == content) == (
            (200, True) if mounted.status_code == 201 else (404, False)
        )


def test_a_pull_during_deletions_is_whole_or_refused(
    admin: RegistryClient, elsewhere: RegistryClient
) -> None:
    layer = bytes(range(256)) * 2000
    for _ in range(ROUNDS):
        payload = manifest_with(admin, layer)
        admin.put_manifest("app", "v1", payload)
        manifest, blob, deleted = at_once(
            partial(admin.get, "/v2/app/manifests/v1"),
            partial(admin.get, f"/v2/app/blobs/{digest_of(layer)}"),
            partial(elsewhere.open, "DELETE", "/acr/v1/app"),
        )
        assert deleted.status_code == 202
        for answer, whole in ((manifest, payload), (blob, layer)):
            assert answer.status_code == 404 or answer.data == whole


def test_a_deletion_happens_once(admin: RegistryClient, elsewhere: RegistryClient) -> None:
    for _ in range(ROUNDS):
        digest = admin.push_image("app", "v1")
        paths = ("/v2/app/manifests/v1", f"/v2/app/manifests/{digest}")
        for path in paths:
            answers = at_once(*(partial(c.open, "DELETE", path) for c in [admin, elsewhere] * 2))
            assert sorted(answer.status_code for answer in answers) == [202, 404, 404, 404]


def test_chunks_for_the_same_place_are_taken_once(admin: RegistryClient, elsewhere: RegistryClient) -> None:
    """Row 16: of many that send the same chunk one is taken; the others are told to look again."""
    where = admin.begin("app")
    chunk = b"x" * 1000

    def send(client: RegistryClient) -> TestResponse:
        return client.open("PATCH", where, data=chunk, headers={"Content-Range": "0-999"})

    answers = at_once(*(partial(send, client) for client in [admin, elsewhere] * 4))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 202
    assert set(statuses[1:]) <= {409, 416}
    assert admin.get(where).headers["Range"] == "0-999"
    done = elsewhere.open("PUT", where, query_string={"digest": digest_of(chunk)})
    assert done.status_code == 201


def test_an_upload_is_finished_once(admin: RegistryClient, elsewhere: RegistryClient) -> None:
    """Row 16."""
    for _ in range(ROUNDS):
        where = admin.begin("app")
        admin.open("PATCH", where, data=b"content")
        query = {"digest": digest_of(b"content")}
        answers = at_once(
            *(partial(client.open, "PUT", where, query_string=query) for client in [admin, elsewhere] * 2)
        )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses[0] == 201
        assert set(statuses[1:]) <= {404, 409}
        assert admin.get(f"/v2/app/blobs/{query['digest']}").data == b"content"
