"""Rows 3, 4, 10 to 14 of the attacks: names, numbers and documents made to confuse or to exhaust."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest

from controlplane.persistence.registries import RegistryRow
from tests.support.distribution import (
    INDEX,
    MANIFEST,
    Plane,
    RegistryClient,
    as_json,
    codes,
    descriptor,
    digest_of,
    image,
    json_of,
)

NAMES = [
    "..",
    "a/../b",
    "a//b",
    "/a",
    "a/",
    "A",
    "-a",
    "a-",
    "a..b",
    "a.-b",
    "a___b",
    "a b",
    "a\0b",
    "a\nb",
    "ä",
    "аpp",  # noqa: RUF001 - a Cyrillic letter is the point
    "a:b",
    "a@b",
    "a%2fb",
    "%2e%2e",
    "a\\b",
    "_a",
    "a/_tags",
    "x" * 256,
    "a/" * 200 + "a",
]


class TestNames:
    """Row 14: a name is one of the grammar, or nothing is looked at."""

    @pytest.mark.parametrize("name", NAMES)
    def test_outside_of_the_grammar_are_refused(self, admin: RegistryClient, name: str) -> None:
        path = quote(name)
        for method, where in (
            ("GET", f"/v2/{path}/manifests/v1"),
            ("PUT", f"/v2/{path}/manifests/v1"),
            ("GET", f"/v2/{path}/blobs/{digest_of(b'')}"),
            ("POST", f"/v2/{path}/blobs/uploads/"),
            ("GET", f"/v2/{path}/tags/list"),
            ("GET", f"/acr/v1/{path}/_manifests"),
            ("DELETE", f"/acr/v1/{path}"),
        ):
            answer = admin.open(method, where)
            assert answer.status_code in {400, 404}, where
            assert set(codes(answer)) <= {"NAME_INVALID", "NAME_UNKNOWN"}, where

    @pytest.mark.parametrize(
        "name",
        [
            "manifests",
            "blobs/uploads",
            "a/manifests/b",
            "a/blobs/b",
            "a/tags/list",
            "a/referrers",
            "v2",
            "acr/v1",
            "0",
            "a.b_c__d--e/f",
            "x" * 255,
        ],
    )
    def test_with_words_of_the_api_are_names_like_any_other(self, admin: RegistryClient, name: str) -> None:
        digest = admin.push_image(name, "latest")
        assert admin.get(f"/v2/{name}/manifests/latest").headers["Docker-Content-Digest"] == digest
        assert admin.get(f"/v2/{name}/tags/list").json == {"name": name, "tags": ["latest"]}
        assert json_of(admin.get(f"/acr/v1/{quote(name, safe='')}"))["imageName"] == name
        where = admin.begin(name)
        assert admin.get(where).status_code == 204

    @pytest.mark.parametrize("tag", ["", ".a", "-a", "a b", "a\0", "ä", "x" * 129, "a/b", "..", "a\n", "%2e"])
    def test_of_tags_are_refused_as_well(self, admin: RegistryClient, tag: str) -> None:
        admin.push_image("app", "v1")
        path = quote(tag, safe="")
        for method, where in (
            ("GET", f"/v2/app/manifests/{path}"),
            ("PUT", f"/v2/app/manifests/{path}"),
            ("DELETE", f"/v2/app/manifests/{path}"),
            ("GET", f"/acr/v1/app/_tags/{path}"),
            ("DELETE", f"/acr/v1/app/_tags/{path}"),
        ):
            answer = admin.open(method, where, data=b"{}" if method == "PUT" else None)
            assert answer.status_code in {400, 404}, where

    def test_percent_encoded_as_the_sdks_send_them_are_understood(self, admin: RegistryClient) -> None:
        digest = admin.push_image("sdk/app", "v1")
        path = f"/acr/v1/sdk%2Fapp/_manifests/{quote(digest, safe='')}"
        assert json_of(admin.get(path))["manifest"]["digest"] == digest
        assert admin.get("/v2/sdk%2Fapp/manifests/v1").status_code == 200


class TestPaging:
    """Row 10: pages are bounded whatever is asked, and ``last`` is a name, not a statement."""

    PATHS = (
        "/v2/_catalog",
        "/acr/v1/_catalog",
        "/v2/app/tags/list",
        "/acr/v1/app/_tags",
        "/acr/v1/app/_manifests",
    )

    @pytest.mark.parametrize("n", ["-1", "x", "1.5", "1e3", " 1", "٣", "9" * 19, "0x10", ""])
    def test_numbers_that_are_none_are_refused(self, admin: RegistryClient, n: str) -> None:
        admin.push_image("app", "v1")
        for path in self.PATHS:
            answer = admin.get(path, query_string={"n": n})
            assert (answer.status_code, codes(answer)) == (400, ["PAGINATION_NUMBER_INVALID"]), path

    def test_a_huge_number_gives_a_page(self, admin: RegistryClient) -> None:
        admin.push_image("app", "v1")
        for path in self.PATHS:
            assert admin.get(path, query_string={"n": "9" * 18}).status_code == 200

    def test_none_are_none(self, admin: RegistryClient) -> None:
        admin.push_image("app", "v1")
        answer = admin.get("/v2/app/tags/list?n=0")
        assert (json_of(answer)["tags"], answer.headers.get("Link")) == ([], None)

    @pytest.mark.parametrize(
        "last", ["' OR 1=1 --", "%", "z" * 513, "a\0", "\ud7ff", "\x7f", '";DROP TABLE tags']
    )
    def test_last_is_compared_and_nothing_else(self, admin: RegistryClient, last: str) -> None:
        admin.push_image("app", "v1")
        for path in self.PATHS:
            answer = admin.get(path, query_string={"last": last})
            assert answer.status_code in {200, 400}, path
        assert json_of(admin.get("/v2/app/tags/list"))["tags"] == ["v1"]

    def test_pages_lead_through_everything_once(self, admin: RegistryClient) -> None:
        manifest = admin.push_image("app", "v0")
        payload = admin.get(f"/v2/app/manifests/{manifest}").data
        for number in range(1, 7):
            admin.put_manifest("app", f"v{number}", payload)
        for path, member in (("/v2/app/tags/list", "tags"), ("/acr/v1/app/_tags", "tags")):
            for order in ("none", "timeasc", "timedesc"):
                seen, where = [], f"{path}?n=3&orderby={order}"
                while where:
                    answer = admin.get(where)
                    seen += [t if isinstance(t, str) else t["name"] for t in json_of(answer)[member]]
                    where = answer.headers.get("Link", "<>")[1:].partition(">")[0]
                expected = [f"v{number}" for number in range(7)]
                assert seen == (expected[::-1] if order == "timedesc" and "acr" in path else expected)

    def test_catalogs_list_what_has_content(self, admin: RegistryClient, plane: Plane) -> None:
        for name in ("b", "a/x", "c"):
            admin.push_image(name, "v1")
        admin.begin("empty")
        other = plane.add_registry("other", "other.example.test")
        plane.client(other, "other.example.test").push_image("elsewhere", "v1")
        assert admin.get("/v2/_catalog").json == {"repositories": ["a/x", "b", "c"]}
        page = admin.get("/v2/_catalog?n=2")
        assert page.headers["Link"] == '</v2/_catalog?last=b&n=2>; rel="next"'
        assert admin.get("/v2/_catalog?n=2&last=b").json == {"repositories": ["c"]}


def refuse(admin: RegistryClient, payload: Any, media_type: str | None = MANIFEST) -> None:
    admin.push_blob("app", b"{}")
    answer = admin.put_manifest("app", "v1", payload, media_type)
    assert (answer.status_code, codes(answer)) == (400, ["MANIFEST_INVALID"]), answer.text
    assert admin.get("/v2/app/manifests/v1").status_code == 404


class TestConfusion:
    """Row 11: no document that two readers could take for different things."""

    def test_members_of_an_image_and_of_an_index(self, admin: RegistryClient) -> None:
        both = image(b"{}", []) | {"manifests": []}
        refuse(admin, both)
        refuse(admin, both | {"mediaType": INDEX}, INDEX)
        refuse(admin, image(b"{}", []) | {"fsLayers": []})

    def test_a_media_type_that_is_not_the_content_type(self, admin: RegistryClient) -> None:
        refuse(admin, image(b"{}", []), INDEX)
        refuse(admin, image(b"{}", []), "application/vnd.docker.distribution.manifest.v2+json")
        refuse(admin, image(b"{}", []), "text/plain")
        refuse(admin, image(b"{}", []), "application/x-www-form-urlencoded")

    def test_no_type_at_all(self, admin: RegistryClient) -> None:
        document = image(b"{}", [])
        del document["mediaType"]
        refuse(admin, document, None)
        admin.put_manifest("app", "typed", document)
        assert admin.get("/v2/app/manifests/typed").headers["Content-Type"] == MANIFEST
        assert admin.put_manifest("app", "own", image(b"{}", []), None).status_code == 201

    def test_an_image_called_an_index(self, admin: RegistryClient) -> None:
        document = image(b"{}", [])
        del document["mediaType"]
        refuse(admin, document, INDEX)
        refuse(admin, {"schemaVersion": 2, "manifests": []}, MANIFEST)

    def test_a_key_twice(self, admin: RegistryClient) -> None:
        text = as_json(image(b"{}", []))
        refuse(admin, text[:-1] + b', "config": {}}')
        refuse(admin, text.replace(b'"size": 2', b'"size": 2, "size": 2'))

    @pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
    def test_byte_order_marks_and_other_encodings(self, admin: RegistryClient, codec: str) -> None:
        refuse(admin, json.dumps(image(b"{}", [])).encode(codec))

    @pytest.mark.parametrize(
        "payload", [b"", b"{", b"[]", b"null", b'"x"', b"{}", b"\xff", b"{}{}", b'{"a": NaN}', b"\0"]
    )
    def test_what_is_no_document(self, admin: RegistryClient, payload: bytes) -> None:
        refuse(admin, payload)

    @pytest.mark.parametrize(
        "changes",
        [
            {"schemaVersion": 1},
            {"schemaVersion": True},
            {"schemaVersion": "2"},
            {"mediaType": 5},
            {"mediaType": "application/vnd.docker.distribution.manifest.v1+json"},
            {"config": None},
            {"config": []},
            {"config": {"mediaType": "a/b", "digest": digest_of(b"{}")}},
            {"config": {"mediaType": "a\0/b", "digest": digest_of(b"{}"), "size": 2}},
            {"config": {"mediaType": "a/b", "digest": "sha256:x", "size": 2}},
            {"config": {"mediaType": "a/b", "digest": digest_of(b"{}"), "size": -1}},
            {"config": {"mediaType": "a/b", "digest": digest_of(b"{}"), "size": 1.0}},
            {"config": {"mediaType": "a/b", "digest": digest_of(b"{}"), "size": True}},
            {"config": {"mediaType": "a/b", "digest": digest_of(b"{}"), "size": 3}},
            {"layers": {}},
            {"layers": [[]]},
            {"layers": None},
            {"subject": "x"},
            {"subject": {"digest": digest_of(b"")}},
            {"artifactType": "no media type"},
            {"artifactType": 1},
            {"annotations": []},
            {"annotations": {"a": 1}},
        ],
    )
    def test_members_of_the_wrong_kind(self, admin: RegistryClient, changes: dict[str, Any]) -> None:
        refuse(admin, image(b"{}", []) | changes)

    def test_an_old_manifest(self, admin: RegistryClient) -> None:
        old = {"schemaVersion": 1, "name": "app", "tag": "v1", "fsLayers": [], "history": []}
        refuse(admin, old, "application/vnd.docker.distribution.manifest.v1+prettyjws")

    def test_annotations_with_strange_letters_are_data(self, admin: RegistryClient) -> None:
        admin.push_blob("app", b"{}")
        strange = {"a\u0000b": "\ud800", "emoji": "\U0001f600", "quote": "'\";--"}
        manifest = image(b"{}", []) | {"annotations": strange, "subject": descriptor(b"s", MANIFEST)}
        assert admin.put_manifest("app", "v1", manifest).status_code == 201
        shown = json_of(admin.get(f"/v2/app/referrers/{digest_of(b's')}"))["manifests"][0]
        assert shown["annotations"] == strange


class TestExhaustion:
    """Row 12: what is too much is refused early, and memory stays flat."""

    def test_a_manifest_of_more_than_four_mebibytes(self, admin: RegistryClient, plane: Plane) -> None:
        limit = plane.services.settings.manifest_limit
        answer = admin.put_manifest("app", "v1", b" " * (limit + 1))
        assert (answer.status_code, codes(answer)) == (413, ["SIZE_INVALID"])
        environ = {"wsgi.input": BytesIO(b" " * (limit + 1)), "wsgi.input_terminated": True}
        headers = {"Content-Type": MANIFEST}
        answer = admin.open("PUT", "/v2/app/manifests/v1", headers=headers, environ=environ)
        assert answer.status_code == 413

    def test_an_announced_length_is_believed_before_a_byte_is_read(self, admin: RegistryClient) -> None:
        class Untouchable:
            def read(self, size: int) -> bytes:
                raise AssertionError(f"{size} bytes were read")

        environ = {"wsgi.input": Untouchable(), "CONTENT_LENGTH": str(10**15)}
        answer = admin.open("PUT", "/v2/app/manifests/v1", environ=environ)
        assert answer.status_code == 413

    def test_a_manifest_of_just_four_mebibytes_is_taken(self, admin: RegistryClient, plane: Plane) -> None:
        admin.push_blob("app", b"{}")
        payload = as_json(image(b"{}", []) | {"annotations": {"fill": ""}})
        room = plane.services.settings.manifest_limit - len(payload)
        payload = payload.replace(b'"fill": ""', b'"fill": "' + b"x" * room + b'"')
        assert admin.put_manifest("app", "v1", payload).status_code == 201
        assert admin.get("/v2/app/manifests/v1").data == payload

    def test_nesting(self, admin: RegistryClient) -> None:
        deep = b'{"annotations":' * 100_000
        refuse(admin, deep)
        refuse(admin, as_json(image(b"{}", []))[:-1] + b', "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}")

    def test_a_hundred_thousand_layers(self, admin: RegistryClient) -> None:
        layer = b'{"mediaType":"a/b","digest":"%s","size":2}' % digest_of(b"{}").encode()
        text = as_json(image(b"{}", [])).replace(
            b'"layers": []', b'"layers": [' + b",".join([layer] * 30_000) + b"]"
        )
        refuse(admin, text)
        answer = admin.put_manifest(
            "app", "v1", text.replace(b"]", b"," + b",".join([layer] * 70_000) + b"]", 1)
        )
        assert answer.status_code == 413

    def test_huge_numbers(self, admin: RegistryClient) -> None:
        text = as_json(image(b"{}", []))
        for number in (b"1e400", b"9" * 30, b"9" * 100_000, b"-" + b"9" * 20):
            refuse(admin, text.replace(b'"size": 2', b'"size": ' + number))
        most = descriptor(b"x", "application/vnd.oci.image.layer.nondistributable.v1.tar") | {
            "size": 2**63 - 1
        }
        other = most | {"digest": digest_of(b"y")}
        refuse(admin, image(b"{}", []) | {"layers": [most, other]})

    def test_a_compressed_body(self, admin: RegistryClient) -> None:
        packed = gzip.compress(as_json(image(b"{}", [])))
        refuse(admin, packed)
        answer = admin.open(
            "PUT",
            "/v2/app/manifests/v1",
            data=packed,
            headers={"Content-Type": MANIFEST, "Content-Encoding": "gzip"},
        )
        assert (answer.status_code, codes(answer)) == (400, ["MANIFEST_INVALID"])

    def test_a_large_blob_takes_little_memory(self, admin: RegistryClient) -> None:
        class Zeros:
            left = 64 * 1024 * 1024

            def read(self, size: int) -> bytes:
                give = min(size, self.left)
                self.left -= give
                return bytes(give)

        where = admin.begin("app")
        environ = {"wsgi.input": Zeros(), "CONTENT_LENGTH": str(Zeros.left)}
        tracemalloc.start()
        try:
            assert admin.open("PATCH", where, environ=environ).status_code == 202
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 4 * 1024 * 1024

    def test_a_flood_of_referrers_comes_in_pages(self, admin: RegistryClient) -> None:
        """Row 13: what a page holds is bounded by bytes as well as by number."""
        admin.push_blob("app", b"{}")
        subject = descriptor(b"s", MANIFEST)
        for number in range(5):
            fill = {"fill": str(number) * 1_500_000}
            manifest = image(b"{}", []) | {"subject": subject, "annotations": fill}
            assert admin.put_manifest("app", f"v{number}", manifest).status_code == 201
        seen, where, pages = [], f"/v2/app/referrers/{subject['digest']}", 0
        while where:
            answer = admin.get(where)
            assert len(answer.data) < 5 * 1024 * 1024
            seen += [one["digest"] for one in json_of(answer)["manifests"]]
            where = answer.headers.get("Link", "<>")[1:].partition(">")[0]
            pages += 1
        assert len(seen) == len(set(seen)) == 5
        assert pages >= 2

    def test_referrers_stay_in_their_repository(self, admin: RegistryClient) -> None:
        admin.push_image("app", "v1", subject=descriptor(b"s", MANIFEST))
        assert json_of(admin.get(f"/v2/other/referrers/{digest_of(b's')}"))["manifests"] == []


class TestRightsOnEveryRoute:
    """Rows 3 and 4: writing needs the right to write, deleting that to delete, however it is spelled."""

    @pytest.fixture
    def digest(self, admin: RegistryClient) -> str:
        return admin.push_image("app", "latest")

    def test_overwriting_needs_push(self, admin: RegistryClient, digest: str) -> None:
        reader = admin.scoped("repository:app:pull,metadata_read,metadata_write,delete")
        payload = admin.get(f"/v2/app/manifests/{digest}").data
        for reference, query in (("latest", {}), ("new", {}), (digest, {}), (digest, {"tag": "latest"})):
            answer = reader.put_manifest("app", reference, payload, query_string=query)
            assert (answer.status_code, codes(answer)) == (401, ["UNAUTHORIZED"])

    def test_deleting_needs_delete(self, admin: RegistryClient, digest: str) -> None:
        writer = admin.scoped("repository:app:pull,push,metadata_read,metadata_write")
        for path in (
            "/v2/app/manifests/latest",
            f"/v2/app/manifests/{digest}",
            f"/v2/app/blobs/{digest_of(b'layer')}",
            "/acr/v1/app/_tags/latest",
            "/acr/v1/app",
        ):
            assert writer.open("DELETE", path).status_code == 401
        assert admin.get("/v2/app/manifests/latest").status_code == 200

    def test_reading_needs_a_right_to_read(self, admin: RegistryClient, digest: str) -> None:
        for scopes in (["repository:app:push,delete"], ["registry:catalog:*"], []):
            client = admin.scoped(*scopes)
            for path in (
                "/v2/app/manifests/latest",
                f"/v2/app/blobs/{digest_of(b'layer')}",
                "/v2/app/tags/list",
                f"/v2/app/referrers/{digest}",
                "/acr/v1/app",
                "/acr/v1/app/_tags",
                f"/acr/v1/app/_manifests/{digest}",
            ):
                assert client.get(path).status_code == 401, path

    def test_a_refusal_tells_nothing_about_what_is_there(
        self, plane: Plane, registry: RegistryRow, admin: RegistryClient, digest: str
    ) -> None:
        assert digest
        robot = plane.add_principal(registry)
        client = plane.client().with_basic(robot.app_id, robot.secret)
        there, not_there = (client.get(f"/v2/{name}/manifests/latest") for name in ("app", "nothing"))
        assert there.status_code == not_there.status_code == 403
        assert there.data == not_there.data
        narrow = admin.scoped()
        there, not_there = (narrow.get(f"/v2/{name}/manifests/latest") for name in ("app", "nothing"))
        assert there.data.replace(b'"app"', b'"nothing"') == not_there.data


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/app/manifests/", 404),
        ("GET", "/v2/app/unknown/x", 404),
        ("POST", "/v2/app/manifests/v1", 405),
        ("PATCH", "/v2/", 405),
        ("OPTIONS", "/v2/app/tags/list", 405),
        ("DELETE", "/oauth2/token", 405),
        ("GET", "/acr/v1/", 404),
        ("TRACE", "/v2/app/manifests/v1", 405),
    ],
)
def test_other_requests_are_answered_in_the_envelope(
    admin: RegistryClient, method: str, path: str, status: int
) -> None:
    answer = admin.open(method, path)
    assert answer.status_code == status
    assert codes(answer) in (["NAME_UNKNOWN"], ["UNSUPPORTED"])
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
