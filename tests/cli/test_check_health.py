"""`acrctl registry check-health` tells each step, in order, and names the first that fails."""

from __future__ import annotations

import email.utils
import time

from tests.cli.cli_runner import Runner
from tests.cli.stand_in import Answer, Request, Service, route


@route("GET", "/healthz")
def healthz(_: Service, __: Request) -> Answer:
    return Answer(200, {"status": "ok"})


def test_every_step_is_told(ready: Runner) -> None:
    shown = ready("registry", "check-health", "-n", "demo01")
    assert (shown.code, shown.out) == (0, "")
    told = [line.partition(" : OK")[0] for line in shown.err.splitlines() if line.endswith(" : OK")]
    beginnings = [
        "Service",
        "Clock",
        "Login as",
        "Login server",
        "DNS",
        "Challenge",
        "Fetch refresh",
        "Fetch access",
    ]
    assert len(told) == len(beginnings)
    assert all(line.startswith(start) for line, start in zip(told, beginnings, strict=True))


def test_the_service_alone_is_checked_without_a_name(ready: Runner, service: Service) -> None:
    assert ready("check-health").code == 0
    assert not service.asked("GET", "/v2/")


def test_the_first_failure_ends_it(ready: Runner) -> None:
    shown = ready("check-health", "-n", "nosuch")
    assert shown.code == 3
    assert "ERROR: (LOGIN_SERVER_ERROR)" in shown.err


def test_failures_can_be_gone_past(ready: Runner) -> None:
    shown = ready("check-health", "-n", "demo01", "--repository", "hello", "--ignore-errors")
    assert shown.code == 0
    assert "ERROR: (CONNECTIVITY_ACCESS_TOKEN_ERROR) You have no permissions" in shown.err


def test_a_clock_that_is_off_is_told(ready: Runner, service: Service) -> None:
    service.next.append(Answer(200, {}, {"Date": email.utils.formatdate(time.time() - 3600)}))
    shown = ready("check-health")
    assert shown.code == 1
    assert "ERROR: (CLOCK_SKEW_ERROR)" in shown.err
