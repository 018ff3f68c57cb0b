"""The port forwarder: every byte, both ends, many connections, ports that come and go."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from controlplane.supervisor.forwarder import Forwarder
from tests.support.ports import accepts, free_port
from tests.support.waiting import eventually

MIB = 1024 * 1024
Handler = Callable[[socket.socket], None]


@contextmanager
def serving(handler: Handler) -> Iterator[int]:
    """A TCP server on a free port, one thread a connection."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)

    def handle(connection: socket.socket) -> None:
        with connection:
            handler(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@contextmanager
def forwarding(target: int, *ports: int) -> Iterator[Forwarder]:
    forwarder = Forwarder(("127.0.0.1", target))
    forwarder.start()
    forwarder.want(ports)
    eventually(lambda: forwarder.open_ports == tuple(sorted(ports)))
    yield forwarder
    forwarder.stop()


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(MIB):
        parts.append(part)
    return b"".join(parts)


def answer_after_the_end(connection: socket.socket) -> None:
    """Read until the client has ended its half, then answer."""
    received = read_all(connection)
    connection.sendall(hashlib.sha256(received).hexdigest().encode() + received)


def echo(connection: socket.socket) -> None:
    while part := connection.recv(65536):
        connection.sendall(part)


@pytest.mark.parametrize("size", [0, 1, 100, 65536, 131072, 3 * MIB + 17])
def test_bytes_pass_unchanged_both_ways_and_half_closed_connections_live_on(size: int) -> None:
    port = free_port()
    payload = os.urandom(size)
    with (
        serving(answer_after_the_end) as target,
        forwarding(target, port),
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        client.sendall(payload)
        client.shutdown(socket.SHUT_WR)
        answer = read_all(client)
    assert answer == hashlib.sha256(payload).hexdigest().encode() + payload


def test_both_directions_flow_at_once() -> None:
    port = free_port()
    payload = os.urandom(16 * MIB)
    with (
        serving(echo) as target,
        forwarding(target, port),
        socket.create_connection(("127.0.0.1", port)) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        reading = pool.submit(read_all, client)
        client.sendall(payload)
        client.shutdown(socket.SHUT_WR)
        assert hashlib.sha256(reading.result()).digest() == hashlib.sha256(payload).digest()


def test_a_reader_that_pauses_gets_everything() -> None:
    port = free_port()
    payload = os.urandom(24 * MIB)

    def send(connection: socket.socket) -> None:
        connection.sendall(payload)

    with (
        serving(send) as target,
        forwarding(target, port) as forwarder,
        socket.create_connection(("127.0.0.1", port)) as slow,
    ):
        # Others are served while the buffers of the slow one are full.
        with socket.create_connection(("127.0.0.1", port)) as other:
            assert len(read_all(other)) == len(payload)
        assert read_all(slow) == payload
        eventually(lambda: forwarder.connections <= 1)


def test_small_messages_alternate_with_bulk() -> None:
    port = free_port()
    with (
        serving(echo) as target,
        forwarding(target, port),
        socket.create_connection(("127.0.0.1", port)) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        for size in (10, 2 * MIB, 3, 70_000, 1, 5 * MIB, 9):
            payload = os.urandom(size)
            sending = pool.submit(client.sendall, payload)
            received = b""
            while len(received) < size:
                received += client.recv(size - len(received))
            sending.result()
            assert received == payload


def test_two_hundred_connections_at_once() -> None:
    port = free_port()
    with serving(echo) as target, forwarding(target, port) as forwarder:
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        eventually(lambda: forwarder.connections == len(clients))
        for number, client in enumerate(clients):
            client.sendall(b"%6d" % number)
        assert [int(client.recv(6)) for client in clients] == list(range(200))
        for client in clients:
            client.close()
        eventually(lambda: forwarder.connections == 0)


def test_a_broken_server_ends_the_clients_connection() -> None:
    port = free_port()
    with (
        serving(lambda connection: connection.close()) as target,
        forwarding(target, port) as forwarder,
        socket.create_connection(("127.0.0.1", port), timeout=5) as client,
    ):
        assert client.recv(1) == b""
        client.close()
        eventually(lambda: forwarder.connections == 0)


def test_a_client_is_turned_away_while_the_server_is_down() -> None:
    port, nobody = free_port(), free_port()
    with forwarding(nobody, port) as forwarder:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            assert _ended(client)
        eventually(lambda: forwarder.connections == 0)
        assert accepts(port)


def test_ports_open_and_close_as_they_are_wanted() -> None:
    first, second = free_port(), free_port()
    with serving(echo) as target, forwarding(target, first) as forwarder:
        forwarder.want([first, second])
        eventually(lambda: accepts(second))
        with socket.create_connection(("127.0.0.1", second)) as client:
            forwarder.want([first])
            eventually(lambda: not accepts(second))
            client.sendall(b"still here")  # what has begun runs on
            assert client.recv(20) == b"still here"
        assert accepts(first)


def test_ports_listen_on_both_loopback_addresses() -> None:
    port = free_port()
    with serving(echo) as target, forwarding(target, port):
        assert accepts(port)
        with socket.create_connection(("::1", port)) as client:
            client.sendall(b"six")
            assert client.recv(3) == b"six"


def test_a_taken_port_is_said_once_and_opened_when_it_is_free(caplog: pytest.LogCaptureFixture) -> None:
    port, other = free_port(), free_port()
    squatter = socket.create_server(("127.0.0.1", port))
    with serving(echo) as target, forwarding(target, other) as forwarder:
        forwarder.want([port, other])
        eventually(lambda: str(port) in caplog.text)
        assert forwarder.open_ports == (other,)
        squatter.close()
        eventually(lambda: port in forwarder.open_ports)
    assert len([line for line in caplog.messages if f"port {port} cannot be opened" in line]) == 1


def _ended(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
