"""The broker of the embedded deployment: kombu's in-memory transport, made a part of Celery's event loop.

Only with an event loop does Celery give each pool process a pipe of its own. Without, they share one pipe
and its lock, and a process that is killed while it holds the lock (an idle one does) stops all others for
good. And a message wakes the loop, so nothing polls for it.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty
from typing import Any, ClassVar

from kombu.transport import memory, virtual

# Seconds between two turns of an idle loop: Celery looks at each whether it was asked to end.
_TURN = 0.5


class QoS(virtual.QoS):
    """Counts the messages the pool has; one that is done with makes room for the next."""

    def ack(self, delivery_tag: str) -> None:
        """Forget a message, and deliver what waited for its place. Celery calls it in its loop."""
        _plain(super()).ack(delivery_tag)
        self.channel.connection.deliver_all()


class Channel(memory.Channel):
    """A channel that has the loop deliver when there is a message, and when there is room for one.

    Both go through ``call_soon``: what is delivered there reaches the pool in the same turn of the loop.
    Delivered on the loop's tick, it could come after the pool has looked, and wait for the next turn.
    """

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        parent: Any = super()
        parent._put(queue, message, **kwargs)
        Transport.deliver_soon()

    def basic_ack(self, delivery_tag: Any, multiple: bool = False) -> None:
        """Acknowledge a message, which makes room for the next."""
        parent: Any = super()
        parent.basic_ack(delivery_tag, multiple=multiple)
        Transport.deliver_soon()

    def basic_reject(self, delivery_tag: Any, requeue: bool = False) -> None:
        """Give a message back or drop it, which makes room for the next."""
        parent: Any = super()
        parent.basic_reject(delivery_tag, requeue=requeue)
        Transport.deliver_soon()


class Transport(memory.Transport):
    """Messages pass between the threads of one process, in the turns of the consumer's event loop."""

    Channel = Channel
    implements = memory.Transport.implements.extend(asynchronous=True)
    consumers: ClassVar[list[tuple[Any, Callable[[], None]]]] = []

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:  # noqa: ARG002 - kombu's protocol
        """Deliver from now on in this loop; called when the worker has connected."""
        self.consumers.append((loop, self._deliver_all))
        self.deliver_soon()

    @classmethod
    def deliver_soon(cls) -> None:
        """Have every consuming loop of this process deliver. Safe from any thread."""
        for loop, deliver in cls.consumers:
            loop.call_soon(deliver)

    def _deliver_all(self) -> None:
        """Deliver until the queues are empty, or the pool has all it may have."""
        try:
            while True:
                self.cycle.get(self._deliver)
        except Empty:
            return
