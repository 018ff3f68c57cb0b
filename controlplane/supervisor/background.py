"""Starting the supervisor in the background and stopping it again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from controlplane.settings.model import Settings
from controlplane.supervisor import log_files, probe
from controlplane.supervisor.children import STOP_SECONDS
from controlplane.supervisor.errors import StartError
from controlplane.supervisor.places import Places
from controlplane.supervisor.report import Report, running_pid

READY_SECONDS = 90.0
_LOOK = 0.1
_HOPELESS_RESTARTS = 3
_TAIL = 15


def start(settings: Settings) -> subprocess.Popen[bytes]:
    """Start the supervisor detached from this terminal and return its process."""
    places = Places(settings.state_dir.resolve())
    with (places.log / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            (sys.executable, "-P", "-m", "controlplane", "supervise"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "ACRCTL_STATE_DIR": str(places.root)},
            start_new_session=True,
        )


def wait_until_ready(
    settings: Settings, process: subprocess.Popen[bytes] | None, progress: Callable[[str], None]
) -> None:
    """Return when the service answers that it is ready; tell the progress meanwhile.

    Raises:
        StartError: it ended, keeps falling over, or is not ready in time; with the end of the log.
    """
    places = Places(settings.state_dir.resolve())
    deadline = time.monotonic() + READY_SECONDS
    said = ""
    while not (answer := probe.ask(settings, "/readyz")).good:
        if process is not None:
            _give_up_on_crashes(process, places)
        if time.monotonic() > deadline:
            raise StartError(f"Not ready after {READY_SECONDS:.0f} s: {answer.text}", _log_end(places, "web"))
        now = "waiting for the web process" if answer.status == 0 else f"not ready yet: {answer.text}"
        if now != said:
            progress(now)
            said = now
        time.sleep(_LOOK)


def stop(settings: Settings) -> bool:
    """Stop the supervisor and everything it runs; tell whether there was one.

    Raises:
        StartError: it belongs to another user.
    """
    places = Places(settings.state_dir.resolve())
    pid = running_pid(places)
    if not pid:
        return False
    processes = report.processes if (report := Report.load(places)) else ()
    _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS + 4
    while running_pid(places) == pid:
        if time.monotonic() > deadline:
            _signal(pid, signal.SIGKILL)
            for process in processes:
                if process.pid is not None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
            deadline += STOP_SECONDS
        time.sleep(0.05)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise StartError(f"The supervisor (pid {pid}) belongs to another user.") from error


def _give_up_on_crashes(supervisor: subprocess.Popen[bytes], places: Places) -> None:
    if supervisor.poll() is not None:
        raise StartError("The supervisor ended.", _log_end(places, "supervisor"))
    report = Report.load(places)
    for process in report.processes if report else ():
        if process.restarts >= _HOPELESS_RESTARTS:
            raise StartError(f"The {process.name} process keeps ending.", _log_end(places, process.name))


def _log_end(places: Places, name: str) -> str:
    log = places.log / f"{name}.log"
    return "\n".join([f"The end of {log}:", *(f"  {line}" for line in log_files.tail(log, _TAIL))])
