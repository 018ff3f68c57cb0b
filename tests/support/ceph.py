"""A Ceph Object Gateway of the tests' own, from Debian's packages: S3 as a production server speaks it.

One monitor, one storage daemon that keeps its objects in memory, one gateway, all on free loopback ports.
Without the pauses that a real cluster makes before it agrees on anything it is up in about a second.
"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store

from tests.support.ports import free_port
from tests.support.postgres import MISSING
from tests.support.processes import Process
from tests.support.waiting import eventually

ACCESS_KEY, SECRET_KEY = "acrctl", "acrctl-secret"
_CONF = """
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{monitor}
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 1000
osd crush chooseleaf type = 0
osd crush update on start = false
osd class update on start = false
osd objectstore = memstore
memstore device bytes = 8589934592
paxos propose interval = 0.05
mon data avail crit = 1
mon data avail warn = 1
mon data = {folder}/mon
osd data = {folder}/osd
rgw data = {folder}/rgw
keyring = {folder}/keyring
run dir = {folder}
admin socket =
log file =
"""


@dataclass(frozen=True)
class Gateway:
    """A running S3 server; its gateway may be stopped and started again: the objects are not in it."""

    port: int
    process: Process

    @property
    def options(self) -> dict[str, str]:
        """What a client must know of it, as obstore names it."""
        endpoint = f"http://127.0.0.1:{self.port}"
        return {"endpoint": endpoint, "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY}

    def start(self) -> None:
        """Start the gateway and wait until it answers."""
        self.process.start()
        eventually(lambda: _answers(self.port), within=30, what="the gateway answers")

    def bucket(self) -> str:
        """Make a bucket; return its name."""
        name = f"bucket-{uuid.uuid4()}"
        config: Any = self.options
        store = S3Store(name, config=config, client_options={"allow_http": True})
        url = obstore.sign(store, "PUT", "", timedelta(seconds=60))
        with urllib.request.urlopen(urllib.request.Request(url, method="PUT")):  # noqa: S310 - loopback
            return name


@contextmanager
def gateway() -> Iterator[Gateway]:
    """Run a cluster with its gateway until the block ends; a missing package fails the test."""
    for program, package in {"ceph-mon": "ceph-mon", "ceph-osd": "ceph-osd", "radosgw": "radosgw"}.items():
        if shutil.which(program) is None:
            pytest.fail(MISSING.format(program="Ceph", package=package), pytrace=False)
    folder = Path(tempfile.mkdtemp(prefix="acrctl-ceph-"))
    daemons: list[Process] = []
    try:
        _start_cluster(folder, daemons)
        port = free_port()
        frontend = f"beast endpoint=127.0.0.1:{port} tcp_nodelay=1"
        process = _daemon(folder, "radosgw", "-n", "client.rgw", "--rgw-frontends", frontend)
        daemons.append(process)
        made = Gateway(port, process)
        made.start()
        yield made
    finally:
        for daemon in reversed(daemons):
            daemon.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _start_cluster(folder: Path, daemons: list[Process]) -> None:
    fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
    monitor = free_port()
    (folder / "ceph.conf").write_text(_CONF.format(fsid=fsid, monitor=monitor, folder=folder))
    for name in ("mon", "osd", "rgw"):
        (folder / name).mkdir()
    address = f"[v1:127.0.0.1:{monitor}]"
    run = ("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, str(folder / "monmap"))
    subprocess.run(run, check=True, capture_output=True)
    _run(folder, "ceph-mon", "-i", "a", "--mkfs", "--monmap", str(folder / "monmap"))
    daemons.append(_daemon(folder, "ceph-mon", "-i", "a").start())
    _ask(folder, "osd", "new", osd)
    _run(folder, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
    _ask(folder, "osd", "crush", "add", "osd.0", "1", "root=default", "host=one")
    storage = _daemon(folder, "ceph-osd", "-i", "0")
    daemons.append(storage)
    eventually(lambda: _comes_up(folder, storage), within=60, what="the storage daemon comes up")
    keys = ("--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY)
    _run(folder, "radosgw-admin", "user", "create", "--uid", "acrctl", "--display-name", "acrctl", *keys)


def _comes_up(folder: Path, storage: Process) -> bool:
    """Start the storage daemon; one that introduced itself before the monitor was ready is never heard."""
    storage.kill()
    storage.start()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        found = json.loads(_ask(folder, "osd", "stat", "-f", "json"))
        if found["num_up_osds"]:
            return True
    return False


def _daemon(folder: Path, *command: str) -> Process:
    conf = str(folder / "ceph.conf")
    return Process(command[0], [*command, "-c", conf, "-f"], folder / f"{command[0]}.log")


def _ask(folder: Path, *command: str) -> bytes:
    """Ask the monitor, which may not know itself yet and then refuses; questions may be asked twice."""
    line = ["ceph", "--connect-timeout", "10", *command, "-c", str(folder / "ceph.conf")]

    def answer() -> subprocess.CompletedProcess[bytes] | None:
        done = subprocess.run(line, check=False, capture_output=True, timeout=30)
        return done if done.returncode == 0 else None

    done = eventually(answer, within=60, what=f"{line} succeeds")
    assert done is not None
    return done.stdout


def _run(folder: Path, *command: str) -> None:
    line = [*command, "-c", str(folder / "ceph.conf")]
    subprocess.run(line, check=True, capture_output=True, timeout=60)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read() != b""
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
