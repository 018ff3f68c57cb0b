"""One direction of a forwarded connection: bytes from one socket to another.

Small messages are received and sent, two system calls each. Once a stream carries bulk it moves through a
pipe with splice(2), where there is one, so that the bytes never enter this process.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import sys

BUFFER = 64 * 1024
PIPE = 1024 * 1024
# A stream is bulk after this many full buffers in a row, and no longer when so little came at once.
_FULL_READS = 2
_SMALL = 8 * 1024
# The most turns one stream takes before others get theirs.
_TURNS = 16

_CAN_SPLICE = sys.platform == "linux" and hasattr(os, "splice")
_F_SETPIPE_SZ = 1031  # fcntl(2); the name is in Python's fcntl module from 3.10 on Linux only


class Stream:
    """Bytes from ``source`` to ``sink``, both non-blocking. One thread calls it.

    ``pending`` tells that the sink is full: wait until it takes more before reading again. ``ended`` tells
    that the source has ended; the sink has been told so (or will be when what is held is sent).
    """

    __slots__ = ("_full", "_held", "_in_pipe", "_pipe", "_scratch", "_sink", "_source", "ended")

    def __init__(self, source: socket.socket, sink: socket.socket, scratch: bytearray) -> None:
        self._source = source
        self._sink = sink
        self._scratch = scratch  # shared by all streams of the thread
        self._held = b""
        self._pipe: tuple[int, int] | None = None
        self._in_pipe = 0
        self._full = 0
        self.ended = False

    @property
    def pending(self) -> bool:
        """Tell whether bytes are held because the sink took no more."""
        return bool(self._held) or self._in_pipe > 0

    @property
    def done(self) -> bool:
        """Tell whether the last byte and the end have been passed on."""
        return self.ended and not self.pending

    def pump(self) -> None:
        """Move what can be moved without waiting.

        Raises:
            OSError: one of the two connections broke.
        """
        for _ in range(_TURNS):
            if self.pending and not self._flush():
                return
            if self.ended or not self._take():
                return

    def close(self) -> None:
        """Give the pipe back."""
        if self._pipe is not None:
            for end in self._pipe:
                os.close(end)
            self._pipe = None

    def _take(self) -> bool:
        """Read once and pass it on; tell whether more may be waiting."""
        try:
            count = self._splice_in() if self._full >= _FULL_READS else self._receive()
        except BlockingIOError:
            return False
        if count == 0:
            self.ended = True
            self._end_sink()
            return False
        return count > 0 and not self.pending

    def _receive(self) -> int:
        """Receive and send; the count is negative when the source has been drained."""
        count = self._source.recv_into(self._scratch)
        if count == 0:
            return 0
        sent = _send(self._sink, memoryview(self._scratch)[:count])
        if sent < count:
            self._held = bytes(memoryview(self._scratch)[sent:count])
        if count < len(self._scratch):
            self._full = 0
            return -count
        self._full += _CAN_SPLICE
        return count

    def _splice_in(self) -> int:
        if self._pipe is None:
            self._pipe = _new_pipe()
        count = os.splice(self._source.fileno(), self._pipe[1], PIPE, flags=_SPLICE)
        self._in_pipe = count
        if count < _SMALL:
            self._full = 0
        if count:
            self._flush()
        return count

    def _flush(self) -> bool:
        """Send what is held; tell whether all of it is gone."""
        if self._held:
            self._held = self._held[_send(self._sink, self._held) :]
        if self._in_pipe and self._pipe is not None:
            with contextlib.suppress(BlockingIOError):
                while self._in_pipe:
                    self._in_pipe -= os.splice(
                        self._pipe[0], self._sink.fileno(), self._in_pipe, flags=_SPLICE
                    )
        if self.pending:
            return False
        if self.ended:
            self._end_sink()
        return True

    def _end_sink(self) -> None:
        if not self.pending:
            with contextlib.suppress(OSError):  # it may be gone already, which is an end as well
                self._sink.shutdown(socket.SHUT_WR)


_SPLICE = (os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK) if _CAN_SPLICE else 0


def _send(sink: socket.socket, data: bytes | memoryview) -> int:
    try:
        return sink.send(data)
    except BlockingIOError:
        return 0
    except OSError as error:
        if error.errno == errno.ENOTCONN:  # some systems say so while the connection is being made
            return 0
        raise


def _new_pipe() -> tuple[int, int]:
    ends = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    with contextlib.suppress(OSError):  # beyond the user's share of pipe memory the default size stays
        fcntl.fcntl(ends[1], _F_SETPIPE_SZ, PIPE)
    return ends
