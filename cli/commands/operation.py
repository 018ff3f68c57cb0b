"""`acrctl operation`: long-running operations of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cli import columns, options, registries
from cli.arm import REGISTRIES_API
from cli.errors import InterruptedByUserError, TimedOutError
from cli.lro import FIRST_PAUSE, GROWTH, USUAL_LIMIT, failure, said
from cli.progress import progress
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session

_ENDED = ("succeeded", "failed", "canceled")
STATES = ("Accepted", "Running", "Succeeded", "Failed", "Canceled")


def _path(session: Session, *parts: str) -> str:
    names = [quote(part, safe="") for part in parts]
    return "/".join([session.path(registries.PROVIDER, "operationStatuses"), *names])


def _list(session: Session, args: Args) -> object:
    found = session.arm.list(_path(session), REGISTRIES_API)
    wanted = [
        operation
        for operation in found
        if (not args.status or operation["status"].lower() == args.status.lower())
        and (not args.resource or args.resource.lower() in str(operation.get("resourceId")).lower())
    ]
    wanted.sort(key=lambda operation: str(operation.get("startTime") or ""), reverse=True)
    return wanted[: args.top]


def _get(session: Session, name: str) -> Any:
    return session.arm.get(_path(session, name), REGISTRIES_API)


def _show(session: Session, args: Args) -> object:
    return _get(session, args.operation)


def _wait(session: Session, args: Args) -> object:
    resume = f"acrctl operation wait {args.operation}"
    try:
        with progress(quiet=session.common.only_show_errors) as waiting:
            return _until_ended(session, args, waiting, resume)
    except KeyboardInterrupt:
        raise InterruptedByUserError("Interrupted; the operation goes on.", hint=resume) from None


def _until_ended(session: Session, args: Args, waiting: Any, resume: str) -> Any:
    end, pause = waiting.clock() + args.timeout, FIRST_PAUSE
    while True:
        found = _get(session, args.operation)
        state = str(found["status"]).lower()
        if state == "succeeded":
            return found
        if state in _ENDED:
            raise failure(found)
        if waiting.clock() >= end:
            raise TimedOutError(f"The operation did not end within {args.timeout} seconds.", hint=resume)
        waiting.progress(said(found), pause)
        waiting.sleep(min(pause, max(end - waiting.clock(), 0)))
        pause = min(pause * GROWTH, USUAL_LIMIT)


def _cancel(session: Session, args: Args) -> object:
    path = f"{_path(session, args.operation)}/cancel"
    return session.arm.call("POST", path, REGISTRIES_API)


_NAME = Option(("operation",), "Id of the operation.", Kind.POSITION, required=True)
_EXAMPLE = "c5c8f4c1-7a43-4a0c-9f0c-2f6d3c0a8f11"

COMMANDS = {
    "list": Command(
        _list,
        (
            Option(("--status",), "Only those in this state.", choices=STATES),
            Option(("--resource",), "Only those whose resource id contains this text."),
            Option(("--top",), "At most so many.", Kind.NUMBER),
        ),
        (("What is going on?", "acrctl operation list --status Running -o table"),),
        table=columns.OPERATION,
    ),
    "show": Command(
        _show,
        (_NAME,),
        (("Why did it fail?", f"acrctl operation show {_EXAMPLE} --query error"),),
        table=columns.OPERATION,
    ),
    "wait": Command(
        _wait,
        (_NAME, options.TIMEOUT),
        (
            (
                "Wait at most a minute; exit code 6 says it failed, 7 that it goes on.",
                f"acrctl operation wait {_EXAMPLE} --timeout 60",
            ),
        ),
        table=columns.OPERATION,
    ),
    "cancel": Command(
        _cancel,
        (_NAME,),
        (("Stop an operation.", f"acrctl operation cancel {_EXAMPLE}"),),
        table=columns.OPERATION,
    ),
}
