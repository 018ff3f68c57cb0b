"""An Azure Blob Storage server of the tests' own: Azurite, which `make test` installs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import tempfile
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.support.ports import accepts, free_port
from tests.support.processes import ROOT, Process
from tests.support.waiting import eventually

ACCOUNT = "acrctltests"
KEY = base64.b64encode(hashlib.sha512(b"acrctl").digest()).decode()
_PROGRAM = ROOT / ".venv-azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
_VERSION = "2023-11-03"


@dataclass(frozen=True)
class Azurite:
    """A running server; it may be killed and started again, and keeps its blobs."""

    port: int
    process: Process

    @property
    def options(self) -> dict[str, str]:
        """What a client must know of it, as obstore names it."""
        endpoint = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        return {"endpoint": endpoint, "account_name": ACCOUNT, "account_key": KEY}

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        self.process.start()
        eventually(lambda: accepts(self.port), within=60, what=f"azurite\n{self.process.tail()}")

    def container(self) -> str:
        """Make a container; return its name."""
        name = f"container-{uuid.uuid4()}"
        date = formatdate(usegmt=True)
        lines = [f"x-ms-date:{date}", f"x-ms-version:{_VERSION}", f"/{ACCOUNT}/{ACCOUNT}/{name}"]
        text = "\n".join(["PUT", *[""] * 11, *lines, "restype:container"])
        signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), text.encode(), "sha256")).decode()
        headers = {
            "x-ms-date": date,
            "x-ms-version": _VERSION,
            "Authorization": f"SharedKey {ACCOUNT}:{signature}",
            "Content-Length": "0",
        }
        url = f"http://127.0.0.1:{self.port}/{ACCOUNT}/{name}?restype=container"
        request = urllib.request.Request(url, method="PUT", headers=headers)
        with urllib.request.urlopen(request):  # noqa: S310
            return name


@contextmanager
def azurite() -> Iterator[Azurite]:
    """Run a server until the block ends; a missing program fails the test."""
    node = shutil.which("node")
    if node is None or not _PROGRAM.exists():
        pytest.fail("Azurite is not installed: make test installs it with npm", pytrace=False)
    folder = Path(tempfile.mkdtemp(prefix="acrctl-azurite-"))
    port = free_port()
    command = [node, str(_PROGRAM), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent"]
    more = ("--location", str(folder / "data"), "--disableTelemetry", "--skipApiVersionCheck")
    account = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    server = Azurite(port, Process("azurite", [*command, *more], folder / "log", account))
    try:
        server.start()
        yield server
    finally:
        server.process.kill()
        shutil.rmtree(folder, ignore_errors=True)
