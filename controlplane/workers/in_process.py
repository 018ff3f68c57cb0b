"""The broker of the embedded deployment: kombu's in-memory transport, attentive to the end of its worker."""

from __future__ import annotations

from typing import Any

from kombu.transport import memory

_LONGEST_LOOK = 0.1  # seconds


class Transport(memory.Transport):
    """Celery looks for signals between two looks for messages, which it lets last for two seconds."""

    def drain_events(self, connection: Any, **kwargs: Any) -> Any:
        """Wait for one message, a tenth of a second at most.

        Raises:
            TimeoutError: there was none.
        """
        timeout = min(kwargs.pop("timeout", None) or _LONGEST_LOOK, _LONGEST_LOOK)
        parent: Any = super()
        return parent.drain_events(connection, timeout=timeout, **kwargs)
