"""The artifact cache: pulls through it, once from the upstream, and what happens while that is away."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks.content import Image, digest_of, random_image
from controlplane.services.upstream_errors import UpstreamError
from tests.api.deployment import Template
from tests.support.both_planes import House, house_at
from tests.support.distribution import RegistryClient
from tests.support.ports import free_port


class Mirrored:
    """An upstream of a few lines that counts what it is asked for, and can be told to misbehave."""

    def __init__(self) -> None:
        self.manifests: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.status = 0
        self.damage = False
        self.breaks = 0
        self.gate = threading.Event()
        self.gate.set()

    def add(self, tag: str, image: Image) -> None:
        """Have an image under a tag."""
        self.manifests[tag] = self.manifests[digest_of(image.manifest)] = image.manifest
        self.blobs |= {blob.digest: blob.content for blob in image.blobs}

    def answer(self, handler: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of a request."""
        self.asked.append(f"{handler.command} {handler.path}")
        if self.status:
            return self.status, {"Retry-After": "7"}, b"{}"
        kind, _, name = handler.path.rpartition("/")
        if kind.endswith("/manifests") and name in self.manifests:
            found = self.manifests[name]
            media = json.loads(found)["mediaType"]
            return 200, {"Content-Type": media, "Docker-Content-Digest": digest_of(found)}, found
        if kind.endswith("/blobs") and name in self.blobs:
            found = self.blobs[name]
            return 200, {}, b"?" * len(found) if self.damage else found
        return 404, {}, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such thing"}]}'

    def fetches(self, digest: str) -> int:
        """Tell how often a blob was fetched."""
        return self.asked.count(f"GET /v2/team/app/blobs/{digest}")


