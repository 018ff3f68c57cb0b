"""Debian's docker-registry over TLS with token authentication, its files in a temporary folder."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers import token_service
from benchmarks.peers.certificates import KeyPair, signing_pair, tls_pair
from benchmarks.processes import free_ports, running
from benchmarks.programs import need
from benchmarks.registry import Registry

_USER = "benchmark"


@contextlib.contextmanager
def started(folder: Path, successor: str | None = None, *, access_log: bool = False) -> Iterator[Registry]:
    """Run docker-registry, or its ``successor``, and its token service until the block ends."""
    program = successor or need("docker-registry")
    folder.mkdir()
    tls, signing = tls_pair(folder), signing_pair(folder)
    port, password = free_ports(2), secrets.token_urlsafe(16)
    user = {token_service.KEY: str(signing.key), token_service.USER: f"{_USER}:{password}"}
    if successor is not None:
        user[token_service.THUMBPRINTS] = "1"
    configuration = folder / "config.yml"  # JSON is YAML
    configuration.write_text(json.dumps(_configuration(folder, port, tls, signing, access_log)))
    with (
        running(_token_command(tls, port + 1), port + 1, folder / "token.log", os.environ | user),
        running(
            [program, "serve", str(configuration)], port, folder / "registry.log", dict(os.environ)
        ) as process,
    ):
        yield Registry(f"https://localhost:{port}", tls.certificate, _USER, password, process)


def _configuration(
    folder: Path, port: int, tls: KeyPair, signing: KeyPair, access_log: bool
) -> dict[str, object]:
    """Write what a careful operator would: descriptors cached in memory, no access log, deletes allowed."""
    return {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": not access_log}},
        "storage": {
            "filesystem": {"rootdirectory": str(folder / "data")},
            "cache": {"blobdescriptor": "inmemory"},
            "delete": {"enabled": True},
        },
        "http": {
            "addr": f"127.0.0.1:{port}",
            "tls": {"certificate": str(tls.certificate), "key": str(tls.key)},
        },
        "auth": {
            "token": {
                "realm": f"https://localhost:{port + 1}/token",
                "service": token_service.SERVICE,
                "issuer": token_service.ISSUER,
                "rootcertbundle": str(signing.certificate),
            }
        },
    }


def _token_command(tls: KeyPair, port: int) -> list[str]:
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--log-level", "error",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--blocking-threads", "8",
        "--ssl-certificate", str(tls.certificate), "--ssl-keyfile", str(tls.key),
        "benchmarks.peers.token_service:application",
    ]  # fmt: skip
