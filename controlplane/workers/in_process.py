"""The broker of the embedded deployment: kombu's in-memory transport, made a part of Celery's event loop.

Only with an event loop does Celery give each pool process a pipe of its own. Without, they share one pipe
and its lock, and a process that is killed while it holds the lock (an idle one does) stops all others for
good. And a message wakes the loop, so nothing polls.
"""

from __future__ import annotations

from queue import Empty
from typing import Any, ClassVar

from kombu.transport import memory


class Channel(memory.Channel):
    """A channel whose messages wake whoever consumes in this process."""

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        parent: Any = super()
        parent._put(queue, message, **kwargs)
        for loop in Transport.loops:
            loop.call_soon(_wake)  # safe from any thread


class Transport(memory.Transport):
    """Messages pass between the threads of one process; each turn of the loop delivers what may be."""

    Channel = Channel
    implements = memory.Transport.implements.extend(asynchronous=True)
    loops: ClassVar[list[Any]] = []

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:  # noqa: ARG002 - kombu's protocol
        """Deliver from now on in this loop; called when the worker has connected."""
        loop.on_tick.add(self._deliver_all)
        self.loops.append(loop)

    def _deliver_all(self) -> None:
        """Deliver until the queues are empty, or the pool has all it may have."""
        try:
            while True:
                self.cycle.get(self._deliver)
        except Empty:
            return


def _wake() -> None:
    """Do nothing: being called is what the loop was waiting for."""
