"""Errors as values: a catalogue entry says code, status and message; a Failure carries one to the edge.

Raise deep, translate once: the management plane renders a Failure in the ARM envelope, the distribution
plane in the OCI envelope, the command line as one line. The catalogue of the management plane follows
Azure Resource Manager and the ACR resource provider; the names are theirs because clients match on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One entry of an error catalogue.

    ``message`` is a format string over the failure's parameters. ``provider`` marks an error the ACR
    resource provider makes itself: its envelope carries ``"status": "Failed"``, those of the ARM front
    door do not.
    """

    code: str
    status: int
    message: str
    provider: bool = False


@dataclass(frozen=True, slots=True)
class Detail:
    """One finding within a failure, for example one field of a body."""

    code: str
    message: str
    target: str | None = None


class Failure(Exception):  # noqa: N818 - it is not always an error of ours
    """A request or a step cannot be done, and the catalogue says why.

    ``headers`` are added to an HTTP answer that is made of it. ``retryable`` tells a worker that the
    same step may succeed later.
    """

    def __init__(  # noqa: PLR0913 - the members of the ARM error envelope
        self,
        kind: ErrorKind,
        *,
        target: str | None = None,
        details: Sequence[Detail] = (),
        headers: Mapping[str, str] | None = None,
        info: Sequence[Mapping[str, Any]] = (),
        retryable: bool = False,
        **params: object,
    ) -> None:
        self.kind = kind
        self.target = target
        self.details = tuple(details)
        self.headers = dict(headers or {})
        self.info = tuple(info)
        self.retryable = retryable
        self.message = kind.message.format(**params)
        super().__init__(f"({kind.code}) {self.message}")


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """A failure as it is stored with an operation and shown by its status."""

    code: str
    message: str
    target: str | None = None
    details: tuple[Mapping[str, Any], ...] = field(default=())

    @classmethod
    def of(cls, failure: Failure) -> ErrorRecord:
        """Take what may be shown of a failure."""
        details = tuple({"code": d.code, "message": d.message, "target": d.target} for d in failure.details)
        return cls(failure.kind.code, failure.message, failure.target, details)

    def to_json(self) -> dict[str, Any]:
        """Return the ARM error body, without members that are unset."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target is not None:
            body["target"] = self.target
        if self.details:
            body["details"] = [dict(d) for d in self.details]
        return body
