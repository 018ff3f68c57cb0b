"""Errors of the command line, each with the exit code that scripts rely on.

0 ok, 1 error, 2 usage, 3 not found, 4 login needed, 5 conflict, 6 operation failed, 7 timed out,
130 interrupted. A command raises one of these; `cli.__main__` prints it on stderr and exits.
"""

from __future__ import annotations

from collections.abc import Sequence


class CommandError(Exception):
    """A command cannot do what it was asked to.

    ``code`` is the service's error code, if the service answered; ``details`` are further lines, one per
    finding; ``hint`` says what to do next.
    """

    exit_code = 1

    def __init__(self, message: str, *, code: str = "", hint: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        self.details = tuple(details)

    def lines(self) -> list[str]:
        """Return the text for stderr: the error first, then details, then the hint."""
        first = f"({self.code}) {self.message}" if self.code else self.message
        return [f"ERROR: {first}", *self.details, *([f"HINT: {self.hint}"] if self.hint else [])]


class BadUsageError(CommandError):
    """The command line itself is wrong."""

    exit_code = 2


class NotFoundError(CommandError):
    """What was named does not exist."""

    exit_code = 3


class LoginNeededError(CommandError):
    """There is no profile, no secret, or the service does not accept it."""

    exit_code = 4


class ConflictError(CommandError):
    """The name is taken, something else is at work on it, or it changed meanwhile."""

    exit_code = 5


class OperationFailedError(CommandError):
    """A long-running operation was accepted and ended without success."""

    exit_code = 6


class TimedOutError(CommandError):
    """A long-running operation did not end within the time given; it goes on."""

    exit_code = 7


class InterruptedByUserError(CommandError):
    """The user pressed ctrl-C."""

    exit_code = 130


KIND_OF_STATUS: dict[int, type[CommandError]] = {
    401: LoginNeededError,
    404: NotFoundError,
    409: ConflictError,
    412: ConflictError,
}


def error_class(status: int) -> type[CommandError]:
    """Return the kind of error that an HTTP status stands for."""
    return KIND_OF_STATUS.get(status, CommandError)
