"""Loopback ports of login servers: opened here, handed to the web workers, which accept on them.

The supervisor owns the ports: they are exclusively its own while a web process is replaced, clients that
connect meanwhile wait in the queue, and no byte passes through it. Each worker gets a listening socket of
its own for each port, so that the kernel spreads connections over them.

A message is one byte (what to do), the port, and for ``OPEN`` the socket (SCM_RIGHTS of unix(7)).
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from controlplane.persistence.database import DatabaseUnavailableError

_log = logging.getLogger(__name__)

# A registry's creation waits for its port, so this is part of how long it takes.
INTERVAL = 0.1
_OUTAGE_INTERVAL = 1.0
_RETRY = 1.0  # seconds between attempts at a port that is taken
_BACKLOG = 1024
_SEND_SECONDS = 2.0
_LONGEST_PATH = 100  # unix(7) allows 107, some systems less

MESSAGE = struct.Struct("!cI")
OPEN = b"+"
CLOSE = b"-"


class _Port:
    """The sockets of one port: one a worker where the kernel balances, else one for all."""

    def __init__(self, number: int, workers: int) -> None:
        self.number = number
        self._held: list[socket.socket] = []
        self._listening: list[socket.socket] = []
        try:
            self._open(workers)
        except OSError:
            self.close()
            raise

    def socket_for(self, slot: int) -> socket.socket:
        """Return the listening socket of a worker."""
        return self._listening[slot % len(self._listening)]

    def close(self) -> None:
        for opened in (*self._listening, *self._held):
            opened.close()

    def _open(self, workers: int) -> None:
        # Sockets that share a port would also share it with another program's; make sure there is none.
        with bound("127.0.0.1", self.number, socket.SO_REUSEADDR):
            pass
        balanced = sys.platform == "linux"
        # SO_REUSEADDR as well: what is left of old connections must not keep the next start from the port.
        options = (socket.SO_REUSEADDR, socket.SO_REUSEPORT) if balanced else (socket.SO_REUSEADDR,)
        for _ in range(workers if balanced else 1):
            listener = bound("127.0.0.1", self.number, *options)
            listener.listen(_BACKLOG)
            listener.setblocking(False)
            self._listening.append(listener)
        # `localhost` may mean ::1 first. Held without listening, it refuses at once, clients go on to
        # 127.0.0.1, and no other program can answer there in our place.
        try:
            self._held.append(bound("::1", self.number))
        except OSError as error:
            _log.debug("port %d is not held on ::1: %s", self.number, error.strerror)


class LoginPorts:
    """A thread that keeps the open ports equal to the wanted ones and every worker informed.

    Args:
        wanted: returns the ports that are to be open; may raise DatabaseUnavailableError.
        workers: how many web workers share each port.
        meeting: path of the unix socket at which workers ask for their listening sockets.
        changed: tells whether other ports may be wanted than when it was asked last.
    """

    def __init__(
        self,
        wanted: Callable[[], Iterable[int]],
        workers: int,
        meeting: Path,
        changed: Callable[[], bool] = lambda: True,
    ) -> None:
        self._wanted = wanted
        self._changed = changed
        self._known: frozenset[int] | None = None  # what was wanted last; None: ask in any case
        self._slots: list[socket.socket | None] = [None] * workers
        self._waiting: list[socket.socket] = []
        self._ports: dict[int, _Port] = {}
        self._refused: dict[int, float] = {}  # port -> when to try again
        self._outage = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="login-ports", daemon=True)
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._door.bind(str(meeting))
        self._door.listen(workers * 2)
        self._door.setblocking(False)

    @property
    def open_ports(self) -> tuple[int, ...]:
        """The ports that accept connections now."""
        return tuple(sorted(self._ports))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Close every port and end the thread."""
        self._stop.set()
        self._thread.join()
        for worker in (*self._waiting, *filter(None, self._slots)):
            worker.close()
        for port in self._ports.values():
            port.close()
        self._door.close()

    def _run(self) -> None:
        while not self._stop.wait(_OUTAGE_INTERVAL if self._outage else INTERVAL):
            self._meet_workers()
            try:
                if self._changed() or self._known is None:
                    self._known = None
                    self._known = frozenset(self._wanted())
            except DatabaseUnavailableError as error:
                self._tell_outage(str(error))
                continue
            self._outage = False
            self._bring_about(self._known)

    def _tell_outage(self, reason: str) -> None:
        if not self._outage:
            _log.error("the database cannot be reached, login ports stay as they are: %s", reason)
        self._outage = True

    # --- ports

    def _bring_about(self, wanted: frozenset[int]) -> None:
        for number in self._ports.keys() - wanted:
            self._ports.pop(number).close()
            self._tell_all(CLOSE, number)
            _log.info("login port %d is closed", number)
        for number in sorted(wanted - self._ports.keys()):
            if time.monotonic() >= self._refused.get(number, 0):
                self._open(number)

    def _open(self, number: int) -> None:
        try:
            port = _Port(number, len(self._slots))
        except OSError as error:
            if number not in self._refused:
                _log.error("login port %d cannot be opened: %s; trying on", number, error.strerror)
            self._refused[number] = time.monotonic() + _RETRY
            return
        self._refused.pop(number, None)
        self._ports[number] = port
        self._tell_all(OPEN, number)
        _log.info("login port %d is open", number)

    # --- workers

    def _meet_workers(self) -> None:
        for slot, worker in enumerate(self._slots):
            if worker is not None and _gone(worker):
                self._leave(slot)
        with contextlib.suppress(BlockingIOError):
            while True:
                newcomer, _ = self._door.accept()
                self._waiting.append(newcomer)
        self._waiting = [worker for worker in self._waiting if not _gone(worker)]
        for slot, occupied in enumerate(self._slots):
            if occupied is None and self._waiting:
                self._slots[slot] = self._waiting.pop(0)
                for number in self._ports:
                    self._tell(slot, OPEN, number)

    def _tell_all(self, what: bytes, number: int) -> None:
        for slot in range(len(self._slots)):
            self._tell(slot, what, number)

    def _tell(self, slot: int, what: bytes, number: int) -> None:
        worker = self._slots[slot]
        if worker is None:
            return
        sockets = [self._ports[number].socket_for(slot)] if what == OPEN else []
        worker.settimeout(_SEND_SECONDS)
        try:
            socket.send_fds(worker, [MESSAGE.pack(what, number)], [given.fileno() for given in sockets])
        except OSError as error:
            _log.warning("a web worker does not take its login ports: %s", error)
            self._leave(slot)

    def _leave(self, slot: int) -> None:
        if (worker := self._slots[slot]) is not None:
            worker.close()
        self._slots[slot] = None


@contextlib.contextmanager
def meeting_place(folder: Path) -> Iterator[Path]:
    """Name a path for the socket at which workers ask: in the folder, or elsewhere if that is too long."""
    path = folder / "login-ports"
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        path.unlink(missing_ok=True)  # of a supervisor that was killed
        yield path
        path.unlink(missing_ok=True)
    else:
        with tempfile.TemporaryDirectory(prefix="acrctl-") as short:
            yield Path(short) / "login-ports"


def bound(address: str, port: int, *options: int) -> socket.socket:
    """Return a socket bound to an address, for listening; ``options`` are switched on.

    Raises:
        OSError: the address cannot be had.
    """
    opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        for option in options:
            opened.setsockopt(socket.SOL_SOCKET, option, 1)
        # Connections inherit it. Without, an answer whose head and body are sent apart waits for the
        # client's delayed acknowledgement, some 40 ms.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if opened.family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((address, port))
    except BaseException:
        opened.close()
        raise
    return opened


def _gone(worker: socket.socket) -> bool:
    """Tell whether a worker has hung up; it never says anything else."""
    worker.setblocking(False)
    try:
        return worker.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
