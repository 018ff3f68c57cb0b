"""What `status` shows: the supervisor's report beside what the service itself answers."""

from __future__ import annotations

import json
import platform
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version

from controlplane.settings.model import Settings
from controlplane.supervisor import probe
from controlplane.supervisor.places import Places
from controlplane.supervisor.report import ProcessReport, Report, running_pid


@dataclass(frozen=True, slots=True)
class State:
    """A look at the service on this machine."""

    running: bool
    ready: bool
    health: dict[str, str]
    endpoint: str
    state_folder: str
    database: str
    versions: dict[str, str]
    report: Report | None

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=2)

    def to_text(self) -> str:
        """Return it as a table for people."""
        if not self.running:
            return f"not running (state folder {self.state_folder})"
        rows = [
            ("endpoint", self.endpoint),
            ("ready", "yes" if self.ready else f"no: {self.health['/readyz']}"),
            ("state folder", self.state_folder),
            ("database", self.database),
            ("version", ", ".join(f"{name} {number}" for name, number in self.versions.items())),
        ]
        if self.report is not None:
            rows += [("login ports", ", ".join(map(str, self.report.login_ports)) or "none open")]
            rows += [(process.name, _describe(process)) for process in self.report.processes]
        return "\n".join(f"{name:<13} {value}" for name, value in rows)


def look(settings: Settings) -> State:
    """Ask the supervisor's report and the health endpoints."""
    places = Places(settings.state_dir.resolve())
    running = running_pid(places) is not None
    answers = {path: probe.ask(settings, path) for path in ("/healthz", "/readyz")} if running else {}
    return State(
        running=running,
        ready=running and answers["/readyz"].good,
        health={path: "ok" if answer.good else answer.text for path, answer in answers.items()},
        endpoint=settings.public_url,
        state_folder=str(places.root),
        database=settings.database.partition(":")[0],
        versions={
            "acrctl": version("acrctl"),
            "python": platform.python_version(),
            "granian": version("granian"),
        },
        report=Report.load(places) if running else None,
    )


def _describe(process: ProcessReport) -> str:
    if process.pid is None:
        return f"down, starting again ({process.restarts} restarts)"
    age = int(time.time() - process.since)
    clock = f"{age // 3600}:{age // 60 % 60:02}:{age % 60:02}"
    return f"pid {process.pid}, up {clock}, {process.restarts} restarts"
