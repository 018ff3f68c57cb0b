"""Transfers of large blobs with curl, which costs the machine less than any client in Python.

The headers travel on standard input, so that no token is in the list of processes. Both sides get the same
cipher: granian follows the client's order and docker-registry its own, so that OpenSSL left alone takes
AES-256 from the one and AES-128 from the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from benchmarks.programs import BenchmarkError, need, output

CIPHER = "TLS_AES_128_GCM_SHA256"
_REPORT = r"\n%{http_code} %{size_download} %{time_total}"


@dataclass(frozen=True, slots=True)
class Transfer:
    """What curl says of a transfer. ``location`` is absolute; without one in the answer, the URL asked."""

    seconds: float
    received: int
    location: str


def get(url: str, token: str, authority: Path) -> Transfer:
    """Download and throw away."""
    return _transfer(url, token, authority, 200)


def put(url: str, file: Path, token: str, authority: Path) -> Transfer:
    """Send a file with its length in one PUT."""
    return _transfer(url, token, authority, 201, "-T", str(file))


def patch(url: str, file: Path, token: str, authority: Path) -> Transfer:
    """Send a file in one PATCH with chunked transfer coding, as docker does."""
    return _transfer(
        url, token, authority, 202,
        "-X", "PATCH", "-T", str(file), "-H", "Transfer-Encoding: chunked",
    )  # fmt: skip


def _transfer(url: str, token: str, authority: Path, status: int, *options: str) -> Transfer:
    command = [
        need("curl"), "--config", "-", "--silent", "--show-error", "--http1.1",
        "--cacert", str(authority), "--tlsv1.3", "--tls13-ciphers", CIPHER,
        "--dump-header", "-", "--output", "/dev/null", "--write-out", _REPORT, *options, url,
    ]  # fmt: skip
    headers = (f"Authorization: Bearer {token}", "Content-Type: application/octet-stream", "Expect:")
    text = output(command, stdin="".join(f'header = "{header}"\n' for header in headers))
    head, _, report = text.rpartition("\n")
    code, received, seconds = report.split()
    if int(code) != status:
        raise BenchmarkError(f"{url} answered {code}, not {status}: {head[-500:]}")
    return Transfer(float(seconds), int(received), urljoin(url, _location(head)))


def _location(head: str) -> str:
    for line in head.splitlines():
        name, _, value = line.partition(":")
        if name.lower() == "location":
            return value.strip()
    return ""