@contextmanager
def served(mirrored: Mirrored, port: int) -> Iterator[None]:
    """Serve it until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = mirrored.answer(self)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")  # a server that is stopped answers nobody
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[: len(body) // 2])
                mirrored.gate.wait(10)
                if mirrored.breaks and "/blobs/" in self.path:
                    mirrored.breaks -= 1
                    return
                self.wfile.write(body[len(body) // 2 :])

        do_HEAD = do_GET  # noqa: N815 - http.server looks it up

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def mirrored() -> Mirrored:
    return Mirrored()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def house(
    house_files: Template, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """A deployment with a cache rule for everything below ``mirror/``."""
    monkeypatch.setenv("ACRCTL_OUTBOUND_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("ACRCTL_UPSTREAM_INSECURE", f"127.0.0.1:{port}")
    with house_at(house_files, tmp_path / "state") as made:
        rule(made, f"127.0.0.1:{port}/team/*", "mirror/*")
        yield made


def rule(house: House, source: str, target: str, name: str = "mirror1", **more: Any) -> None:
    body = {"properties": {"sourceRepository": source, "targetRepository": target, **more}}
    house.done("PUT", f"cacheRules/{name}", body)


def pull(client: RegistryClient, tag: str = "v1", repository: str = "mirror/app") -> bytes:
    """Pull an image and check its content; return its manifest."""
    answer = client.get(f"/v2/{repository}/manifests/{tag}")
    assert answer.status_code == 200, answer.data
    manifest = json.loads(answer.data)
    for one in (manifest["config"], *manifest["layers"]):
        blob = client.get(f"/v2/{repository}/blobs/{one['digest']}")
        assert blob.status_code == 200, blob.data
        assert digest_of(blob.data) == one["digest"]
    return bytes(answer.data)


def test_a_first_pull_fetches_and_the_next_one_does_not(house: House, mirrored: Mirrored, port: int) -> None:
    image = random_image(50_000)
    mirrored.add("v1", image)
    with served(mirrored, port):
        assert pull(house.admin()) == image.manifest
        count = len(mirrored.asked)
        assert pull(house.admin()) == image.manifest
        assert len(mirrored.asked) == count
    assert pull(house.admin()) == image.manifest


def test_many_first_pulls_cause_one_fetch_a_blob(house: House, mirrored: Mirrored, port: int) -> None:
    image = random_image(400_000)
    mirrored.add("v1", image)
    client = house.admin()
    mirrored.gate.clear()
    with served(mirrored, port), ThreadPoolExecutor(50) as pool:
        releases = threading.Timer(0.5, mirrored.gate.set)
        releases.start()
        pulled = list(pool.map(lambda _: pull(client), range(50)))
    assert set(pulled) == {image.manifest}
    assert [mirrored.fetches(blob.digest) for blob in image.blobs] == [1] * len(image.blobs)


def test_a_client_gets_bytes_before_the_blob_is_whole(house: House, mirrored: Mirrored, port: int) -> None:
    image = random_image(600_000)
    mirrored.add("v1", image)
    client = house.admin()
    with served(mirrored, port):
        assert client.get("/v2/mirror/app/manifests/v1").status_code == 200
        mirrored.gate.clear()
        answer = client.open("GET", f"/v2/mirror/app/blobs/{image.blobs[1].digest}", buffered=False)
        chunks = answer.iter_encoded()
        first = next(chunks)
        assert image.blobs[1].content.startswith(first)
        mirrored.gate.set()
        assert first + b"".join(chunks) == image.blobs[1].content


def test_a_client_of_another_process_gets_bytes_before_the_blob_is_whole(
    house: House, mirrored: Mirrored, port: int
) -> None:
    image = random_image(600_000)
    wanted = image.blobs[1]
    mirrored.add("v1", image)
    client, other = house.admin(), house.another_process()
    guest = replace(client, application=other)
    path = f"/v2/mirror/app/blobs/{wanted.digest}"
    with served(mirrored, port):
        assert client.get("/v2/mirror/app/manifests/v1").status_code == 200
        mirrored.gate.clear()
        chunks = client.open("GET", path, buffered=False).iter_encoded()
        first = next(chunks)
        others = guest.open("GET", path, buffered=False).iter_encoded()
        second = next(others)
        assert wanted.content.startswith(second)
        mirrored.gate.set()
        assert second + b"".join(others) == wanted.content
        assert first + b"".join(chunks) == wanted.content
    assert mirrored.fetches(wanted.digest) == 1
    other.close()


def test_another_process_fetches_anew_and_mixes_nothing_when_the_one_that_fetches_fails(
    house: House, mirrored: Mirrored, port: int
) -> None:
    image = random_image(600_000)
    wanted = image.blobs[1]
    mirrored.add("v1", image)
    client, other = house.admin(), house.another_process()
    path = f"/v2/mirror/app/blobs/{wanted.digest}"
    with served(mirrored, port):
        assert client.get("/v2/mirror/app/manifests/v1").status_code == 200
        mirrored.gate.clear()
        mirrored.damage = True
        next(client.open("GET", path, buffered=False).iter_encoded())
        others = replace(client, application=other).open("GET", path, buffered=False).iter_encoded()
        mirrored.damage = False
        mirrored.gate.set()
        with pytest.raises(UpstreamError, match="began anew"):
            list(others)
        assert digest_of(client.get(path).data) == wanted.digest
    assert mirrored.fetches(wanted.digest) == 2
    other.close()


def test_nobody_waits_for_an_upstream_that_was_just_found_down(
    house: House, mirrored: Mirrored, port: int
) -> None:
    mirrored.add("v1", random_image(1000))
    rule(house, f"127.0.0.1:{port}/team/*", "mirror/*", ttlSeconds=0)
    with served(mirrored, port):
        pull(house.admin())
        mirrored.status, mirrored.asked = 503, []
        for _ in range(5):
            answer = house.admin().get("/v2/mirror/app/manifests/v1")
            assert (answer.status_code, answer.headers["Warning"][:3]) == (200, "110")
        assert len(mirrored.asked) == 1


def test_a_moved_tag_is_seen_when_its_time_is_over(house: House, mirrored: Mirrored, port: int) -> None:
    old, new = random_image(1000), random_image(1000)
    mirrored.add("v1", old)
    rule(house, f"127.0.0.1:{port}/team/*", "mirror/*", ttlSeconds=0)
    with served(mirrored, port):
        assert pull(house.admin()) == old.manifest
        mirrored.add("v1", new)
        assert pull(house.admin()) == new.manifest


@pytest.mark.parametrize("status", [429, 500, 503, 0])
def test_what_is_here_is_served_while_the_upstream_fails(
    house: House, mirrored: Mirrored, port: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlplane.services.upstream._TRIES", 1)
    image = random_image(1000)
    mirrored.add("v1", image)
    rule(house, f"127.0.0.1:{port}/team/*", "mirror/*", ttlSeconds=0)
    with served(mirrored, port):
        assert pull(house.admin()) == image.manifest
        mirrored.status = status
        if status:
            answer = house.admin().get("/v2/mirror/app/manifests/v1")
            assert answer.headers["Warning"].startswith("110")
    answer = house.admin().get("/v2/mirror/app/manifests/v1")
    assert answer.status_code == 200
    assert answer.headers["Warning"].startswith("110")


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [(404, "MANIFEST_UNKNOWN", 404), (401, "DENIED", 403), (503, "UNAVAILABLE", 503)],
)
def test_the_true_reason_of_a_miss_is_told(
    house: House,
    mirrored: Mirrored,
    port: int,
    status: int,
    code: str,
    told: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("controlplane.services.upstream._TRIES", 1)
    mirrored.status = status
    with served(mirrored, port):
        answer = house.admin().get("/v2/mirror/app/manifests/v1")
    assert answer.status_code == told
    assert json.loads(answer.data)["errors"][0]["code"] == code


def test_a_throttled_upstream_is_told_with_its_own_pause(
    house: House, mirrored: Mirrored, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlplane.services.upstream._TRIES", 1)
    mirrored.status = 429
    with served(mirrored, port):
        answer = house.admin().get("/v2/mirror/app/manifests/v1")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "7"


def test_deleted_content_is_fetched_again(house: House, mirrored: Mirrored, port: int) -> None:
    image = random_image(1000)
    mirrored.add("v1", image)
    with served(mirrored, port):
        pull(house.admin())
        digest = digest_of(image.manifest)
        assert house.admin().open("DELETE", f"/v2/mirror/app/manifests/{digest}").status_code == 202
        assert pull(house.admin()) == image.manifest


def test_bytes_that_are_not_what_their_digest_says_never_arrive_whole(
    house: House, mirrored: Mirrored, port: int
) -> None:
    image = random_image(300_000)
    mirrored.add("v1", image)
    digest = image.blobs[1].digest
    with served(mirrored, port):
        client = house.admin()
        client.get("/v2/mirror/app/manifests/v1")
        mirrored.damage = True
        mirrored.gate.clear()
        answer = client.open("GET", f"/v2/mirror/app/blobs/{digest}", buffered=False)
        mirrored.gate.set()
        taken = bytearray()
        with pytest.raises(Exception, match="digest"):  # noqa: PT012 - the answer breaks off at some chunk
            for chunk in answer.iter_encoded():
                taken += chunk
        assert len(taken) < len(image.blobs[1].content)
        mirrored.damage = False
        assert client.get(f"/v2/mirror/app/blobs/{digest}").data == image.blobs[1].content


def test_the_longest_prefix_counts_and_rules_may_overlap(house: House, mirrored: Mirrored, port: int) -> None:
    image = random_image(1000)
    mirrored.add("v1", image)
    rule(house, f"127.0.0.1:{port}/special/app", "mirror/app", "special1")
    with served(mirrored, port):
        pull(house.admin())
    assert any("/v2/special/app/manifests/v1" in one for one in mirrored.asked)


def test_a_blob_that_no_manifest_here_names_is_not_fetched(
    house: House, mirrored: Mirrored, port: int
) -> None:
    image = random_image(1000)
    mirrored.add("v1", image)
    with served(mirrored, port):
        answer = house.admin().get(f"/v2/mirror/app/blobs/{image.blobs[0].digest}")
    assert answer.status_code == 404
    assert not mirrored.asked


def test_nobody_without_rights_causes_a_fetch(house: House, mirrored: Mirrored, port: int) -> None:
    mirrored.add("v1", random_image(1000))
    with served(mirrored, port):
        assert house.client().get("/v2/mirror/app/manifests/v1").status_code == 401
    assert not mirrored.asked


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("app", "app"),
        ("host.example.com/a/*", "b"),
        ("host.example.com/a", "b/*"),
        ("host.example.com/a*", "b*"),
        ("host.example.com/A", "b"),
        ("http://host.example.com/a", "b"),
    ],
)
def test_rules_that_make_no_sense_are_refused(house: House, source: str, target: str) -> None:
    body = {"properties": {"sourceRepository": source, "targetRepository": target}}
    answer = house.arm("PUT", "cacheRules/strange", body)
    assert answer.status_code == 400
    assert answer.json["error"]["target"].startswith("properties.")
