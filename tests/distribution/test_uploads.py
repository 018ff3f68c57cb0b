"""Uploads in every legal form, and what is tried with them: mounts, thieves, lies, chunk games."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from controlplane.blobs.files import FileWriter
from controlplane.persistence.registries import RegistryRow
from tests.support.distribution import Plane, RegistryClient, codes, digest_of
from tests.support.waiting import eventually

CONTENT = b"0123456789" * 1000


def patch(client: RegistryClient, where: str, data: bytes, content_range: str | None = None) -> Any:
    headers = {} if content_range is None else {"Content-Range": content_range}
    return client.open("PATCH", where, data=data, headers=headers)


def put(client: RegistryClient, where: str, digest: str, data: bytes = b"", **kwargs: Any) -> Any:
    return client.open("PUT", where, query_string={"digest": digest}, data=data, **kwargs)


def kept(client: RegistryClient, where: str) -> str:
    answer = client.get(where)
    assert answer.status_code == 204, answer.text
    return answer.headers["Range"]


class TestForms:
    def test_one_request(self, admin: RegistryClient) -> None:
        path = "/v2/app/blobs/uploads/"
        answer = admin.open("POST", path, query_string={"digest": digest_of(CONTENT)}, data=CONTENT)
        assert answer.status_code == 201
        assert answer.headers["Location"] == f"/v2/app/blobs/{digest_of(CONTENT)}"
        assert answer.headers["Docker-Content-Digest"] == digest_of(CONTENT)
        assert admin.get(answer.headers["Location"]).data == CONTENT

    def test_begin_and_put(self, admin: RegistryClient) -> None:
        where = admin.begin("app")
        assert put(admin, where, digest_of(CONTENT), CONTENT).status_code == 201
        assert admin.get(where).status_code == 404

    def test_one_patch_as_docker_sends_it(self, admin: RegistryClient) -> None:
        begun = admin.open("POST", "/v2/app/blobs/uploads/")
        assert begun.headers["Range"] == "0-0"
        sent = patch(admin, begun.headers["Location"], CONTENT)
        assert sent.status_code == 202
        assert sent.headers["Range"] == "0-9999"
        assert sent.headers["Docker-Upload-UUID"] == begun.headers["Docker-Upload-UUID"]
        assert put(admin, sent.headers["Location"], digest_of(CONTENT)).status_code == 201

    def test_chunks_and_the_last_one_in_the_put(self, admin: RegistryClient) -> None:
        where = admin.begin("app")
        for start in (0, 4000):
            patch(admin, where, CONTENT[start : start + 4000], f"{start}-{start + 3999}")
        assert kept(admin, where) == "0-7999"
        last = {"headers": {"Content-Range": "8000-9999"}}
        assert put(admin, where, digest_of(CONTENT), CONTENT[8000:], **last).status_code == 201
        assert admin.get(f"/v2/app/blobs/{digest_of(CONTENT)}").data == CONTENT

    def test_chunks_to_a_different_process_each(self, plane: Plane, admin: RegistryClient) -> None:
        planes = [plane, plane.another_process(), plane.another_process()]
        clients = [RegistryClient(one.application, admin.host, admin.authorization) for one in planes]
        where = clients[0].begin("app")
        for number, client in enumerate(clients):
            assert patch(client, where, CONTENT[number * 3000 : (number + 1) * 3000]).status_code == 202
        assert put(clients[0], where, digest_of(CONTENT), CONTENT[9000:]).status_code == 201
        for client in clients:
            assert client.get(f"/v2/app/blobs/{digest_of(CONTENT)}").data == CONTENT

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_an_empty_blob(self, admin: RegistryClient, algorithm: str) -> None:
        where = admin.begin("app")
        assert put(admin, where, digest_of(b"", algorithm)).status_code == 201
        assert admin.get(f"/v2/app/blobs/{digest_of(b'', algorithm)}").data == b""

    def test_a_body_without_a_length(self, admin: RegistryClient) -> None:
        """As a server passes on a chunked body: it ends where the stream does."""
        where = admin.begin("app")
        environ = {"wsgi.input": BytesIO(CONTENT), "wsgi.input_terminated": True}
        headers = {"Transfer-Encoding": "chunked"}
        answer = admin.open("PATCH", where, headers=headers, environ=environ)
        assert (answer.status_code, answer.headers["Range"]) == (202, "0-9999")

    def test_cancelling(self, admin: RegistryClient, plane: Plane) -> None:
        where = admin.begin("app")
        patch(admin, where, CONTENT)
        assert admin.open("DELETE", where).status_code == 204
        for answer in (admin.get(where), patch(admin, where, CONTENT), admin.open("DELETE", where)):
            assert (answer.status_code, codes(answer)) == (404, ["BLOB_UPLOAD_UNKNOWN"])
        folder = plane.services.settings.state_dir / "blobs" / "eastus" / "uploads"
        assert list(folder.iterdir()) == []


class TestThieves:
    """Row 2: an upload belongs to the one who began it, in the repository it was begun for."""

    def test_others_find_nothing(self, plane: Plane, registry: RegistryRow, admin: RegistryClient) -> None:
        where = admin.begin("app")
        patch(admin, where, CONTENT)
        robot = plane.add_principal(registry, "Owner")
        thief = plane.client().with_basic(robot.app_id, robot.secret)
        digest = digest_of(CONTENT)
        for answer in (
            thief.get(where),
            patch(thief, where, b"more"),
            put(thief, where, digest),
            thief.open("DELETE", where),
        ):
            assert (answer.status_code, codes(answer)) == (404, ["BLOB_UPLOAD_UNKNOWN"])
        assert put(admin, where, digest).status_code == 201

    def test_it_cannot_be_moved(self, plane: Plane, admin: RegistryClient) -> None:
        where = admin.begin("app")
        patch(admin, where, CONTENT)
        moved = where.replace("/app/", "/other/")
        for answer in (admin.get(moved), put(admin, moved, digest_of(CONTENT))):
            assert (answer.status_code, codes(answer)) == (404, ["BLOB_UPLOAD_UNKNOWN"])
        other = plane.client(plane.add_registry("other", "other.example.test"), "other.example.test")
        assert codes(other.get(where)) == ["BLOB_UPLOAD_UNKNOWN"]

    @pytest.mark.parametrize("upload", ["x", "..", "%2e%2e", "%00", "a" * 500, "é", "0" * 36])
    def test_ids_cannot_be_guessed_or_bent(self, admin: RegistryClient, upload: str) -> None:
        answer = admin.open("PATCH", f"/v2/app/blobs/uploads/{upload}", data=b"x")
        assert (answer.status_code, codes(answer)) == (404, ["BLOB_UPLOAD_UNKNOWN"])


class TestPaths:
    """An upload is what its path says; what is signed into it cannot be made up or carried over."""

    @pytest.fixture
    def elsewhere(self, plane: Plane, admin: RegistryClient) -> RegistryClient:
        """The same client at another process, which knows of an upload what its path says."""
        return RegistryClient(plane.another_process().application, admin.host, admin.authorization)

    def test_another_process_need_not_read_the_bytes_again(
        self, admin: RegistryClient, elsewhere: RegistryClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        where = patch(admin, admin.begin("app"), CONTENT).headers["Location"]

        def read(_writer: FileWriter) -> Iterator[bytes]:
            raise AssertionError

        monkeypatch.setattr(FileWriter, "read", read)
        assert put(elsewhere, where, digest_of(CONTENT)).status_code == 201

    def test_the_path_an_upload_began_with_stays_good(
        self, admin: RegistryClient, elsewhere: RegistryClient
    ) -> None:
        where = admin.begin("app")
        later = patch(admin, where, CONTENT[:5000]).headers["Location"]
        assert later != where
        patch(admin, where, CONTENT[5000:])
        assert kept(elsewhere, later) == kept(elsewhere, where) == "0-9999"
        assert put(elsewhere, later, digest_of(CONTENT)).status_code == 201

    def test_what_bytes_hash_to_is_not_believed_of_another_upload(
        self, admin: RegistryClient, elsewhere: RegistryClient
    ) -> None:
        other = b"x" * len(CONTENT)
        hashed = patch(admin, admin.begin("app"), CONTENT).headers["Location"].split(".", 3)[3]
        where = admin.begin("app")
        patch(admin, where, other)
        for forged in (f"{where}.{hashed}", f"{where}.{len(other)}.{digest_of(CONTENT)[7:]}.{'A' * 22}"):
            answer = put(elsewhere, forged, digest_of(CONTENT))
            assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])
        assert put(elsewhere, f"{where}.{hashed}", digest_of(other)).status_code == 201

    def test_no_part_can_be_changed(self, admin: RegistryClient) -> None:
        where = admin.begin("app")
        patch(admin, where, CONTENT)
        folder, upload = where.rpartition("/")[::2]
        name, region, signature = upload.split(".")
        other = admin.begin("app").rpartition("/")[2].split(".")[0]
        for changed in (
            f"{other}.{region}.{signature}",
            f"{name}.westus.{signature}",
            f"{name}..{signature}",
            f"{name}.{region}.{signature[::-1]}",
            f"{name}.{region}",
            name,
            f"{upload}.",
        ):
            answer = admin.get(f"{folder}/{changed}")
            assert (answer.status_code, codes(answer)) == (404, ["BLOB_UPLOAD_UNKNOWN"])


class TestDigestLies:
    """Row 15: what does not hash to its digest is never kept."""

    @pytest.mark.parametrize(
        "digest",
        [
            "",
            "sha256:",
            "sha256:" + "0" * 63,
            "sha256:" + "0" * 65,
            digest_of(b"x").upper(),
            "sha256:" + "G" * 64,
            "md5:" + "0" * 32,
            "sha512:" + "0" * 64,
            "sha256:..%2F..%2Fetc%2Fpasswd",
            digest_of(b"x") + "\n",
        ],
    )
    def test_malformed(self, admin: RegistryClient, digest: str) -> None:
        where = admin.begin("app")
        begin = admin.open("POST", "/v2/app/blobs/uploads/", query_string={"digest": digest}, data=b"x")
        for answer in (
            begin,
            put(admin, where, digest, b"x"),
            admin.get(f"/v2/app/blobs/{quote(digest) or 'x'}"),
        ):
            assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])
        assert kept(admin, where) == "0-0"

    def test_missing(self, admin: RegistryClient) -> None:
        answer = admin.open("PUT", admin.begin("app"), data=b"x")
        assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_wrong_in_one_request(self, admin: RegistryClient, plane: Plane, algorithm: str) -> None:
        digest = digest_of(b"something else", algorithm)
        answer = admin.open("POST", "/v2/app/blobs/uploads/", query_string={"digest": digest}, data=CONTENT)
        assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])
        assert admin.get(f"/v2/app/blobs/{digest}").status_code == 404
        assert admin.get(f"/v2/app/blobs/{digest_of(CONTENT)}").status_code == 404
        assert files_under(plane) == []

    def test_wrong_at_the_end_leaves_the_upload_as_it_was(self, admin: RegistryClient, plane: Plane) -> None:
        where = admin.begin("app")
        patch(admin, where, CONTENT[:5000])
        answer = put(admin, where, digest_of(CONTENT), b"not the rest")
        assert (answer.status_code, codes(answer)) == (400, ["DIGEST_INVALID"])
        assert kept(admin, where) == "0-4999"
        assert [path.parent.name for path in files_under(plane)] == ["uploads"]
        assert put(admin, where, digest_of(CONTENT), CONTENT[5000:]).status_code == 201

    def test_sha512_of_chunks_is_taken_from_the_bytes(self, admin: RegistryClient) -> None:
        where = admin.begin("app")
        patch(admin, where, CONTENT)
        assert codes(put(admin, where, digest_of(b"other", "sha512"))) == ["DIGEST_INVALID"]
        assert put(admin, where, digest_of(CONTENT, "sha512")).status_code == 201


class TestChunkGames:
    """Row 16: chunks come in order, whole, and one at a time."""

    @pytest.mark.parametrize("content_range", ["1-100", "4999-9998", "5001-10000", "0-4999", "bytes 9-9/*"])
    def test_out_of_order(self, admin: RegistryClient, content_range: str) -> None:
        where = admin.begin("app")
        patch(admin, where, CONTENT[:5000], "0-4999")
        first, last = content_range.removeprefix("bytes ").removesuffix("/*").split("-")
        data = b"x" * (int(last) - int(first) + 1)
        for answer in (
            patch(admin, where, data, content_range),
            put(admin, where, digest_of(CONTENT), data, headers={"Content-Range": content_range}),
        ):
            assert (answer.status_code, codes(answer)) == (416, ["BLOB_UPLOAD_INVALID"])
            assert answer.headers["Range"] == "0-4999"
        assert kept(admin, where) == "0-4999"

    def test_a_range_of_another_length_than_the_body(self, admin: RegistryClient) -> None:
        where = admin.begin("app")
        answer = patch(admin, where, b"x" * 10, "0-10")
        assert (answer.status_code, codes(answer)) == (400, ["SIZE_INVALID"])
        assert kept(admin, where) == "0-0"

    @pytest.mark.parametrize("content_range", ["", "x", "5-1", "-", "0-", "-1-5", "0-" + "9" * 30])
    def test_a_range_that_is_none(self, admin: RegistryClient, content_range: str) -> None:
        answer = patch(admin, admin.begin("app"), b"x", content_range)
        assert (answer.status_code, codes(answer)) == (400, ["BLOB_UPLOAD_INVALID"])

    @pytest.mark.parametrize("length", ["-1", "x", "1e3", "9" * 30, "१"])
    def test_a_length_that_is_none(self, admin: RegistryClient, length: str) -> None:
        environ = {"CONTENT_LENGTH": length}
        answer = admin.open("PATCH", admin.begin("app"), environ=environ)
        assert (answer.status_code, codes(answer)) == (400, ["SIZE_INVALID"])

    def test_a_body_that_ends_early_is_kept_as_far_as_it_came(self, admin: RegistryClient) -> None:
        where = admin.begin("app")
        environ = {"wsgi.input": BytesIO(CONTENT[:4000]), "CONTENT_LENGTH": "10000"}
        answer = admin.open("PATCH", where, environ=environ)
        assert (answer.status_code, codes(answer)) == (400, ["SIZE_INVALID"])
        assert kept(admin, where) == "0-3999"
        patch(admin, where, CONTENT[4000:], "4000-9999")
        assert put(admin, where, digest_of(CONTENT)).status_code == 201

    @pytest.mark.parametrize("whole", [True, False])
    def test_a_last_body_that_ends_early_leaves_nothing(self, admin: RegistryClient, whole: bool) -> None:
        digest = digest_of(CONTENT[:4000])  # of what arrives: it is refused for its length all the same
        environ = {"wsgi.input": BytesIO(CONTENT[:4000]), "CONTENT_LENGTH": "10000"}
        where = "/v2/app/blobs/uploads/" if whole else admin.begin("app")
        method = "POST" if whole else "PUT"
        answer = admin.open(method, where, query_string={"digest": digest}, environ=environ)
        assert (answer.status_code, codes(answer)) == (400, ["SIZE_INVALID"])
        assert admin.get(f"/v2/app/blobs/{digest}").status_code == 404
        if not whole:
            assert kept(admin, where) == "0-0"

    def test_a_second_writer_is_refused(self, admin: RegistryClient) -> None:
        where = admin.begin("app")
        gate, entered = threading.Event(), threading.Event()

        class Slow:
            def __init__(self) -> None:
                self.chunks = self.give()

            def give(self) -> Iterator[bytes]:
                yield CONTENT[:5000]
                entered.set()
                gate.wait(20)
                yield CONTENT[5000:]

            def read(self, size: int) -> bytes:
                assert size
                return next(self.chunks, b"")

        answers: list[Any] = []
        environ = {"wsgi.input": Slow(), "CONTENT_LENGTH": "10000"}
        thread = threading.Thread(
            target=lambda: answers.append(admin.open("PATCH", where, environ=environ)), daemon=True
        )
        thread.start()
        assert entered.wait(20)
        try:
            for answer in (patch(admin, where, b"x"), put(admin, where, digest_of(CONTENT))):
                assert (answer.status_code, codes(answer)) == (409, ["BLOB_UPLOAD_INVALID"])
        finally:
            gate.set()
            thread.join()
        assert answers[0].status_code == 202
        assert put(admin, where, digest_of(CONTENT)).status_code == 201

    def test_an_upload_cancelled_while_it_is_written_is_gone(
        self, admin: RegistryClient, plane: Plane
    ) -> None:
        where = admin.begin("app")

        class Cancelling:
            def __init__(self) -> None:
                self.left = [b"x" * 10, b"y" * 10]

            def read(self, size: int) -> bytes:
                assert size
                if len(self.left) == 1:
                    admin.open("DELETE", where)
                return self.left.pop(0) if self.left else b""

        environ = {"wsgi.input": Cancelling(), "CONTENT_LENGTH": "20"}
        assert codes(admin.open("PATCH", where, environ=environ)) == ["BLOB_UPLOAD_UNKNOWN"]
        assert eventually(lambda: files_under(plane) == [])


class TestRanges:
    @pytest.fixture
    def path(self, admin: RegistryClient) -> str:
        return f"/v2/app/blobs/{admin.push_blob('app', CONTENT)}"

    @pytest.mark.parametrize(
        ("wanted", "start", "end"),
        [
            ("bytes=0-99", 0, 99),
            ("bytes=9990-", 9990, 9999),
            ("bytes=-5", 9995, 9999),
            ("bytes=5-99999", 5, 9999),
        ],
    )
    def test_are_served(self, admin: RegistryClient, path: str, wanted: str, start: int, end: int) -> None:
        answer = admin.get(path, headers={"Range": wanted})
        assert answer.status_code == 206
        assert answer.data == CONTENT[start : end + 1]
        assert answer.headers["Content-Range"] == f"bytes {start}-{end}/10000"
        assert answer.headers["Content-Length"] == str(end - start + 1)

    @pytest.mark.parametrize("wanted", ["bytes=10000-", "bytes=10000-10005", "bytes=-0", "bytes=9-1"])
    def test_outside_are_refused(self, admin: RegistryClient, path: str, wanted: str) -> None:
        answer = admin.get(path, headers={"Range": wanted})
        assert answer.status_code == 416
        assert answer.headers["Content-Range"] == "bytes */10000"

    @pytest.mark.parametrize("wanted", ["", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,5-6", "lines=0-1"])
    def test_that_make_no_sense_are_ignored(self, admin: RegistryClient, path: str, wanted: str) -> None:
        answer = admin.get(path, headers={"Range": wanted})
        assert (answer.status_code, answer.data) == (200, CONTENT)

    def test_hold_only_for_the_content_they_were_made_for(self, admin: RegistryClient, path: str) -> None:
        etag = admin.get(path).headers["ETag"]
        for condition, status in ((etag, 206), ('"other"', 200)):
            headers = {"Range": "bytes=0-1", "If-Range": condition}
            assert admin.get(path, headers=headers).status_code == status


class TestLostBytes:
    """Row 25: a blob that lost bytes is never served, and a push heals it."""

    def place(self, plane: Plane, digest: str) -> Path:
        hexadecimal = digest.partition(":")[2]
        folder = plane.services.settings.state_dir / "blobs" / "eastus" / "blobs" / "sha256"
        return folder / hexadecimal[:2] / hexadecimal

    @pytest.mark.parametrize("left", [None, b"", CONTENT[:-1]])
    def test_are_an_unknown_blob(self, admin: RegistryClient, plane: Plane, left: bytes | None) -> None:
        digest = admin.push_blob("app", CONTENT)
        place = self.place(plane, digest)
        place.unlink() if left is None else place.write_bytes(left)
        path = f"/v2/app/blobs/{digest}"
        for answer in (admin.get(path), admin.open("HEAD", path)):
            assert answer.status_code == 404
        mounted = admin.open(
            "POST", "/v2/other/blobs/uploads/", query_string={"mount": digest, "from": "app"}
        )
        assert mounted.status_code == 202
        admin.push_blob("app", CONTENT)
        assert admin.get(path).data == CONTENT


def files_under(plane: Plane) -> list[Path]:
    """Return every file in the blob store."""
    folder = plane.services.settings.state_dir / "blobs"
    return [path for path in folder.rglob("*") if path.is_file()]
