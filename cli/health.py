"""Checks of the way from here to the service and to a registry, each with az's name for its failure."""

from __future__ import annotations

import base64
import email.utils
import json
import socket
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from cli.access import login_server, open_registry
from cli.errors import CommandError

if TYPE_CHECKING:
    from cli.dataplane import RegistryClient
    from cli.session import Session
    from cli.spec import Args

LARGEST_SKEW_SECONDS = 300
ACTIONS = ("pull", "push", "metadata_read", "metadata_write", "delete")


class Report:
    """Prints findings on stderr; stops at the first failure unless told to go on."""

    def __init__(self, *, ignore_errors: bool) -> None:
        self._ignore_errors = ignore_errors

    def line(self, text: str) -> None:
        """Print a line that is neither good nor bad."""
        print(text, file=sys.stderr)

    def check(self, what: str, name: str, step: Callable[[], Any]) -> Any:
        """Run one check and print that it is OK; return its result, None after a failure gone past.

        Raises CommandError with ``name`` as its code when the check fails and errors are not ignored.
        """
        try:
            result = step()
        except CommandError as problem:
            failed = type(problem)(problem.message, code=name, hint=problem.hint, details=problem.details)
            if not self._ignore_errors:
                raise failed from problem
            print("\n".join(failed.lines()), file=sys.stderr)
            return None
        self.line(f"{what.format(result)} : OK")
        return result


def check_service(session: Session, report: Report) -> None:
    """Check that the service answers, agrees about the time, and accepts the profile."""
    endpoint = session.profile.endpoint
    answer = report.check(
        f"Service at {endpoint}",
        "CONNECTIVITY_SERVICE_ERROR",
        lambda: session.http.send("GET", f"{session.arm.profile.endpoint}/healthz"),
    )
    if answer is not None:
        report.check(
            "Clock, off by {} seconds", "CLOCK_SKEW_ERROR", lambda: _skew(answer.headers.get("Date"))
        )
    report.check(
        "Login as " + session.profile.client_id, "LOGIN_ERROR", lambda: session.tokens.get(fresh=True)
    )


def _skew(date: str | None) -> int:
    """Return how far the clocks are apart (seconds); CommandError when tokens would suffer."""
    served = email.utils.parsedate_to_datetime(date).timestamp() if date else time.time()
    skew = round(time.time() - served)
    if abs(skew) > LARGEST_SKEW_SECONDS:
        raise CommandError(
            f"The clock here and the service's are {skew} seconds apart.", hint="Set the clock."
        )
    return skew


def check_registry(session: Session, report: Report, args: Args) -> None:
    """Check login server, DNS, TLS and challenge, and both tokens of one registry."""
    given = SimpleNamespace(name=args.name, resource_group=None, suffix=None, username=None, password=None)
    server = report.check("Login server {}", "LOGIN_SERVER_ERROR", lambda: login_server(session, given))
    if server is None:
        return
    address = report.check(
        f"DNS lookup to {server} at IP {{}}", "CONNECTIVITY_DNS_ERROR", lambda: _resolve(server)
    )
    if address is None:
        return
    given.name = server
    client = open_registry(session, given)
    asked = report.check(
        f"Challenge endpoint https://{server}/v2/", "CONNECTIVITY_CHALLENGE_ERROR", client.challenge
    )
    if asked is None:
        return
    refresh = report.check(
        f"Fetch refresh token for registry '{server}'",
        "CONNECTIVITY_REFRESH_TOKEN_ERROR",
        lambda: client.refresh_token(asked),
    )
    if refresh is not None:
        report.check(
            f"Fetch access token for registry '{server}'",
            "CONNECTIVITY_ACCESS_TOKEN_ERROR",
            lambda: _access(client, args.repository),
        )


def _resolve(server: str) -> str:
    host = server.rpartition(":")[0] if ":" in server else server
    try:
        return socket.gethostbyname(host)
    except OSError as problem:
        raise CommandError(f"The host name '{host}' is not known: {problem}") from problem


def _access(client: RegistryClient, repository: str | None) -> None:
    """Get an access token; CommandError names the rights on the repository that it lacks."""
    scope = f"repository:{repository}:{','.join(ACTIONS)}" if repository else "registry:catalog:*"
    granted = _granted(client.access_token(scope))
    lacking = [action for action in ACTIONS if action not in granted] if repository else []
    if lacking:
        raise CommandError(
            f"You have {', '.join(granted) or 'no'} permissions on repository '{repository}' "
            f"and lack {', '.join(lacking)}."
        )


def _granted(token: str) -> list[str]:
    """Return the actions that a registry's access token grants; its signature is the registry's business."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return [str(action) for entry in claims.get("access") or [] for action in entry.get("actions") or []]
    except (IndexError, ValueError, AttributeError):
        return []
