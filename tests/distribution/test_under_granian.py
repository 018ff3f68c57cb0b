"""What only a real server shows: streams, clients that dawdle or vanish, processes that are killed."""

from __future__ import annotations

import base64
import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from controlplane.persistence.database import Database
from tests.support.databases import sqlite_copy
from tests.support.distribution import MANIFEST, Plane, as_json, digest_of, image, plane_at
from tests.support.plane_server import answers, plane_server
from tests.support.ports import free_port
from tests.support.processes import Process, descendants
from tests.support.waiting import eventually

SETTINGS: dict[str, Any] = {
    "login_server_mode": "domain",
    "login_domain": "example.test",
    "transfer_window": 1.2,
    "body_min_rate": 2048,
}


@dataclass(frozen=True)
class Answer:
    """An answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    data: bytes


@dataclass
class Server:
    """A running server, and one of its clients' credentials."""

    port: int
    process: Process
    plane: Plane
    authorization: str

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        connection = self.connect()
        chunked = headers.pop("chunked", "") == "yes"
        sent = {"Authorization": self.authorization, **{k.replace("_", "-"): v for k, v in headers.items()}}
        try:
            connection.request(method, path, body=body, headers=sent, encode_chunked=chunked)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def begin(self) -> str:
        return self.ask("POST", "/v2/app/blobs/uploads/").headers["Location"]

    def raw(self, method: str, path: str, *lines: str) -> socket.socket:
        """Open a connection and send a request's head."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        head = [
            f"{method} {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            f"Authorization: {self.authorization}",
            *lines,
            "",
            "",
        ]
        connection.sendall("\r\n".join(head).encode())
        return connection

    @property
    def store(self) -> Path:
        """The folder of the blob store."""
        return self.plane.services.settings.state_dir / "blobs" / "eastus"

    def received(self, where: str) -> int:
        return self.upload(where).stat().st_size

    def upload(self, where: str) -> Path:
        """Return the file of an upload."""
        return self.store / "uploads" / where.rpartition("/")[2].partition(".")[0]


@contextmanager
def serve(folder: Path, template: Path) -> Iterator[Server]:
    """Serve a registry out of a folder."""
    port = free_port()
    with sqlite_copy(template, folder) as url:
        database = Database(url)
        plane = plane_at(folder, database, **SETTINGS)
        row = plane.add_registry(host=f"127.0.0.1:{port}")
        text = base64.b64encode(f"demo:{plane.admin_password(row)}".encode()).decode()
        with plane_server(folder, port, url, threads=64, **SETTINGS) as process:
            yield Server(port, process, plane, f"Basic {text}")
        plane.close()
        database.dispose()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Server]:
    """A server for all tests that leave it running."""
    with serve(tmp_path_factory.mktemp("server"), sqlite_template) as server:
        yield server


@pytest.fixture
def mortal_server(tmp_path: Path, sqlite_template: Path) -> Iterator[Server]:
    """A server that the test may kill."""
    with serve(tmp_path, sqlite_template) as server:
        yield server


def test_a_chunked_body_streams_in_and_a_large_blob_out(server: Server) -> None:
    content = os.urandom(20_000_000)
    where = server.begin()
    pieces = (content[at : at + 77_777] for at in range(0, len(content), 77_777))
    sent = server.ask("PATCH", where, pieces, chunked="yes", Transfer_Encoding="chunked")
    assert (sent.status, sent.headers["Range"]) == (202, f"0-{len(content) - 1}")
    done = server.ask("PUT", f"{where}?digest={digest_of(content)}")
    assert done.status == 201
    answer = server.ask("GET", done.headers["Location"])
    assert answer.data == content
    part = server.ask("GET", done.headers["Location"], Range="bytes=1000000-12000000")
    assert (part.status, part.data) == (206, content[1_000_000:12_000_001])
    head = server.ask("HEAD", done.headers["Location"])
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(content)))


def test_a_client_that_sends_a_chunk_before_its_token_gets_the_challenge(server: Server) -> None:
    where, content = server.begin(), os.urandom(4 * 1024 * 1024)
    refused = server.ask("PATCH", where, content, Authorization="")
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
    assert server.ask("PATCH", where, content).status == 202


def test_an_accept_header_in_many_lines_counts_as_one(server: Server) -> None:
    """As docker and skopeo send it."""
    config = as_json({})
    server.ask("POST", f"/v2/app/blobs/uploads/?digest={digest_of(config)}", config)
    server.ask("PUT", "/v2/app/manifests/lines", as_json(image(config, [])), Content_Type=MANIFEST)
    for wanted, status in ((MANIFEST, b"200"), ("text/html", b"404")):
        lines = [f"Accept: {kind}" for kind in ("application/x-one", wanted, "application/x-two")]
        with server.raw("GET", "/v2/app/manifests/lines", *lines) as connection:
            assert connection.recv(64).split()[1] == status


def test_a_client_that_vanishes_leaves_what_it_sent(server: Server) -> None:
    where = server.begin()
    with server.raw("PATCH", where, "Content-Length: 1000000") as connection:
        connection.sendall(b"x" * 300_000)
    eventually(lambda: server.received(where) == 300_000, what="the bytes that came are kept")
    rest = server.ask("PATCH", where, b"x" * 700_000, Content_Range="300000-999999")
    assert rest.status == 202
    assert server.ask("PUT", f"{where}?digest={digest_of(b'x' * 1_000_000)}").status == 201


def test_a_client_that_vanishes_in_a_whole_push_leaves_nothing(server: Server) -> None:
    content = b"y" * 300_000
    for method, path in (("POST", "/v2/app/blobs/uploads/"), ("PUT", server.begin())):
        with server.raw(
            method, f"{path}?digest={digest_of(content)}", "Content-Length: 1000000"
        ) as connection:
            connection.sendall(content)
        eventually(lambda: not any_open_upload(server), what="the upload is let go of")
    left = [path for path in (server.store / "uploads").iterdir() if path.stat().st_size == len(content)]
    assert left == []
    assert server.ask("HEAD", f"/v2/app/blobs/{digest_of(content)}").status == 404


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_upload_survives_the_processes_that_took_it(mortal_server: Server, how: signal.Signals) -> None:
    server = mortal_server
    where = server.begin()
    assert server.ask("PATCH", where, b"a" * 500_000).status == 202
    with server.raw("PATCH", where, "Content-Length: 1000000") as connection:
        connection.sendall(b"b" * 400_000)
        upload = server.upload(where)
        eventually(lambda: upload.stat().st_size > 500_000, what="it is being written")
        for pid in descendants(server.process.pid):
            os.kill(pid, how)
        server.process.kill()
    server.process.start()
    eventually(lambda: answers(server.port), within=60, what="the plane answers again")
    status = server.ask("GET", where)
    kept = int(status.headers["Range"].partition("-")[2]) + 1
    assert 500_000 <= kept <= 900_000  # what was acknowledged, and what had arrived of the rest
    assert server.ask("PATCH", where, b"c" * 10, Content_Range=f"{kept}-{kept + 9}").status == 202
    content = b"a" * 500_000 + b"b" * (kept - 500_000) + b"c" * 10
    assert server.ask("PUT", f"{where}?digest={digest_of(content)}").status == 201
    assert server.ask("GET", f"/v2/app/blobs/{digest_of(content)}").data == content


class TestSlowClients:
    def stalled(self, server: Server, count: int, first: bytes = b"x" * 1000) -> list[socket.socket]:
        connections = []
        for _ in range(count):
            connection = server.raw("PATCH", server.begin(), "Content-Length: 1000000")
            connection.sendall(first)
            connections.append(connection)
        return connections

    def test_that_send_nothing_more_are_cut(self, server: Server) -> None:
        (connection,) = self.stalled(server, 1)
        connection.settimeout(20)
        begun = time.monotonic()
        assert connection.recv(1000) == b""
        assert time.monotonic() - begun < 15
        connection.close()

    def test_that_trickle_are_cut(self, server: Server) -> None:
        (connection,) = self.stalled(server, 1)
        connection.settimeout(0.1)

        def cut() -> bool:
            try:
                connection.sendall(b"x")
                return connection.recv(1000) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        eventually(cut, within=20, every=0.1, what="the connection is cut")
        connection.close()

    def test_that_do_not_read_are_cut(self, server: Server) -> None:
        content = os.urandom(30_000_000)
        assert (
            server.ask("POST", f"/v2/app/blobs/uploads/?digest={digest_of(content)}", content).status == 201
        )
        connection = server.raw("GET", f"/v2/app/blobs/{digest_of(content)}")
        connection.recv(1000)

        eventually(lambda: any_open_blob(server), what="the blob is being sent")
        eventually(lambda: not any_open_blob(server), within=20, what="the connection is cut")
        connection.close()

    def test_that_are_slow_but_not_too_slow_are_served(self, server: Server) -> None:
        where = server.begin()
        connection = server.raw("PATCH", where, "Content-Length: 40000")
        for _ in range(40):
            connection.sendall(b"x" * 1000)
            time.sleep(0.1)  # the pace is what is tested: 10,000 bytes a second
        assert b" 202 " in connection.recv(1000)
        connection.close()

    def test_that_are_40_do_not_stop_the_others(self, server: Server) -> None:
        connections = self.stalled(server, 40)
        config = as_json({})
        for content in (config, b"layer"):
            path = f"/v2/app/blobs/uploads/?digest={digest_of(content)}"
            assert server.ask("POST", path, content).status == 201
        manifest = as_json(image(config, [b"layer"]))
        kind = "application/vnd.oci.image.manifest.v1+json"
        assert server.ask("PUT", "/v2/app/manifests/v1", manifest, Content_Type=kind).status == 201
        assert server.ask("GET", "/v2/app/manifests/v1").data == manifest
        for connection in connections:
            connection.close()


def any_open_blob(server: Server) -> bool:
    """Tell whether a process of the server has a blob open."""
    return has_open(server, "/blobs/sha256/")


def any_open_upload(server: Server) -> bool:
    """Tell whether a process of the server has an upload open."""
    return has_open(server, "/uploads/")


def has_open(server: Server, part: str) -> bool:
    for pid in descendants(server.process.pid):
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                if part in str(link.readlink()):
                    return True
            except OSError:
                continue
    return False


@dataclass
class Pusher:
    """One of many that push and pull at once, over one connection; every answer is checked."""

    server: Server
    number: int
    shared: bytes
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = self.server.connect()

    def call(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/octet-stream"
    ) -> tuple[int, Any, bytes]:
        headers = {"Authorization": self.server.authorization, "Content-Type": kind}
        self.connection.request(method, path, body=body, headers=headers)
        answer = self.connection.getresponse()
        data = answer.read()
        assert answer.status < 500, (method, path, answer.status, data)
        return answer.status, answer.headers, data

    def push(self, repository: str, content: bytes) -> None:
        digest = digest_of(content)
        if self.call("HEAD", f"/v2/{repository}/blobs/{digest}")[0] == 200:
            return
        _, headers, _ = self.call("POST", f"/v2/{repository}/blobs/uploads/")
        self.call("PATCH", headers["Location"], content)
        status, _, body = self.call("PUT", f"{headers['Location']}?digest={digest}")
        assert status == 201, body

    def turn(self, turn: int) -> None:
        repository, own = f"team/app{self.number % 3}", os.urandom(50_000)
        config = as_json({"number": self.number, "turn": turn})
        for content in (self.shared, own, config):
            self.push(repository, content)
        manifest = as_json(image(config, [self.shared, own]))
        status, _, body = self.call("PUT", f"/v2/{repository}/manifests/latest", manifest, MANIFEST)
        assert status == 201, body
        path = f"/v2/{repository}/manifests/{digest_of(manifest)}"
        assert self.call("GET", path)[2] == manifest
        for content in (self.shared, own):
            assert self.call("GET", f"/v2/{repository}/blobs/{digest_of(content)}")[2] == content
        if turn % 2:
            self.call("DELETE", path)

    def run(self, failures: list[str]) -> None:
        try:
            for turn in range(2):
                self.turn(turn)
        except Exception as error:  # noqa: BLE001 - told to the test
            failures.append(repr(error))
        finally:
            self.connection.close()


def test_64_clients_push_and_pull_at_once_and_nothing_is_corrupt(server: Server) -> None:
    """Row 17: shared layers, one moving tag, manifests that come and go."""
    shared = os.urandom(200_000)
    failures: list[str] = []
    pushers = [Pusher(server, number, shared) for number in range(64)]
    threads = [threading.Thread(target=pusher.run, args=(failures,)) for pusher in pushers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert recount(server) == held(server)


def held(server: Server) -> int:
    with server.plane.services.database.read() as tx:
        return int(tx.connection.exec_driver_sql("SELECT size FROM registries").scalar() or 0)


def recount(server: Server) -> int:
    """Add up what the registry holds, from scratch."""
    statement = (
        "SELECT (SELECT COALESCE(SUM(size), 0) FROM manifests) + (SELECT COALESCE(SUM(size), 0) FROM blobs "
        "WHERE digest IN (SELECT digest FROM repository_blobs WHERE released_at IS NULL))"
    )
    with server.plane.services.database.read() as tx:
        return int(tx.connection.exec_driver_sql(statement).scalar() or 0)
