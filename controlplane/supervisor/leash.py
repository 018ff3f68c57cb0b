"""A process that ends when its parent does, however the parent ended."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

_LOOK = 0.5
_GRACE = 5.0


def follow_parent() -> None:
    """Stop this process soon after its parent is gone: politely first, then at once.

    A supervisor killed with SIGKILL cannot stop its children; without this they would keep the ports.
    """
    threading.Thread(target=_watch, args=(os.getppid(),), name="leash", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK)
    with contextlib.suppress(ProcessLookupError):
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(1)
