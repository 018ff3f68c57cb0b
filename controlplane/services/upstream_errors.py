"""What goes wrong with upstreams, and what is known of the cause."""

from __future__ import annotations

import json
from enum import Enum
from http import HTTPStatus

from controlplane.services.outbound import OutboundError, Stream

LONGEST_PAUSE = 30.0
"""Seconds; an upstream that asks for more gets a new try after so many all the same."""

_CAUSE_LIMIT = 256 * 1024


class Trouble(Enum):
    """Why an upstream did not give what it was asked for."""

    MISSING = "missing"
    REFUSED = "refused"
    THROTTLED = "throttled"
    DOWN = "down"
    WRONG = "wrong"  # what it gave cannot be used


class UpstreamError(Exception):
    """An upstream did not give what it was asked for; the text names the cause and may be shown."""

    def __init__(
        self, trouble: Trouble, text: str, status: int = 0, retry_after: float | None = None
    ) -> None:
        super().__init__(text)
        self.trouble = trouble
        self.status = status
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Tell whether asking again later may help."""
        return self.trouble in {Trouble.THROTTLED, Trouble.DOWN}


def refusal(host: str, answer: Stream, asked: str) -> UpstreamError:
    """Say what an answer that is none means."""
    status = answer.status
    text = f"{host} answered {status} {answer.reason} to {asked}{_cause(answer)}"
    kinds = {
        HTTPStatus.NOT_FOUND: Trouble.MISSING,
        HTTPStatus.UNAUTHORIZED: Trouble.REFUSED,
        HTTPStatus.FORBIDDEN: Trouble.REFUSED,
        HTTPStatus.TOO_MANY_REQUESTS: Trouble.THROTTLED,
    }
    trouble = kinds.get(HTTPStatus(status) if status in set(HTTPStatus) else HTTPStatus.BAD_GATEWAY)
    if trouble is None:
        down = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        trouble = Trouble.DOWN if down else Trouble.WRONG
    return UpstreamError(trouble, text, status, _retry_after(answer))


def _retry_after(answer: Stream) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return min(float(text), LONGEST_PAUSE) if text.isdigit() else None


def _cause(answer: Stream) -> str:
    """Return what the upstream says itself, if it says it as OCI distribution has it."""
    try:
        errors = json.loads(answer.whole(_CAUSE_LIMIT))["errors"]
        told = [f"{one['code']}: {one.get('message') or ''}".strip(": ") for one in errors[:3]]
    except (ValueError, KeyError, TypeError, OutboundError):
        return ""
    return f" ({'; '.join(text[:200] for text in told)})"
