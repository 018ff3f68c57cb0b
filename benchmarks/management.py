"""Calls of our management API, for rows that arrange or watch something while they measure."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from benchmarks.peers.acrctl_server import NAME, Deployment, acrctl
from benchmarks.programs import BenchmarkError

_VERSION = "2026-09-01-preview"


@dataclass
class Management:
    """The owner of a deployment, who calls things below its registry over one connection."""

    deployment: Deployment
    _connection: http.client.HTTPSConnection = field(init=False)
    _registry: str = field(init=False)
    _token: str = field(init=False)

    def __post_init__(self) -> None:
        env = self.deployment.env
        self._registry = acrctl(env, "registry", "show", "-n", NAME)["id"]
        self._token = acrctl(env, "account", "get-access-token")["accessToken"]
        endpoint = urlsplit(f"https://localhost:{env['ACRCTL_PORT']}")
        self._connection = http.client.HTTPSConnection(
            endpoint.hostname or "", endpoint.port, context=self.deployment.registry.tls, timeout=60
        )

    def call(self, method: str, below: str, body: Any = None) -> Any:
        """Call something below the registry; return its document.

        Raises:
            BenchmarkError: the answer was no success.
        """
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body)
        target = f"{self._registry}/{below}?api-version={_VERSION}"
        self._connection.request(method, target, sent, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            raise BenchmarkError(f"{method} {below}: {answer.status} {text[:500]!r}")
        return json.loads(text) if text else None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
