"""Routes of uploads, and deleting blobs (reading them is the hot path's)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, Response, request

from controlplane.distribution.bodies import Body
from controlplane.distribution.gate import DELETE, PUSH, Caller, challenge
from controlplane.distribution.parts import Parts, digest_in, empty
from controlplane.distribution.ranges import chunk_range
from controlplane.domain.digests import ALGORITHMS, DEFAULT_ALGORITHM, Digest, is_digest, parse_digest
from controlplane.domain.registry_errors import DIGEST_INVALID
from controlplane.domain.registry_scopes import REPOSITORY, Right
from controlplane.domain.repository_names import is_repository_name
from controlplane.kernel.errors import Failure
from controlplane.services.content_uploads import Place


@dataclass(frozen=True, slots=True)
class UploadRoutes:
    """Beginning, feeding, finishing and dropping uploads."""

    parts: Parts

    def add_to(self, app: Flask) -> None:
        """Register the routes."""
        begin, session = "/v2/<path:name>/blobs/uploads/", "/v2/<path:name>/blobs/uploads/<upload>"
        for rule in (begin, begin.removesuffix("/")):
            app.add_url_rule(rule, "upload_begin", self.begin, methods=["POST"])
        for method, view in (
            ("GET", self.status),
            ("PATCH", self.receive),
            ("PUT", self.finish),
            ("DELETE", self.cancel),
        ):
            app.add_url_rule(
                session, f"upload_{method}", view, methods=[method], provide_automatic_options=False
            )
        app.add_url_rule("/v2/<path:name>/blobs/<digest>", "blob", self.delete_blob, methods=["DELETE"])

    def begin(self, name: str) -> Response:
        """Begin an upload, take a whole blob (``digest``), or mount one of another repository (``mount``)."""
        caller = self.parts.let_in(name, PUSH)
        place = _place(caller, name)
        if "digest" in request.args:
            digest = digest_in(request.args["digest"])
            self.parts.uploads.take(place, digest, Body(request.environ, self.parts.services.settings))
            return _made(name, digest)
        if request.args.get("digest-algorithm", DEFAULT_ALGORITHM) not in ALGORITHMS:
            raise Failure(DIGEST_INVALID, reason="the algorithm is not sha256 or sha512")
        mounted = self._mounted(caller, place)
        if mounted is not None:
            return _made(name, mounted)
        return self._begun(name, self.parts.uploads.begin(place))

    def _begun(self, name: str, upload: str) -> Response:
        response = _session(202, name, upload, 0)
        least = self.parts.services.settings.upload_chunk_min
        if least:
            response.headers["OCI-Chunk-Min-Length"] = str(least)
        return response

    def _mounted(self, caller: Caller, place: Place) -> Digest | None:
        """Mount what is asked for, if the caller may read a source of it; else the client uploads it."""
        wanted = request.args.get("mount", "")
        if not is_digest(wanted):
            return None
        digest = parse_digest(wanted)
        source = self._source(caller, place, digest)
        if source is None or not self.parts.uploads.mount(place, source, digest):
            return None
        return digest

    def _source(self, caller: Caller, place: Place, digest: Digest) -> str | None:
        """Return the repository to mount from: the one that ``from`` names, or one that has the blob.

        A token opens what it was asked for and no more. Where the caller itself may read a source, the
        answer is the challenge to come back with a token that names it.

        Raises:
            Failure: UNAUTHORIZED with that challenge.
        """
        origin = request.args.get("from")
        if origin:
            candidates = [origin] if is_repository_name(origin) else []
        else:
            candidates = list(self.parts.uploads.sources(place, digest))
        gate, grant, registry = self.parts.gate, caller.grant, caller.registry
        for name in candidates:
            if gate.has(grant, registry, name, Right.PULL):
                return name
        for name in candidates:
            if not grant.is_password and gate.could_have(grant, registry, name, Right.PULL):
                target, scope = (REPOSITORY, place.repository), f"{REPOSITORY}:{name}:{Right.PULL.value}"
                raise challenge(caller.host, target, PUSH, "insufficient_scope", scope)
        return None

    def status(self, name: str, upload: str) -> Response:
        """Tell how many bytes an upload has."""
        place = _place(self.parts.let_in(name, PUSH), name)
        return _session(204, name, upload, self.parts.uploads.find(place, upload).received)

    def receive(self, name: str, upload: str) -> Response:
        """Add a chunk."""
        place = _place(self.parts.let_in(name, PUSH), name)
        start, body = self._chunk()
        return _session(202, name, upload, self.parts.uploads.receive(place, upload, start, body))

    def finish(self, name: str, upload: str) -> Response:
        """Add the last chunk, if there is one, and make the upload a blob."""
        place = _place(self.parts.let_in(name, PUSH), name)
        digest = digest_in(request.args.get("digest"))
        start, body = self._chunk()
        self.parts.uploads.finish(place, upload, digest, start, body)
        return _made(name, digest)

    def cancel(self, name: str, upload: str) -> Response:
        """Drop an upload."""
        self.parts.uploads.cancel(_place(self.parts.let_in(name, PUSH), name), upload)
        return empty(204)

    def delete_blob(self, name: str, digest: str) -> Response:
        """Take a blob out of a repository."""
        caller = self.parts.let_in(name, DELETE)
        wanted = str(digest_in(digest))
        self.parts.deletions.blob(caller.registry.id, name, wanted)
        return empty(202, Docker_Content_Digest=wanted, Content_Length="0")

    def _chunk(self) -> tuple[int | None, Body]:
        part = chunk_range(request.headers.get("Content-Range"))
        start, length = part or (None, None)
        return start, Body(request.environ, self.parts.services.settings, length)


def _place(caller: Caller, repository: str) -> Place:
    registry = caller.registry
    return Place(registry.id, repository, caller.grant.credential.identity, registry.region)


def _made(name: str, digest: Digest) -> Response:
    return empty(
        201, Location=f"/v2/{name}/blobs/{digest}", Docker_Content_Digest=str(digest), Content_Length="0"
    )


def _session(status: int, name: str, upload: str, received: int) -> Response:
    headers = {
        "Location": f"/v2/{name}/blobs/uploads/{upload}",
        "Range": f"0-{max(received - 1, 0)}",
        "Docker-Upload-UUID": upload,
    }
    if status != 204:  # noqa: PLR2004 - No Content
        headers["Content-Length"] = "0"
    return empty(status, **headers)
