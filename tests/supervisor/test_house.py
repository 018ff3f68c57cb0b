"""What stands around the processes: the profile, the lock, ports, logs."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from cli.profiles import ProfileStore
from controlplane.settings.model import Settings
from controlplane.supervisor import first_start, log_files, profile, sockets
from controlplane.supervisor.errors import StartError
from controlplane.supervisor.places import Places
from controlplane.supervisor.report import (
    AlreadyRunningError,
    ProcessReport,
    Report,
    running_pid,
    supervising,
)
from tests.support.ports import free_port

ACCESS = profile.Access(
    endpoint="https://localhost:8443",
    tenant_id="tenant",
    client_id="client",
    subscription_id="subscription",
    subscription_name="Default",
    ca_file="/state/tls/ca.pem",
)

# --- the profile


def test_the_command_line_reads_the_profile(tmp_path: Path) -> None:
    file = tmp_path / "config" / "profiles.json"
    assert profile.write(file, ACCESS, "s3cret", {"group": "default"}) == "local"
    store = ProfileStore(file.parent)
    found = store.require(store.current)
    assert (found.endpoint, found.tenant_id, found.client_id, found.client_secret) == (
        "https://localhost:8443",
        "tenant",
        "client",
        "s3cret",
    )
    assert (found.ca_file, found.subscription_id, found.defaults) == (
        "/state/tls/ca.pem",
        "subscription",
        {"group": "default"},
    )


def test_the_profile_is_private(tmp_path: Path) -> None:
    file = tmp_path / "config" / "profiles.json"
    profile.write(file, ACCESS, "s3cret", {})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["profiles.json"]


def test_a_later_start_keeps_the_secret_and_the_users_defaults(tmp_path: Path) -> None:
    file = tmp_path / "profiles.json"
    profile.write(file, ACCESS, "s3cret", {"group": "default"})
    content = json.loads(file.read_text())
    content["profiles"]["local"]["defaults"] = {"group": "mine"}
    file.write_text(json.dumps(content))
    assert profile.has_secret(file, ACCESS)
    profile.write(file, replace(ACCESS, endpoint="https://localhost:9443"), None, {"group": "default"})
    found = ProfileStore(tmp_path).require("local")
    assert (found.client_secret, found.endpoint) == ("s3cret", "https://localhost:9443")
    assert found.defaults == {"group": "mine"}


def test_another_current_profile_stays_current(tmp_path: Path) -> None:
    file = tmp_path / "profiles.json"
    file.write_text(json.dumps({"current": "work", "profiles": {"work": {"endpoint": "https://w"}}}))
    assert profile.write(file, ACCESS, "s3cret", {}) == "work"
    assert ProfileStore(tmp_path).names == ["local", "work"]


@pytest.mark.parametrize("other", [{"tenant_id": "another"}, {"client_id": "another"}])
def test_the_profile_of_another_service_has_no_secret_for_this_one(
    tmp_path: Path, other: dict[str, str]
) -> None:
    file = tmp_path / "profiles.json"
    profile.write(file, ACCESS, "s3cret", {})
    assert not profile.has_secret(file, replace(ACCESS, **other))


def test_a_damaged_profile_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "profiles.json"
    file.write_text("{")
    with pytest.raises(StartError, match="does not hold JSON"):
        profile.write(file, ACCESS, "s3cret", {})
    assert file.read_text() == "{"


# --- one supervisor a state folder


def test_a_state_folder_has_one_supervisor(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.make()
    assert running_pid(places) is None
    with supervising(places):
        assert running_pid(places) == os.getpid()
        with pytest.raises(AlreadyRunningError), supervising(places):
            pass
    assert running_pid(places) is None


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.make()
    report = Report(1, 2.0, "0.1.0", "https://h", (ProcessReport("web", None, 3.0, 4),), (5001, 5002))
    report.save(places)
    assert Report.load(places) == report


# --- ports


def test_a_taken_port_is_named_with_its_holder_and_the_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        port = squatter.getsockname()[1]
        settings = Settings.model_validate({"state_dir": tmp_path, "port": port})
        with pytest.raises(
            StartError, match=rf"Port {port} .* is taken by \S+ \(pid {os.getpid()}\)"
        ) as said:
            first_start.check_port(settings)
    assert "ACRCTL_PORT" in said.value.hint


def test_a_free_port_is_free() -> None:
    port = free_port()
    assert sockets.is_free("127.0.0.1", port)
    assert sockets.holder(port) is None


def test_up_refuses_a_taken_port_before_it_makes_anything_but_folders(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        port = squatter.getsockname()[1]
        state, config = tmp_path / "state", tmp_path / "config"
        environment = {
            "ACRCTL_STATE_DIR": str(state),
            "ACRCTL_CONFIG_DIR": str(config),
            "ACRCTL_PORT": str(port),
        }
        done = subprocess.run(
            [sys.executable, "-m", "controlplane", "up"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in done.stderr
    assert "ACRCTL_PORT" in done.stderr
    assert not config.exists()
    assert not (state / "acrctl.db").exists()


# --- logs


def test_a_log_that_has_grown_is_put_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(6):
            writer.write(b"%d" % number * 100 + b"\n")
            log_files.rotate(tmp_path, limit=50, kept=3)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["web.log", "web.log.1", "web.log.2", "web.log.3"]
    assert log.read_bytes() == b""
    assert (tmp_path / "web.log.1").read_text() == "5" * 100 + "\n"


def test_the_tail_is_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("".join(f"line {number}\n" for number in range(1000)))
    assert log_files.tail(log, 2) == ["line 998", "line 999"]
    assert log_files.tail(tmp_path / "missing.log", 2) == []


def test_following_goes_on_after_a_rotation(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("old\n")
    lines = log_files.follow([log], pause=0.01)
    with log.open("ab", buffering=0) as writer:
        # What is there when the following begins is not shown; so the first line comes a little later.
        threading.Timer(0.1, lambda: writer.write(b"new line that is long\n")).start()
        assert next(lines) == (log, "new line that is long")
        log_files.rotate(tmp_path, limit=1)
        writer.write(b"after\n")
        assert next(lines) == (log, "after")
