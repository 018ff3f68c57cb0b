"""The hot path: GET and HEAD of manifests and blobs as plain WSGI, one SELECT a request.

The registry, its stamps and the content come in one row; a token that was verified before is found by its
hash. The order holds here as well: gate, rights, content. Everything else is Flask's, for which a request
that is not of this kind is left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse

from controlplane.blobs.store import BlobMissingError, BlobStore
from controlplane.distribution.answers import COMMON, Environ, Headers, answer_failure
from controlplane.distribution.gate import PULL, Gate, host_of
from controlplane.distribution.ranges import wanted_range
from controlplane.distribution.redirects import Redirects
from controlplane.distribution.rights import sees_quarantine
from controlplane.domain.digests import Digest, digest_of, is_digest, parse_digest
from controlplane.domain.locks import Lock
from controlplane.domain.negotiation import accepts
from controlplane.domain.quarantine import bars
from controlplane.domain.references import is_tag, looks_like_digest
from controlplane.domain.registry_errors import (
    BLOB_UNKNOWN,
    CONTENT_LOCKED,
    DIGEST_INVALID,
    MANIFEST_NOT_ACCEPTED,
    MANIFEST_UNKNOWN,
    NAME_INVALID,
    NAME_UNKNOWN,
    QUARANTINED,
    TAG_INVALID,
)
from controlplane.domain.registry_scopes import REPOSITORY
from controlplane.domain.repository_names import is_repository_name
from controlplane.kernel.errors import Failure
from controlplane.persistence.hot import HotReads, ManifestView, RegistryView
from controlplane.services.cache import PullThrough
from controlplane.services.pull_times import PullTimes
from controlplane.services.regions import Regions
from controlplane.services.registry_tokens import Grant

_LOG = logging.getLogger(__name__)
_PREFIX = "/v2/"
_MANIFESTS = "/manifests/"
_BLOBS = "/blobs/"
_UNREADABLE = int(Lock.READ)  # a plain number: the flag's own operators are slow
_SMALL = 64 * 1024  # a blob up to this size is answered at once rather than streamed
_HASHED = 16 * 1024  # one up to this size is hashed before it is sent; larger ones are the scrub's


@dataclass(frozen=True, slots=True)
class HotPath:
    """Answers what it can. Safe to share between threads."""

    gate: Gate
    reads: HotReads
    regions: Regions
    pull_times: PullTimes
    redirects: Redirects
    cache: PullThrough

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes] | None:
        """Answer a GET or HEAD of a manifest or blob; None for anything else, which is left untouched."""
        method = environ["REQUEST_METHOD"]
        path: str = environ["PATH_INFO"]
        if method not in {"GET", "HEAD"} or not path.startswith(_PREFIX):
            return None
        for kind, answer in ((_MANIFESTS, self._manifest), (_BLOBS, self._blob)):
            at = path.rfind(kind)
            reference = path[at + len(kind) :]
            if at > 0 and reference and "/" not in reference:
                try:
                    return answer(environ, start_response, path[len(_PREFIX) : at], reference)
                except Failure as failure:
                    return answer_failure(failure, method, start_response)
        return None

    def _manifest(
        self, environ: Environ, start_response: StartResponse, repository: str, reference: str
    ) -> Iterable[bytes]:
        _check(repository, reference)
        host, body = host_of(environ), environ["REQUEST_METHOD"] == "GET"
        found = self.reads.manifest(host, repository, reference, body=body)
        registry, is_known, manifest = found or (None, False, None)
        registry = self.gate.admit(environ, host, registry)
        grant = self.gate.authorize(environ, registry, host, (REPOSITORY, repository), PULL)
        warnings: Headers = []
        if registry.cached:
            is_known, manifest, warnings = self._freshened(
                registry, host, (repository, reference), found, body=body
            )
        if manifest is None:
            raise Failure(MANIFEST_UNKNOWN if is_known else NAME_UNKNOWN)
        refuse_unreadable(manifest.locks)
        if registry.quarantine and bars(manifest.quarantine_state):
            self._refuse_quarantined(grant, registry, repository, reference)
        if "HTTP_ACCEPT" in environ and not accepts(environ["HTTP_ACCEPT"], manifest.media_type):
            raise Failure(MANIFEST_NOT_ACCEPTED, media_type=manifest.media_type)
        if body:
            agent = environ.get("HTTP_USER_AGENT", "")
            self.pull_times.note(manifest.id, manifest.tag_id, agent, grant.credential)
        headers = [*_headers(manifest.digest, manifest.media_type, manifest.size), *warnings]
        if _is_known_to_client(environ, manifest.digest):
            return _not_modified(start_response, headers)
        start_response("200 OK", headers)
        return [] if manifest.payload is None else [manifest.payload]

    def _freshened(
        self, registry: RegistryView, host: str, wanted: tuple[str, str], found: Any, *, body: bool
    ) -> tuple[bool, ManifestView | None, Headers]:
        """Compare what was found with the upstream that a cache rule names; read it again if it changed."""
        _, is_known, manifest = found or (None, False, None)
        again, warning = self.cache.freshen(registry, *wanted, known=manifest is not None)
        if again:
            _, is_known, manifest = self.reads.manifest(host, *wanted, body=body) or (None, False, None)
        return is_known, manifest, [] if warning is None else [("Warning", warning)]

    def _refuse_quarantined(
        self, grant: Grant, registry: RegistryView, repository: str, reference: str
    ) -> None:
        """Refuse what waits in quarantine to those who may not see it.

        As in ACR they do not find it by a tag, and are told why when they name its digest.

        Raises:
            Failure: MANIFEST_UNKNOWN or QUARANTINED.
        """
        if not sees_quarantine(self.gate, grant, registry, repository):
            raise Failure(QUARANTINED if looks_like_digest(reference) else MANIFEST_UNKNOWN)

    def _blob(
        self, environ: Environ, start_response: StartResponse, repository: str, reference: str
    ) -> Iterable[bytes]:
        if not is_repository_name(repository):
            raise Failure(NAME_INVALID)
        if not is_digest(reference):
            raise Failure(DIGEST_INVALID, reason="it is not a sha256 or sha512 digest")
        host, digest = host_of(environ), parse_digest(reference)
        registry, blob = self.reads.blob(host, repository, reference) or (None, None)
        registry = self.gate.admit(environ, host, registry)
        self.gate.authorize(environ, registry, host, (REPOSITORY, repository), PULL)
        if blob is None:
            return self._blob_on_its_way(environ, start_response, registry, (repository, reference))
        refuse_unreadable(blob.locks)
        size = blob.size
        if _is_known_to_client(environ, reference):
            return _not_modified(start_response, _headers(reference, "application/octet-stream", size))
        if environ["REQUEST_METHOD"] == "HEAD":
            return self._blob_head(start_response, registry.region, digest, size)
        return self._blob_bytes(environ, start_response, registry.region, digest, size)

    def _blob_on_its_way(
        self,
        environ: Environ,
        start_response: StartResponse,
        registry: RegistryView,
        wanted: tuple[str, str],
    ) -> Iterable[bytes]:
        """Answer with a blob that a cache rule brings; ranges of it are not given before it is here."""
        if not registry.cached:
            raise Failure(BLOB_UNKNOWN)
        repository, digest = wanted
        passing = self.cache.blob(registry, repository, digest)
        start_response("200 OK", _headers(digest, "application/octet-stream", passing.size))
        if environ["REQUEST_METHOD"] == "HEAD":
            passing.close()
            return []
        return passing

    def _blob_head(
        self, start_response: StartResponse, region: str, digest: Digest, size: int
    ) -> list[bytes]:
        if self.regions.reader(region).size(digest) != size:
            raise _lost(digest)
        headers = _headers(str(digest), "application/octet-stream", size)
        start_response("200 OK", [*headers, ("Accept-Ranges", "bytes")])
        return []

    def _blob_bytes(
        self, environ: Environ, start_response: StartResponse, region: str, digest: Digest, size: int
    ) -> Iterable[bytes]:
        text, blobs = str(digest), self.regions.reader(region)
        elsewhere = self.redirects.url(blobs, digest, size)
        if elsewhere is not None:
            headers = [("Location", elsewhere), ("Content-Length", "0"), ("Docker-Content-Digest", text)]
            start_response("307 Temporary Redirect", [*headers, ("Cache-Control", "no-store"), *COMMON])
            return []
        part = None
        if "HTTP_RANGE" in environ and environ.get("HTTP_IF_RANGE", f'"{text}"') == f'"{text}"':
            part = wanted_range(environ["HTTP_RANGE"], size)
        start, length = part or (0, size)
        body = _opened(blobs, digest, start, length, whole=part is None)
        headers = [*_headers(text, "application/octet-stream", length), ("Accept-Ranges", "bytes")]
        if part is None:
            start_response("200 OK", headers)
        else:
            headers.append(("Content-Range", f"bytes {start}-{start + length - 1}/{size}"))
            start_response("206 Partial Content", headers)
        return body


def refuse_unreadable(locks: int) -> None:
    """Refuse a pull of what is locked against it.

    Raises:
        Failure: CONTENT_LOCKED.
    """
    if locks & _UNREADABLE:
        raise Failure(CONTENT_LOCKED, attribute="readEnabled")


def _check(repository: str, reference: str) -> None:
    if not is_repository_name(repository):
        raise Failure(NAME_INVALID)
    if looks_like_digest(reference):
        if not is_digest(reference):
            raise Failure(DIGEST_INVALID, reason="it is not a sha256 or sha512 digest")
    elif not is_tag(reference):
        raise Failure(TAG_INVALID)


def _headers(digest: str, media_type: str, length: int) -> Headers:
    return [
        ("Content-Type", media_type),
        ("Content-Length", str(length)),
        ("Docker-Content-Digest", digest),
        ("ETag", f'"{digest}"'),
        *COMMON,
    ]


def _is_known_to_client(environ: Environ, digest: str) -> bool:
    condition = environ.get("HTTP_IF_NONE_MATCH")
    if condition is None:
        return False
    tags = (tag.strip().removeprefix("W/").strip('"') for tag in condition.split(","))
    return any(tag in {"*", digest} for tag in tags)


def _not_modified(start_response: StartResponse, headers: Headers) -> list[bytes]:
    left = [header for header in headers if header[0] not in {"Content-Type", "Content-Length"}]
    start_response("304 Not Modified", left)
    return []


def _opened(blobs: BlobStore, digest: Digest, start: int, length: int, *, whole: bool) -> Iterable[bytes]:
    """Return bytes of a blob; few of them are read at once, so that a store that fails is an answer."""
    try:
        # Opened to its end, whatever part is wanted, so that a file that lost bytes is noticed.
        reader = blobs.open(digest, start, length)
        if length > _SMALL:
            return reader
        try:
            content = b"".join(reader)
        finally:
            reader.close()
    except BlobMissingError as error:
        raise _lost(digest) from error
    if whole and length <= _HASHED and digest_of(content, digest.algorithm) != str(digest):
        raise _lost(digest)
    return [content]


def _lost(digest: Digest) -> Failure:
    """Return the answer for a blob whose bytes are lost or damaged: a client may push it again."""
    _LOG.error("the store has lost or damaged bytes of blob %s", digest)
    return Failure(BLOB_UNKNOWN)
