"""What keeps a start from succeeding, said to the person who started it."""

from __future__ import annotations


class StartError(Exception):
    """The service cannot be started or stopped. ``hint`` says what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
