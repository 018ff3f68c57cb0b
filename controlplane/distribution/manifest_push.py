"""Pushing manifests, as plain WSGI (reading them is the hot path's, the rest that of ``manifests``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from wsgiref.types import StartResponse

from controlplane.distribution.answers import Environ, Headers
from controlplane.distribution.bodies import Body
from controlplane.distribution.gate import PUSH
from controlplane.distribution.plain import Answer, Frame, Visit
from controlplane.domain.references import looks_like_digest
from controlplane.domain.registry_errors import MANIFEST_INVALID, MANIFEST_TOO_LARGE, TAG_INVALID
from controlplane.kernel.errors import Failure
from controlplane.services.content_push import Push, Pushed, Pushes

_PREFIX, _MANIFESTS = "/v2/", "/manifests/"
_MAX_TAGS = 64
_ABSENT = '299 - "the repository lacks {count} of the manifests or blobs that this manifest names"'


@dataclass(frozen=True, slots=True)
class PushPath:
    """Answers ``PUT /v2/{name}/manifests/{reference}``. Safe to share between threads."""

    frame: Frame
    pushes: Pushes

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes] | None:
        """Answer a push; None for anything else, which is left untouched."""
        path: str = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] != "PUT" or not path.startswith(_PREFIX):
            return None
        name, found, reference = path[len(_PREFIX) :].rpartition(_MANIFESTS)
        if not found or not name or not reference or "/" in reference:
            return None
        return self.frame.serve(environ, start_response, lambda visit: self._push(visit, name, reference))

    def _push(self, visit: Visit, name: str, reference: str) -> Answer:
        caller, _ = self.frame.let_in(visit, name, PUSH)
        push = Push(
            registry_id=caller.registry.id,
            repository=name,
            reference=reference,
            content_type=visit.environ.get("CONTENT_TYPE") or None,
            payload=self._payload(visit.environ),
            tags=_further_tags(visit, reference),
            origin=self.frame.origin(visit.environ, caller),
            quarantined=bool(caller.registry.quarantine),
        )
        return Answer(201, _headers(name, push, self.pushes.put(push)))

    def _payload(self, environ: Environ) -> bytes:
        if environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
            raise Failure(MANIFEST_INVALID, reason="a content encoding is not supported")
        limit = self.frame.settings.manifest_limit
        payload = Body(environ, self.frame.settings).whole(limit)
        if payload is None:
            raise Failure(MANIFEST_TOO_LARGE, limit=limit)
        return payload


def _headers(name: str, push: Push, pushed: Pushed) -> Headers:
    headers = [
        ("Location", f"/v2/{name}/manifests/{pushed.digest}"),
        ("Docker-Content-Digest", pushed.digest),
        ("Content-Length", "0"),
        *(("OCI-Tag", tag) for tag in push.tags),
    ]
    if pushed.subject is not None:
        headers.append(("OCI-Subject", pushed.subject))
    if pushed.absent:
        headers.append(("Warning", _ABSENT.format(count=pushed.absent)))
    return headers


def _further_tags(visit: Visit, reference: str) -> tuple[str, ...]:
    """Return the tags a push by digest sets (the ``tag`` parameters)."""
    tags = tuple(dict.fromkeys(visit.query.get("tag", ())))
    if tags and (not looks_like_digest(reference) or len(tags) > _MAX_TAGS):
        raise Failure(TAG_INVALID)
    return tags
