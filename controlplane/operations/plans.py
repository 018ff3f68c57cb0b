"""What an operation does: a plan of named steps, and what a step is given.

A step must be idempotent. Twice: a step that ran but was not recorded runs again, with the same
operation id and step name to key outside effects by. Dies midway: the next claim starts it over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from controlplane.kernel.errors import ErrorRecord
from controlplane.kernel.states import OperationStatus
from controlplane.persistence.database import Transaction
from controlplane.persistence.operations import OperationRow


class LeaseLostError(Exception):
    """This worker's claim is no longer valid; whatever it does now is not recorded."""


class StopRequestedError(Exception):
    """This worker is shutting down; the operation goes on in another."""


class StepContext(Protocol):
    """What a running step may use."""

    @property
    def operation(self) -> OperationRow:
        """The operation as claimed; its ``input`` is what was accepted."""
        ...

    @property
    def results(self) -> Mapping[str, Any]:
        """Recorded results of the steps that ended before, by step name."""
        ...

    def write(self) -> AbstractContextManager[Transaction]:
        """Open a writing transaction that is fenced. Keep it shorter than a lease.

        Raises:
            LeaseLostError: another worker has taken over, or the operation has ended.
        """
        ...

    def progress(self, percent: int) -> None:
        """Record progress (0 to 99) and renew the lease.

        Raises:
            LeaseLostError: another worker has taken over, or the operation has ended.
            Failure: the caller asked to cancel (OPERATION_CANCELED).
            StopRequestedError: this worker is shutting down; let it pass, the step runs again elsewhere.
        """
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One named, idempotent unit of a plan. ``run`` returns a JSON value that is recorded.

    A step fails for good by raising a Failure, and for now by raising one that is ``retryable`` or any
    unexpected exception: it is run again after a growing pause until the operation's deadline.
    """

    name: str
    run: Callable[[StepContext], Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything about one kind of operation.

    ``complete`` is called in the transaction that ends the operation, whatever its end, so that the
    resource and its operation cannot disagree. ``queue`` is the kind of work, for routing to workers.
    ``result`` turns the recorded results into what the result endpoint answers (None: 204, no body).
    """

    kind: str
    steps: Sequence[Step]
    complete: Callable[[Transaction, OperationRow, OperationStatus, ErrorRecord | None], None]
    queue: str = "provision"
    result: Callable[[OperationRow, Mapping[str, Any]], Any] | None = None


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans of a deployment by kind."""

    by_kind: Mapping[str, Plan] = field(default_factory=dict)

    def of(self, kind: str) -> Plan:
        """Return the plan of a kind.

        Raises:
            KeyError: no plan of that kind is known, for example to a worker older than the web process.
        """
        return self.by_kind[kind]
