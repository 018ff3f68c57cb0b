"""Login ports: opened by one process, served by others, under TLS and at once."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from controlplane.persistence.database import DatabaseUnavailableError
from controlplane.supervisor.login_ports import MESSAGE, LoginPorts, bound
from tests.support.ports import accepts, free_port
from tests.support.processes import Process
from tests.support.tiny_service import BLOCK
from tests.support.waiting import eventually


@dataclass
class Wanted:
    """The ports the database would name, or its absence."""

    ports: set[int] = field(default_factory=set)
    outage: bool = False

    def __call__(self) -> set[int]:
        if self.outage:
            raise DatabaseUnavailableError("away")
        return set(self.ports)


@dataclass
class House:
    """A web process of two workers, and the login ports a test wants."""

    port: int
    context: ssl.SSLContext
    ports: LoginPorts
    wanted: Wanted

    def connect(self, port: int, timeout: float = 10) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", port, timeout=timeout, context=self.context)

    def get(self, port: int, path: str = "/") -> bytes:
        connection = self.connect(port)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def open(self, *ports: int) -> None:
        self.wanted.ports |= set(ports)
        eventually(lambda: set(ports) <= set(self.ports.open_ports))

    def both_workers(self, port: int) -> set[int]:
        """Process ids of the two workers, once both have answered on the port."""
        pids: set[int] = set()

        def seen() -> bool:
            pids.add(int(self.get(port).split()[0]))
            return len(pids) == 2

        eventually(seen)
        return pids


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    meeting = Path(f"/tmp/acrctl-test-{os.getpid()}")  # noqa: S108 - a socket's path must be short
    port = free_port()
    environment = {"ACRCTL_STATE_DIR": str(folder), "ACRCTL_PORT": str(port), "ACRCTL_WEB_WORKERS": "2"}
    command = [sys.executable, "-m", "tests.support.tiny_service", str(meeting)]
    wanted = Wanted()
    ports = LoginPorts(wanted, 2, meeting)
    ports.start()
    web = Process("web", command, folder / "web.log", environment).start()
    eventually(lambda: accepts(port), within=30, what=web.tail())
    context = ssl.create_default_context(cafile=str(folder / "tls" / "ca.pem"))
    yield House(port, context, ports, wanted)
    web.stop()
    ports.stop()
    meeting.unlink()


def test_a_port_is_served_with_the_hosts_name_by_every_worker(house: House) -> None:
    port = free_port()
    house.open(port)
    assert house.get(port).endswith(f" localhost:{port}".encode())
    assert house.both_workers(port) == house.both_workers(house.port)


def test_big_bodies_pass_both_ways(house: House) -> None:
    port = free_port()
    house.open(port)
    assert house.get(port, "/send/64") == BLOCK * 64
    connection = house.connect(port)
    connection.request("POST", "/count", body=BLOCK * 64)
    assert int(connection.getresponse().read()) == len(BLOCK) * 64
    connection.close()


def test_two_hundred_connections_at_once(house: House) -> None:
    port = free_port()
    house.open(port)
    connections = [house.connect(port) for _ in range(200)]
    for connection in connections:
        connection.request("GET", "/")
    answers = [connection.getresponse().read() for connection in connections]
    assert all(answer.endswith(f":{port}".encode()) for answer in answers)
    for connection in connections:
        connection.close()


def test_a_port_closes_when_it_is_wanted_no_longer_and_transfers_are_finished(house: House) -> None:
    port = free_port()
    house.open(port)
    connection = house.connect(port)
    connection.request("GET", "/slowly")
    house.wanted.ports.discard(port)
    eventually(lambda: not accepts(port))
    assert connection.getresponse().read() == BLOCK * 5
    connection.close()
    house.open(port)
    assert house.get(port)


def test_old_connections_do_not_keep_a_port_from_the_next_start(tmp_path: Path) -> None:
    port = free_port()
    for start in range(3):
        meeting = tmp_path / f"meeting{start}"
        ports = LoginPorts(lambda: [port], 1, meeting)
        ports.start()
        with _listening_socket(meeting) as server, socket.create_connection(("127.0.0.1", port)) as client:
            server.accept()[0].close()  # the side that closes first keeps the remains
            assert client.recv(1) == b""
        ports.stop()


def _listening_socket(meeting: Path) -> socket.socket:
    """Ask for a port as a worker does; the first attempt has to succeed."""
    with socket.socket(socket.AF_UNIX) as worker:
        worker.connect(str(meeting))
        worker.settimeout(0.9)
        _message, descriptors, _flags, _address = socket.recv_fds(worker, MESSAGE.size, 1)
    server = socket.socket(fileno=descriptors[0])
    server.settimeout(5)
    return server


def test_clients_wait_out_the_replacement_of_a_worker(house: House) -> None:
    port = free_port()
    house.open(port)
    killed = min(house.both_workers(port))
    os.kill(killed, signal.SIGKILL)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: house.get(port), range(64)))
    assert all(answers)
    assert killed not in house.both_workers(port)


def test_a_taken_port_is_said_once_and_opened_when_it_is_free(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        house.wanted.ports.add(port)
        eventually(lambda: str(port) in caplog.text)
    eventually(lambda: port in house.ports.open_ports)
    assert len([line for line in caplog.messages if f"port {port} cannot be opened" in line]) == 1


def test_an_open_port_is_nobody_elses(house: House) -> None:
    port = free_port()
    house.open(port)
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as intruder:
            intruder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError, match="in use"):
                intruder.bind((address, port))


def test_ports_stay_open_while_the_database_is_away(house: House, caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    house.open(port)
    house.wanted.outage = True
    eventually(lambda: "database cannot be reached" in caplog.text)
    assert house.get(port)
    house.wanted.outage = False
    house.open(free_port())


def test_slow_clients_of_one_port_stop_nobody(house: House) -> None:
    slow, quick = free_port(), free_port()
    house.open(slow, quick)
    readers = [house.connect(slow) for _ in range(30)]
    for reader in readers:
        reader.request("GET", "/send/200")  # 13 MB nobody reads yet
    assert house.get(quick)
    assert house.get(slow)
    for reader in readers:
        reader.close()


def test_answers_in_two_parts_do_not_wait_for_each_other() -> None:
    with bound("127.0.0.1", 0) as door:
        door.listen()
        with socket.create_connection(door.getsockname()), door.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
