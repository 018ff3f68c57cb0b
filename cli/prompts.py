"""Asking the user, only where there is one."""

from __future__ import annotations

import sys

from cli.errors import CommandError, InterruptedByUserError


def confirm(question: str, *, yes: bool | None) -> None:
    """Return if the user agrees or agreed beforehand with --yes.

    Raises CommandError without a terminal, InterruptedByUserError when the user declines.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError("Unable to prompt for confirmation as no tty available. Use --yes.")
    import click  # noqa: PLC0415 - loaded already when a program runs, not when tests import this

    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise InterruptedByUserError("Operation cancelled.")


def secret(prompt: str, missing: str) -> str:
    """Ask for a secret without showing it; CommandError with the text ``missing`` without a terminal."""
    if not sys.stdin.isatty():
        raise CommandError(missing)
    import getpass  # noqa: PLC0415 - rarely needed

    return getpass.getpass(f"{prompt}: ")
