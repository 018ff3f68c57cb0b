"""A registry to measure, and a client that speaks its protocol over connections it keeps open.

Both sides are driven by this one client: challenge, token, upload in the way docker and skopeo do it (HEAD,
POST, PATCH, PUT), manifest, pull with every digest checked.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

from benchmarks.content import MANIFEST, Blob, Image, digest_of
from benchmarks.programs import BenchmarkError

_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_OCTETS = {"Content-Type": "application/octet-stream"}
TIMEOUT = 60.0


@dataclass(frozen=True)
class Registry:
    """Where a registry is and how to log in. ``root`` is the process above all others that serve it."""

    url: str
    authority: Path
    username: str
    password: str = field(repr=False)
    root: int

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """What clients of this registry trust."""
        return ssl.create_default_context(cafile=str(self.authority))


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """One user of a registry, with one connection to each host it talks to."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._connections: dict[str, http.client.HTTPSConnection] = {}
        self.token = ""

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()

    def log_in(self, repository: str, actions: str = "pull,push") -> str:
        """Follow the challenge of ``/v2/`` to the token service; return the token it gave."""
        return self.log_in_to(f"repository:{repository}:{actions}")

    def log_in_to(self, scope: str) -> str:
        """Do the same for any scope."""
        self.token = ""
        challenge = self._expect(401, "GET", "/v2/").headers.get("www-authenticate", "")
        parameters = dict(_PARAMETER.findall(challenge))
        query = {"service": parameters["service"], "scope": scope}
        user = f"{self._registry.username}:{self._registry.password}".encode()
        basic = {"Authorization": f"Basic {base64.b64encode(user).decode()}"}
        answer = self._expect(200, "GET", f"{parameters['realm']}?{urlencode(query)}", headers=basic)
        document = json.loads(answer.body)
        self.token = document.get("access_token") or document["token"]
        return self.token

    def start_upload(self, repository: str) -> str:
        """Begin an upload; return its absolute URL."""
        answer = self._expect(202, "POST", f"/v2/{repository}/blobs/uploads/", b"")
        return self._location(answer)

    def finish_upload(self, location: str, digest: str) -> None:
        """Close an upload whose bytes have all been sent."""
        self._expect(201, "PUT", with_digest(location, digest), b"", _OCTETS)

    def push_blob(self, repository: str, blob: Blob) -> None:
        """Push a blob unless the registry has it."""
        path = f"/v2/{repository}/blobs/{blob.digest}"
        if self._ask("HEAD", path).status == 200:
            return
        sent = self._expect(202, "PATCH", self.start_upload(repository), blob.content, _OCTETS)
        self.finish_upload(self._location(sent), blob.digest)

    def push_manifest(self, repository: str, tag: str, content: bytes) -> None:
        """Push a manifest under a tag."""
        self._expect(201, "PUT", f"/v2/{repository}/manifests/{tag}", content, {"Content-Type": MANIFEST})

    def push(self, repository: str, tag: str, image: Image) -> None:
        """Log in and push an image, blobs first."""
        self.log_in(repository)
        for blob in image.blobs:
            self.push_blob(repository, blob)
        self.push_manifest(repository, tag, image.manifest)

    def pull(self, repository: str, tag: str) -> int:
        """Log in, pull an image by tag and check each digest; return its bytes.

        Raises:
            BenchmarkError: content is not what its digest says.
        """
        self.log_in(repository, "pull")
        accept = {"Accept": MANIFEST}
        manifest = self._expect(200, "GET", f"/v2/{repository}/manifests/{tag}", headers=accept).body
        document = json.loads(manifest)
        size = len(manifest)
        for descriptor in (document["config"], *document["layers"]):
            content = self._expect(200, "GET", f"/v2/{repository}/blobs/{descriptor['digest']}").body
            if digest_of(content) != descriptor["digest"]:
                raise BenchmarkError(f"{self._registry.url} sent a wrong {descriptor['digest']}")
            size += len(content)
        return size

    def _location(self, answer: Answer) -> str:
        return urljoin(self._registry.url, answer.headers["location"])

    def _expect(
        self,
        status: int,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        answer = self._ask(method, target, body, headers)
        if answer.status != status:
            text = answer.body[:500].decode(errors="replace")
            raise BenchmarkError(f"{method} {target} answered {answer.status}, not {status}: {text}")
        return answer

    def _ask(
        self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        url = urlsplit(urljoin(self._registry.url, target))
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        connection = self._connection(url.netloc)
        path = f"{url.path}?{url.query}" if url.query else url.path
        connection.request(method, path, body, {**sent, **(headers or {})})
        response = connection.getresponse()
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, received, response.read())

    def _connection(self, authority: str) -> http.client.HTTPSConnection:
        if authority not in self._connections:
            self._connections[authority] = http.client.HTTPSConnection(
                authority, timeout=TIMEOUT, context=self._registry.tls
            )
        return self._connections[authority]


def with_digest(location: str, digest: str) -> str:
    """Return an upload's URL with the digest that closes it."""
    return f"{location}{'&' if '?' in location else '?'}{urlencode({'digest': digest})}"
