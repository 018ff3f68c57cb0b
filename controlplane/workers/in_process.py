"""The broker of the embedded deployment: kombu's in-memory transport, made a part of Celery's event loop.

Only with an event loop does Celery give each pool process a pipe of its own. Without, they share one pipe
and its lock, and a process that is killed while it holds the lock (an idle one does) stops all others for
good. And a message wakes the loop, so nothing polls for it.
"""

from __future__ import annotations

from queue import Empty
from typing import Any, ClassVar

from kombu.transport import memory, virtual

# Seconds between two turns of an idle loop: Celery looks at each whether it was asked to end.
_TURN = 0.5


class QoS(virtual.QoS):
    """Counts the messages the pool has; one that is done with makes room for the next."""

    def ack(self, delivery_tag: str) -> None:
        """Forget a message, and deliver what waited for its place.

        Celery acknowledges at the start of a turn of its loop, so what is delivered here reaches the pool
        in the same turn. Put off by ``call_soon`` it would wait for the next one: from within the loop that
        wakes nobody.
        """
        _untyped(super()).ack(delivery_tag)
        self.channel.connection.deliver_all()


class Channel(memory.Channel):
    """A channel whose messages wake whoever consumes in this process."""

    QoS = QoS

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        _untyped(super())._put(queue, message, **kwargs)  # noqa: SLF001 - kombu's hook for transports
        for transport, loop in Transport.consumers:
            loop.call_soon(transport.deliver_all)  # safe from any thread


class Transport(memory.Transport):
    """Messages pass between the threads of one process, in the turns of the consumer's event loop.

    Not on the loop's tick: what is delivered there may come after the pool has looked, and wait.
    """

    Channel = Channel
    implements = memory.Transport.implements.extend(asynchronous=True)
    consumers: ClassVar[list[tuple[Transport, Any]]] = []

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:  # noqa: ARG002 - kombu's protocol
        """Deliver from now on in this loop; called when the worker has connected."""
        self.consumers.append((self, loop))
        loop.call_repeatedly(_TURN, self.deliver_all)

    def deliver_all(self) -> None:
        """Deliver until the queues are empty, or the pool has all it may have."""
        try:
            while True:
                _untyped(self.cycle).get(self._deliver)
        except Empty:
            return


def _untyped(value: Any) -> Any:
    """Call what kombu has not annotated."""
    return value
