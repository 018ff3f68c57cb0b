"""Waiting for long-running operations, by the rules of Azure's resource manager.

An answer that is not final carries `Azure-AsyncOperation` (poll it, read `status`), or `Location` (poll
until it is not 202), or only a non-terminal `provisioningState` (read the resource again). Polling starts
fast, because many operations end within a second, and slows down to the server's Retry-After.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cli.arm import FIRST_ERROR_STATUS, error_of
from cli.errors import CommandError, InterruptedByUserError, OperationFailedError, TimedOutError

if TYPE_CHECKING:
    import requests

    from cli.arm import Arm

FIRST_PAUSE = 0.1
GROWTH = 1.6
USUAL_LIMIT = 5.0
DEFAULT_TIMEOUT = 3600.0
ACCEPTED = 202
_SUCCEEDED = "succeeded"
_FAILURES = frozenset({"failed", "canceled"})


@dataclass
class Waiting:
    """How to wait: for how long (seconds), asleep how, showing progress where."""

    timeout: float = DEFAULT_TIMEOUT
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    progress: Callable[[str, float], None] = lambda _what, _seconds: None


class Poller:
    """Follows one operation that was answered by ``first`` to its end."""

    def __init__(self, arm: Arm, first: requests.Response, resource: str, waiting: Waiting) -> None:
        self._arm = arm
        self._first = first
        self._resource = resource
        self._waiting = waiting
        self._pause = FIRST_PAUSE
        self._deadline = waiting.clock() + waiting.timeout
        self.monitor = first.headers.get("Azure-AsyncOperation") or first.headers.get("Location") or ""

    @property
    def operation(self) -> str:
        """The id of the operation, empty when the service named none."""
        return urlsplit(self.monitor).path.rpartition("/")[2] if self.monitor else ""

    def result(self) -> Any:
        """Wait for the end and return the final body, None when there is none.

        Raises OperationFailedError, TimedOutError, or InterruptedByUserError after ctrl-C.
        """
        try:
            return self._follow()
        except KeyboardInterrupt:
            raise InterruptedByUserError("Interrupted; the operation goes on.", hint=self._resume()) from None

    def _follow(self) -> Any:
        is_write = self._first.request.method in ("PUT", "PATCH")
        if self._first.headers.get("Azure-AsyncOperation"):
            self._until_status(self.monitor)
            return self._arm.get(self._resource, params=self._version()) if is_write else self._at_location()
        if self._first.headers.get("Location") and self._first.status_code == ACCEPTED:
            return self._until_answered(self.monitor)
        return self._until_provisioned() if is_write else _body(self._first)

    def _version(self) -> dict[str, str]:
        query = urlsplit(str(self._first.url)).query
        return dict(pair.split("=", 1) for pair in query.split("&") if pair.startswith("api-version="))

    def _until_status(self, url: str) -> None:
        while True:
            answer = self._arm.send("GET", url)
            body = self._checked(answer)
            if body["status"].lower() == _SUCCEEDED:
                return
            self._rest(answer, said(body))

    def _checked(self, answer: requests.Response) -> dict[str, Any]:
        """Return the status document of an answer; raise when it tells a failure or no status."""
        body = _body(answer)
        if answer.status_code >= FIRST_ERROR_STATUS:
            raise error_of(answer)
        if not isinstance(body, dict) or not body.get("status"):
            raise CommandError("The service answered without the status of the operation.")
        if body["status"].lower() in _FAILURES:
            raise failure(body)
        return body

    def _at_location(self) -> Any:
        location = self._first.headers.get("Location")
        return self._until_answered(location) if location else None

    def _until_answered(self, url: str) -> Any:
        while True:
            answer = self._arm.send("GET", url)
            if answer.status_code >= FIRST_ERROR_STATUS:
                error = error_of(answer)
                raise OperationFailedError(error.message, code=error.code, details=error.details)
            if answer.status_code != ACCEPTED:
                return _body(answer)
            self._rest(answer, "Running")

    def _until_provisioned(self) -> Any:
        answer, body = self._first, _body(self._first)
        while True:
            state = str((body or {}).get("properties", {}).get("provisioningState") or "Succeeded")
            if state.lower() == _SUCCEEDED:
                return body
            if state.lower() in _FAILURES:
                raise OperationFailedError(f"The operation ended with provisioning state {state}.")
            self._rest(answer, state)
            answer = self._arm.send("GET", self._resource, params=self._version())
            if answer.status_code >= FIRST_ERROR_STATUS:
                raise error_of(answer)
            body = _body(answer)

    def _rest(self, answer: requests.Response, status: str) -> None:
        """Pause before the next poll, never past the deadline."""
        asked = answer.headers.get("Retry-After", "")
        limit = float(asked) if asked.isdigit() else USUAL_LIMIT
        pause = min(self._pause, max(limit, FIRST_PAUSE))
        self._pause *= GROWTH
        left = self._deadline - self._waiting.clock()
        if left <= 0:
            raise TimedOutError(
                f"The operation did not end within {self._waiting.timeout:g} seconds; it goes on.",
                hint=self._resume(),
            )
        self._waiting.progress(status, pause)
        self._waiting.sleep(min(pause, left))

    def _resume(self) -> str:
        return f"acrctl operation wait {self.operation}" if self.operation else "Look at it with show."


def said(status: dict[str, Any]) -> str:
    """Return the state of an operation for people, with its percentage where the service tells one."""
    state, percent = str(status["status"]), status.get("percentComplete")
    return f"{state} {percent:.0f} %" if isinstance(percent, (int, float)) else state


def failure(status: dict[str, Any]) -> OperationFailedError:
    """Return the error that the final status of an operation tells."""
    error = status.get("error") or {}
    message = error.get("message") or f"The operation ended with status {status.get('status')}."
    details = [f"  {d.get('code', 'detail')}: {d.get('message', '')}" for d in error.get("details") or []]
    return OperationFailedError(message, code=str(error.get("code") or ""), details=details)


def _body(answer: requests.Response) -> Any:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        return None
