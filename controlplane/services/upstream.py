"""A client of other registries: manifests and blobs, with tokens or passwords, patiently.

Credentials go to the registry they are for, and to a token service only if it is known to belong to it;
redirects (blobs are often elsewhere) are followed without them. Nothing is ever sent over plain HTTP
unless an operator has named the host.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlencode, urljoin, urlsplit

from controlplane.domain.digests import digest_of, is_digest, parse_digest
from controlplane.domain.manifests import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from controlplane.domain.upstreams import Challenge, may_have_credentials, parse_challenges
from controlplane.services.outbound import ForbiddenAddressError, Outbound, OutboundError, Stream
from controlplane.services.upstream_errors import LONGEST_PAUSE, Trouble, UpstreamError, refusal

ACCEPT = f"{OCI_INDEX}, {DOCKER_LIST}, {OCI_MANIFEST}, {DOCKER_MANIFEST}"
_MANIFEST_LIMIT = 4 * 1024 * 1024
_TOKEN_LIMIT = 256 * 1024
_HOPS = 5
_TRIES = 4
_FIRST_PAUSE = 0.5
_TOKEN_MARGIN = 10.0
_SHORTEST_TOKEN = 60.0  # what a token without expiry is good for, by Docker's specification
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Login:
    """A user of an upstream."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """A manifest of an upstream; ``payload`` is None when only its head was asked for."""

    digest: str
    media_type: str
    payload: bytes | None


@dataclass(slots=True)
class _Token:
    text: str
    until: float  # of time.monotonic


@dataclass(frozen=True, slots=True)
class Rules:
    """How upstreams may be reached: hosts with plain HTTP, and token services by registry."""

    insecure: frozenset[str] = frozenset()
    realms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Upstream:
    """One registry, as one user sees it. Safe to share between threads.

    Args:
        outbound: makes the connections.
        host: ``host[:port]``.
        login: None for an anonymous client.
        rules: of the deployment.
        patience: seconds that retries of one request may take in all.
    """

    def __init__(
        self, outbound: Outbound, host: str, login: Login | None, rules: Rules, *, patience: float = 60.0
    ) -> None:
        self.host = host
        self._outbound = outbound
        self._login = login
        self._rules = rules
        self._patience = patience
        self._base = f"{'http' if host in rules.insecure else 'https'}://{host}"
        self._tokens: dict[str, _Token] = {}
        self._basic = False
        self._lock = threading.Lock()

    def manifest(self, repository: str, reference: str, *, body: bool = True, patient: bool = True) -> Found:
        """Return a manifest by tag or digest; its bytes are checked against its digest.

        Without ``patient`` nothing is tried twice: somebody waits who can do without.

        Raises:
            UpstreamError: it could not be had.
        """
        path = f"/v2/{repository}/manifests/{reference}"
        headers = {"Accept": ACCEPT}
        method = "GET" if body else "HEAD"
        with self._asked(method, path, repository, headers, patient=patient) as answer:
            media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
            told = answer.headers.get("Docker-Content-Digest", "")
            payload = answer.whole(_MANIFEST_LIMIT + 1) if body else None
        if payload is None:
            if not is_digest(told):
                return self.manifest(repository, reference, patient=patient)
            return Found(told, media_type, None)
        if len(payload) > _MANIFEST_LIMIT:
            raise self._wrong(f"manifest {reference} is larger than {_MANIFEST_LIMIT} bytes")
        named = reference if is_digest(reference) else told
        algorithm = parse_digest(named).algorithm if is_digest(named) else "sha256"
        digest = digest_of(payload, algorithm)
        if is_digest(named) and digest != named:
            raise self._wrong(f"manifest {reference} has the digest {digest}, not {named}")
        return Found(digest, media_type, payload)

    @contextmanager
    def blob(self, repository: str, digest: str) -> Iterator[Stream]:
        """Open a blob; the block reads it. The reader checks its digest.

        Raises:
            UpstreamError: it could not be had.
        """
        with self._asked("GET", f"/v2/{repository}/blobs/{digest}", repository, {}) as answer:
            yield answer

    def referrers(self, repository: str, digest: str) -> list[str]:
        """Return digests of the manifests that refer to one; empty when the upstream cannot tell.

        Raises:
            UpstreamError: it could not be had.
        """
        path, found = f"/v2/{repository}/referrers/{digest}", list[str]()
        while path:
            try:
                with self._asked("GET", path, repository, {"Accept": OCI_INDEX}) as answer:
                    document = json.loads(answer.whole(_MANIFEST_LIMIT))
                    link = answer.headers.get("Link", "")
                found += [one["digest"] for one in document["manifests"] if is_digest(str(one["digest"]))]
            except (ValueError, KeyError, TypeError):
                return found
            except UpstreamError as error:
                if error.trouble is Trouble.MISSING:
                    return found
                raise
            path = urljoin(path, link.partition("<")[2].partition(">")[0]) if 'rel="next"' in link else ""
        return found

    def ping(self) -> None:
        """Log in.

        Raises:
            UpstreamError: the credential is refused, or the upstream is down.
        """
        with self._asked("GET", "/v2/", "", {}):
            return

    # --- asking -------------------------------------------------------------------------------------------

    @contextmanager
    def _asked(
        self, method: str, path: str, repository: str, headers: Mapping[str, str], *, patient: bool = True
    ) -> Iterator[Stream]:
        """Ask until there is an answer or patience ends; the block reads a good one."""
        end, pause, number = time.monotonic() + self._patience, _FIRST_PAUSE, 0
        tries = _TRIES if patient else 1
        with ExitStack() as stack:
            while True:
                number += 1
                try:
                    answer = stack.enter_context(self._answered(method, path, repository, headers))
                    break
                except UpstreamError as error:
                    wait = error.retry_after if error.retry_after is not None else pause
                    if not error.passing or number == tries or time.monotonic() + wait > end:
                        raise
                time.sleep(wait)
                pause = min(pause * 2, LONGEST_PAUSE)
            try:
                yield answer
            except OutboundError as error:
                raise UpstreamError(Trouble.DOWN, f"{self.host}: {error}") from error

    @contextmanager
    def _answered(
        self, method: str, path: str, repository: str, headers: Mapping[str, str]
    ) -> Iterator[Stream]:
        url = self._base + path
        permit: Mapping[str, str] = self._permit(repository)
        with ExitStack() as stack:
            answer = self._sent(stack, method, url, {**headers, **permit})
            if answer.status == HTTPStatus.UNAUTHORIZED:
                permit = self._signed_in(answer, repository)
                answer = self._sent(stack, method, url, {**headers, **permit})
            for _ in range(_HOPS):
                if answer.status not in _REDIRECTS:
                    break
                url, permit = self._redirected(url, answer, permit)
                answer = self._sent(stack, method, url, {**headers, **permit})
            if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
                raise refusal(self.host, answer, f"{method} {path}")
            yield answer

    def _sent(self, stack: ExitStack, method: str, url: str, headers: Mapping[str, str]) -> Stream:
        try:
            return stack.enter_context(self._outbound.open(method, url, headers))
        except OutboundError as error:
            trouble = Trouble.REFUSED if isinstance(error, ForbiddenAddressError) else Trouble.DOWN
            raise UpstreamError(trouble, f"{urlsplit(url).netloc}: {error}") from error

    def _redirected(
        self, url: str, answer: Stream, permit: Mapping[str, str]
    ) -> tuple[str, Mapping[str, str]]:
        target = urljoin(url, answer.headers.get("Location", ""))
        before, after = urlsplit(url), urlsplit(target)
        if before.scheme == "https" and after.scheme != "https":
            raise self._wrong(f"a redirect leads from https to {after.scheme or 'nowhere'}")
        same = (before.scheme, before.netloc) == (after.scheme, after.netloc)
        return target, permit if same else {}

    # --- credentials --------------------------------------------------------------------------------------

    def _permit(self, repository: str) -> dict[str, str]:
        if self._basic and self._login is not None:
            return _basic(self._login)
        token = self._tokens.get(repository)
        if token is not None and token.until > time.monotonic():
            return {"Authorization": f"Bearer {token.text}"}
        return {}

    def _signed_in(self, answer: Stream, repository: str) -> dict[str, str]:
        known = parse_challenges([answer.headers.get("WWW-Authenticate", "")])
        for challenge in known:
            if challenge.scheme == "bearer":
                self._tokens[repository] = self._token(challenge, repository)
                return self._permit(repository)
        if known and self._login is not None and self._base.startswith(("https", "http")):
            self._basic = True
            return _basic(self._login)
        raise UpstreamError(Trouble.REFUSED, f"{self.host} wants credentials", HTTPStatus.UNAUTHORIZED)

    def _token(self, challenge: Challenge, repository: str) -> _Token:
        realm = challenge.parameters.get("realm", "")
        if not realm.startswith("https://") and self.host not in self._rules.insecure:
            raise self._wrong("its token service is not reached over https")
        headers = {}
        if self._login is not None:
            if not may_have_credentials(self.host, realm, self._rules.realms.get(self.host, ())):
                host = urlsplit(realm).netloc[:255]
                raise self._wrong(f"its token service at '{host}' is not trusted with its credentials")
            headers = _basic(self._login)
        query = {"service": challenge.parameters.get("service", "")}
        if repository:
            query["scope"] = f"repository:{repository}:pull"
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"
        with ExitStack() as stack:
            answer = self._sent(stack, "GET", url, headers)
            if answer.status != HTTPStatus.OK:
                raise refusal(self.host, answer, "the token service")
            return self._read_token(answer)

    def _read_token(self, answer: Stream) -> _Token:
        try:
            document = json.loads(answer.whole(_TOKEN_LIMIT))
            text = document.get("token") or document["access_token"]
            seconds = float(document.get("expires_in") or _SHORTEST_TOKEN)
        except (ValueError, KeyError, TypeError, AttributeError, OutboundError) as error:
            raise self._wrong("its token service gave no token") from error
        if not isinstance(text, str) or not text.isascii() or not text.isprintable():
            raise self._wrong("its token service gave no token")
        return _Token(text, time.monotonic() + max(seconds - _TOKEN_MARGIN, 1.0))

    # --- trouble ------------------------------------------------------------------------------------------

    def _wrong(self, text: str) -> UpstreamError:
        return UpstreamError(Trouble.WRONG, f"{self.host}: {text}")


def _basic(login: Login) -> dict[str, str]:
    pair = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}
