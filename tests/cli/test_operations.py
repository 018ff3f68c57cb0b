"""Long-running operations: waiting, failing, timing out, interrupting, following."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.cli.cli_runner import Runner
from tests.cli.stand_in import Answer, Service, error


def create(run: Runner, *more: str) -> Any:
    return run("registry", "create", "-n", "demo02", "--sku", "Basic", *more)


def test_create_waits_for_the_status_and_shows_the_final_registry(ready: Runner, service: Service) -> None:
    service.provisioning = "async"
    made = create(ready)
    assert made.json["provisioningState"] == "Succeeded"
    assert len(service.asked("GET", "/operationStatuses/")) == service.polls


def test_polling_starts_faster_than_the_server_asks(ready: Runner, service: Service) -> None:
    service.provisioning = "async"
    began = time.monotonic()
    assert create(ready).code == 0
    assert time.monotonic() - began < 0.9  # the stand-in sends Retry-After: 1


def test_a_failed_operation_exits_6_with_its_error(ready: Runner, service: Service) -> None:
    service.provisioning = "fail"
    made = create(ready)
    assert made.code == 6
    assert made.err.startswith("ERROR: (NoPortLeft) No port is left.")
    assert made.out == ""


def test_time_runs_out_with_exit_7_and_says_how_to_go_on(ready: Runner, service: Service) -> None:
    service.provisioning, service.polls = "async", 1000
    made = create(ready, "--timeout", "0")
    assert made.code == 7
    (name,) = service.operations
    assert f"acrctl operation wait {name}" in made.err


def test_no_wait_returns_at_once(ready: Runner, service: Service) -> None:
    service.provisioning, service.polls = "async", 1000
    made = create(ready, "--no-wait")
    assert (made.code, made.out) == (0, "")
    assert not service.asked("GET", "/operationStatuses/")
    assert "acrctl operation wait" in made.err


def test_a_provisioning_state_alone_is_followed(ready: Runner, service: Service) -> None:
    group = Answer(200, service.groups["rg1"])
    states = ["Creating", "Creating", "Succeeded"]
    answers = [
        Answer(201, {"id": "/x", "properties": {"provisioningState": state}}, {"Retry-After": "0"})
        for state in states
    ]
    service.next.extend([group, *answers])
    assert create(ready).json["provisioningState"] == "Succeeded"
    assert len(service.asked("GET", "/registries/demo02")) == 2


def test_a_failed_provisioning_state_exits_6(ready: Runner, service: Service) -> None:
    body = {"id": "/x", "properties": {"provisioningState": "Failed"}}
    service.next.extend([Answer(200, service.groups["rg1"]), Answer(201, body)])
    assert create(ready).code == 6


def test_delete_follows_the_location(ready: Runner, service: Service) -> None:
    assert ready("registry", "delete", "-n", "demo01", "--yes").code == 0
    assert len(service.asked("GET", "/operationResults/")) == service.polls


def test_a_failure_at_the_location_exits_6(ready: Runner, service: Service) -> None:
    service.polls = 1000
    where = f"{service.base}/gone"
    registry = service.registries["demo01"]
    service.next.extend(
        [
            Answer(200, {"value": [registry]}),
            Answer(202, None, {"Location": where, "Retry-After": "0"}),
            error(409, "StillInUse", "It is in use."),
        ]
    )
    shown = ready("registry", "delete", "-n", "demo01", "--yes")
    assert shown.code == 6
    assert "(StillInUse)" in shown.err


@pytest.fixture
def running(ready: Runner, service: Service) -> str:
    """The id of an operation that goes on."""
    service.provisioning, service.polls = "async", 1000
    assert create(ready, "--no-wait").code == 0
    return str(*service.operations)


def test_operations_are_listed_filtered_and_shown(ready: Runner, running: str) -> None:
    table = ready("operation", "list", "-o", "table").out.splitlines()
    assert table[0].split()[0] == "OPERATION"
    assert table[2].split()[:3] == [running, "create", "Running"]
    assert ready("operation", "list", "--status", "failed").json == []
    assert ready("operation", "list", "--resource", "demo02", "--top", "1").json[0]["name"] == running
    assert ready("operation", "show", running, "--query", "status", "-o", "tsv").out == "Running\n"
    assert ready("operation", "show", "nosuch").code == 3


def test_operation_wait_ends_with_the_operation(ready: Runner, service: Service, running: str) -> None:
    assert ready("operation", "wait", running, "--timeout", "0").code == 7
    service.operations[running]["left"] = 2
    assert ready("operation", "wait", running).json["status"] == "Succeeded"


def test_operation_cancel(ready: Runner, running: str) -> None:
    assert ready("operation", "cancel", running).json["status"] == "Canceled"
    waited = ready("operation", "wait", running)
    assert waited.code == 6


def test_interrupting_exits_130_and_says_how_to_go_on(
    ready: Runner, service: Service, config: os.PathLike[str]
) -> None:
    del ready
    service.provisioning, service.polls = "async", 100000
    words = ["registry", "create", "-n", "demo02", "--sku", "Basic"]
    program = subprocess.Popen(
        # Whoever runs the tests in the background has SIGINT ignored, and so would the program.
        ["env", "--default-signal=INT", sys.executable, "-m", "cli", *words],
        env={**os.environ, "ACRCTL_CONFIG_DIR": str(config)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not service.asked("GET", "/operationStatuses/") and time.monotonic() < deadline:
        time.sleep(0.02)
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=20)
    assert program.returncode == 130, err
    assert out == ""
    assert "acrctl operation wait" in err
    assert "Traceback" not in err
