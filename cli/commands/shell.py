"""`acrctl completion` and `version`."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session

_SHELLS = ("bash", "zsh", "fish")


def _completion(session: Session, args: Args) -> object:
    del session
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only for this command

    from cli.app import RootGroup  # noqa: PLC0415 - it imports this module's siblings
    from cli.errors import BadUsageError  # noqa: PLC0415 - as above

    kind = get_completion_class(args.shell) if args.shell in _SHELLS else None
    if kind is None:
        raise BadUsageError(f"'{args.shell}' is not one of {', '.join(_SHELLS)}")
    print(kind(RootGroup(), {}, "acrctl", "_ACRCTL_COMPLETE").source())
    return None


def _version(session: Session, args: Args) -> object:
    del session, args
    from importlib.metadata import version  # noqa: PLC0415 - slow, and only for this command

    return {"acrctl": version("acrctl"), "python": platform.python_version()}


COMMANDS = {
    "completion": Command(
        _completion,
        (Option(("shell",), "bash, zsh or fish.", Kind.POSITION, required=True),),
        (
            ("Now and in this shell.", 'eval "$(acrctl completion bash)"'),
            ("For good.", "acrctl completion fish > ~/.config/fish/completions/acrctl.fish"),
        ),
    ),
    "version": Command(_version, (), (("Only the number.", "acrctl version --query acrctl -o tsv"),)),
}
