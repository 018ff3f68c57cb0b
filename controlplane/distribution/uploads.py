"""Uploads: beginning, feeding, finishing and dropping them, as plain WSGI.

A push of a small image is mostly these requests, four for each of its blobs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from wsgiref.types import StartResponse

from controlplane.distribution.answers import Environ, Headers
from controlplane.distribution.bodies import Body
from controlplane.distribution.gate import PUSH, Caller, challenge
from controlplane.distribution.parts import digest_in
from controlplane.distribution.plain import Answer, Frame, Visit
from controlplane.distribution.ranges import chunk_range
from controlplane.domain.digests import ALGORITHMS, DEFAULT_ALGORITHM, Digest, is_digest, parse_digest
from controlplane.domain.registry_errors import DIGEST_INVALID, METHOD_UNSUPPORTED
from controlplane.domain.registry_scopes import REPOSITORY, Right
from controlplane.domain.repository_names import is_repository_name
from controlplane.kernel.errors import Failure
from controlplane.services import content_policy
from controlplane.services.content_uploads import Uploads
from controlplane.services.upload_sessions import Place, Session

_PREFIX, _UPLOADS = "/v2/", "/blobs/uploads"
_NO_BODY = ("Content-Length", "0")


@dataclass(frozen=True, slots=True)
class UploadPath:
    """Answers requests below ``/v2/{name}/blobs/uploads/``. Safe to share between threads."""

    frame: Frame
    uploads: Uploads

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes] | None:
        """Answer a request about an upload; None for anything else, which is left untouched."""
        path: str = environ["PATH_INFO"]
        if not path.startswith(_PREFIX):
            return None
        name, found, upload = path[len(_PREFIX) :].rpartition(_UPLOADS)
        if not found or not name or (upload and upload[0] != "/") or "/" in upload[1:]:
            return None
        upload = upload[1:]
        return self.frame.serve(environ, start_response, lambda visit: self._answer(visit, name, upload))

    def _answer(self, visit: Visit, name: str, upload: str) -> Answer:
        if not upload:
            _refuse_other(visit, "POST")
            return self._begin(visit, name)
        _refuse_other(visit, "GET", "HEAD", "PATCH", "PUT", "DELETE")
        caller, _ = self.frame.let_in(visit, name, PUSH)
        place = _place(caller, name)
        match visit.method:
            case "GET" | "HEAD":
                return _session(204, name, *self.uploads.find(place, upload))
            case "PATCH":
                return _session(202, name, *self.uploads.receive(place, upload, *self._chunk(visit)))
            case "PUT":
                digest = digest_in(visit.parameter("digest"))
                self.uploads.finish(place, upload, digest, *self._chunk(visit))
                return _made(name, digest)
        self.uploads.cancel(place, upload)
        return Answer(204)

    def _begin(self, visit: Visit, name: str) -> Answer:
        """Begin an upload, take a whole blob (``digest``), or mount one of another repository (``mount``)."""
        caller, locks = self.frame.let_in(visit, name, PUSH)
        content_policy.refuse_creation(locks)
        place = _place(caller, name)
        wanted = visit.parameter("digest")
        if wanted is not None:
            digest = digest_in(wanted)
            self.uploads.take(place, digest, Body(visit.environ, self.frame.settings))
            return _made(name, digest)
        if visit.query.get("digest-algorithm", [DEFAULT_ALGORITHM])[0] not in ALGORITHMS:
            raise Failure(DIGEST_INVALID, reason="the algorithm is not sha256 or sha512")
        mounted = self._mounted(visit, caller, place)
        if mounted is not None:
            return _made(name, mounted)
        least = self.frame.settings.upload_chunk_min
        more = [("OCI-Chunk-Min-Length", str(least))] if least else []
        return _session(202, name, self.uploads.begin(place), 0, more)

    def _mounted(self, visit: Visit, caller: Caller, place: Place) -> Digest | None:
        """Mount what is asked for, if the caller may read a source of it; else the client uploads it."""
        wanted = visit.parameter("mount") or ""
        if not is_digest(wanted):
            return None
        digest = parse_digest(wanted)
        source = self._source(visit, caller, place, digest)
        if source is None or not self.uploads.mount(place, source, digest):
            return None
        return digest

    def _source(self, visit: Visit, caller: Caller, place: Place, digest: Digest) -> str | None:
        """Return the repository to mount from: the one that ``from`` names, or one that has the blob.

        A token opens what it was asked for and no more. Where the caller itself may read a source, the
        answer is the challenge to come back with a token that names it.

        Raises:
            Failure: UNAUTHORIZED with that challenge.
        """
        origin = visit.parameter("from")
        if origin:
            candidates = [origin] if is_repository_name(origin) else []
        else:
            candidates = list(self.uploads.sources(place, digest))
        gate, grant, registry = self.frame.gate, caller.grant, caller.registry
        for name in candidates:
            if gate.has(grant, registry, name, Right.PULL):
                return name
        for name in candidates:
            if not grant.is_password and gate.could_have(grant, registry, name, Right.PULL):
                target, scope = (REPOSITORY, place.repository), f"{REPOSITORY}:{name}:{Right.PULL.value}"
                raise challenge(caller.host, target, PUSH, "insufficient_scope", scope)
        return None

    def _chunk(self, visit: Visit) -> tuple[int | None, Body]:
        part = chunk_range(visit.environ.get("HTTP_CONTENT_RANGE"))
        start, length = part or (None, None)
        return start, Body(visit.environ, self.frame.settings, length)


def _refuse_other(visit: Visit, *methods: str) -> None:
    if visit.method not in methods:
        allowed = ", ".join(sorted(methods))
        raise Failure(METHOD_UNSUPPORTED, headers={"Allow": allowed}, method=visit.method, allowed=allowed)


def _place(caller: Caller, repository: str) -> Place:
    registry = caller.registry
    return Place(registry.id, repository, caller.grant.credential.identity, registry.region)


def _made(name: str, digest: Digest) -> Answer:
    location = f"/v2/{name}/blobs/{digest}"
    return Answer(201, [("Location", location), ("Docker-Content-Digest", str(digest)), _NO_BODY])


def _session(status: int, name: str, session: Session, received: int, more: Headers | None = None) -> Answer:
    headers = [
        ("Location", f"/v2/{name}/blobs/uploads/{session}"),
        ("Range", f"0-{max(received - 1, 0)}"),
        ("Docker-Upload-UUID", session.id),
        *(more or []),
    ]
    if status != 204:  # noqa: PLR2004 - No Content
        headers.append(_NO_BODY)
    return Answer(status, headers)
