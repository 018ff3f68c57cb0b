"""`acrctl registry check-health`: every step between here and a registry, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import containers, options
from cli.errors import CommandError
from cli.health import Report, check_registry, check_service
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session


def _check(session: Session, args: Args) -> object:
    report = Report(ignore_errors=args.ignore_errors)
    try:
        client = containers.find_client()
        report.line(f"Container client: {containers.version(client) or client}")
    except CommandError as problem:
        report.line(f"Container client: {problem.message}")
    check_service(session, report)
    if args.name:
        check_registry(session, report, args)
    return None


COMMANDS = {
    "check-health": Command(
        _check,
        (
            Option(
                ("--name", "-n"),
                "Name of the registry; without it only the service is checked.",
                fallback="acr",
            ),
            Option(("--repository",), "Also check the rights on this repository."),
            Option(("--ignore-errors",), "Go on after a failed check.", Kind.FLAG),
            Option(("--vnet",), "Virtual network.", refused="there are no virtual networks here"),
            options.YES,
        ),
        (
            ("Can I reach the registry, and may I?", "acrctl registry check-health -n demo01"),
            ("May I push?", "acrctl registry check-health -n demo01 --repository hello"),
        ),
        about="Prints one line per check on stderr. Nothing is changed and nothing is asked.",
    ),
}
