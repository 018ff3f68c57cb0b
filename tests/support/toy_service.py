"""A service with one kind of operation; ``python -m tests.support.toy_service worker`` runs a process of it.

The plan's two steps append a line each to a file, and its completion writes a row that may exist once.
The operation's input says how long a step takes, how often it fails, and whether its process dies.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from controlplane.kernel import logs
from controlplane.kernel.catalogue import INTERNAL_ERROR, QUOTA_EXCEEDED
from controlplane.kernel.clock import SystemClock
from controlplane.kernel.errors import ErrorRecord, Failure
from controlplane.kernel.states import OperationStatus
from controlplane.operations.plans import Plan, Plans, Step, StepContext
from controlplane.persistence import facts
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.operations import OperationRow
from controlplane.settings.model import Settings
from controlplane.workers.relay import run_relay
from controlplane.workers.topics import Work
from controlplane.workers.worker import run_worker
from tests.support.jobs import KIND

STEP_LOG = "steps.log"


def build(settings: Settings) -> Work:
    """Build what a process of the toy service works with."""
    database = Database(settings.database)
    database.ping()
    steps = (Step("first", _step(settings, "first")), Step("second", _step(settings, "second")))
    return Work(database, Plans({KIND: Plan(KIND, steps, _complete)}), SystemClock())


def _step(settings: Settings, name: str) -> Any:
    def run(ctx: StepContext) -> str:
        given = ctx.operation.input
        with (settings.state_dir / STEP_LOG).open("a") as file:
            file.write(f"{ctx.operation.id} {name} {ctx.operation.attempt}\n")
        if ctx.operation.attempt <= given.get("dies", 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if ctx.operation.attempt <= given.get("fails", 0):
            raise Failure(INTERNAL_ERROR, request_id="toy", retryable=True)
        if given.get("refused"):
            raise Failure(QUOTA_EXCEEDED, type="things", sku="Basic")
        _last(ctx, given.get("seconds", 0.0))
        return name

    return run


def _last(ctx: StepContext, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(0.05, seconds))
        ctx.progress(50)


def _complete(
    tx: Transaction, row: OperationRow, status: OperationStatus, _error: ErrorRecord | None
) -> None:
    """Write the row that says it is complete; a second one would not be accepted."""
    if facts.get(tx, row.id) is not None:
        raise LookupError(f"operation {row.id} completed twice")
    facts.set_default(tx, row.id, status.value)


def steps_of(state_dir: Path, operation_id: str) -> list[str]:
    """Steps that were begun for an operation, in order."""
    path = state_dir / STEP_LOG
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split(" ", 1)[1] for line in lines if line.startswith(operation_id)]


def main() -> None:
    """Run one process of the service."""
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)
    if sys.argv[1] == "relay":
        run_relay(settings, build)
    else:
        sys.exit(run_worker(settings, build))


if __name__ == "__main__":
    main()
