"""Routes that change manifests (reading them is the hot path's), and referrers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request

from controlplane.distribution.bodies import Body
from controlplane.distribution.gate import DELETE, PUSH, REFERRERS, Caller
from controlplane.distribution.hot import refuse_unreadable
from controlplane.distribution.paging import Limits, next_link, page_of
from controlplane.distribution.parts import Parts, digest_in, empty
from controlplane.distribution.rights import sees_quarantine
from controlplane.domain.manifests import OCI_INDEX
from controlplane.domain.references import is_tag, looks_like_digest
from controlplane.domain.registry_errors import (
    MANIFEST_INVALID,
    MANIFEST_TOO_LARGE,
    PARAMETER_INVALID,
    TAG_INVALID,
)
from controlplane.kernel.errors import Failure
from controlplane.persistence import content_referrers, content_repositories
from controlplane.persistence.content_pages import Page
from controlplane.persistence.content_referrers import ReferrerRow
from controlplane.services.content_push import Push

_REFERRERS = Limits(100, 1000)
_ANNOTATED_BYTES = 4 * 1024 * 1024  # a page of referrers stops growing here, as their annotations are shown
_MAX_TAGS = 64
_ABSENT = '299 - "the repository lacks {count} of the manifests or blobs that this manifest names"'


@dataclass(frozen=True, slots=True)
class ManifestRoutes:
    """Pushing, deleting and asking who refers to a manifest."""

    parts: Parts

    def add_to(self, app: Flask) -> None:
        """Register the routes."""
        rule = "/v2/<path:name>/manifests/<reference>"
        app.add_url_rule(rule, "manifest_put", self.put, methods=["PUT"])
        app.add_url_rule(rule, "manifest_delete", self.delete, methods=["DELETE"])
        app.add_url_rule("/v2/<path:name>/referrers/<digest>", "referrers", self.referrers, methods=["GET"])

    def put(self, name: str, reference: str) -> Response:
        """Push a manifest."""
        caller = self.parts.let_in(name, PUSH)
        push = Push(
            registry_id=caller.registry.id,
            repository=name,
            reference=reference,
            content_type=request.headers.get("Content-Type"),
            payload=self._payload(),
            tags=_further_tags(reference),
            origin=self.parts.origin(caller),
            quarantined=bool(caller.registry.quarantine),
        )
        pushed = self.parts.pushes.put(push)
        response = empty(
            201,
            Location=f"/v2/{name}/manifests/{pushed.digest}",
            Docker_Content_Digest=pushed.digest,
            Content_Length="0",
        )
        if pushed.subject is not None:
            response.headers["OCI-Subject"] = pushed.subject
        for tag in push.tags:
            response.headers.add("OCI-Tag", tag)
        if pushed.absent:
            response.headers["Warning"] = _ABSENT.format(count=pushed.absent)
        return response

    def _payload(self) -> bytes:
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise Failure(MANIFEST_INVALID, reason="a content encoding is not supported")
        settings = self.parts.services.settings
        payload = Body(request.environ, settings).whole(settings.manifest_limit)
        if payload is None:
            raise Failure(MANIFEST_TOO_LARGE, limit=settings.manifest_limit)
        return payload

    def delete(self, name: str, reference: str) -> Response:
        """Delete a tag, or a manifest with all tags that name it."""
        caller = self.parts.let_in(name, DELETE)
        origin = self.parts.origin(caller)
        if looks_like_digest(reference):
            self.parts.deletions.manifest(caller.registry.id, name, str(digest_in(reference)), origin)
        elif is_tag(reference):
            self.parts.deletions.tag(caller.registry.id, name, reference, origin)
        else:
            raise Failure(TAG_INVALID)
        return empty(202, Content_Length="0")

    def referrers(self, name: str, digest: str) -> Response:
        """List the manifests whose subject has a digest, be it here or not."""
        caller = self.parts.let_in(name, REFERRERS)
        subject = str(digest_in(digest))
        wanted = page_of(request.args, _REFERRERS, match=_artifact_type())
        rows, last = self._page(caller, name, subject, wanted)
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [_descriptor(row) for row in rows]}
        response = jsonify(index)
        response.content_type = OCI_INDEX
        if wanted.match is not None:
            response.headers["OCI-Filters-Applied"] = "artifactType"
        if last is not None:
            path = f"/v2/{name}/referrers/{subject}"
            response.headers["Link"] = next_link(path, last, wanted, artifactType=wanted.match)
        return response

    def _page(
        self, caller: Caller, name: str, subject: str, wanted: Page
    ) -> tuple[list[ReferrerRow], str | None]:
        """Return a page's rows and, when more follow, the last digest of it.

        Who cannot pull what is in quarantine is not told of it.
        """
        passed = not sees_quarantine(self.parts.gate, caller.grant, caller.registry, name)
        with self.parts.services.database.read() as tx:
            repository = content_repositories.find(tx, caller.registry.id, name)
            refuse_unreadable(0 if repository is None else repository.locks)
            if repository is None or wanted.limit == 0:
                return [], None
            more = Page(wanted.limit + 1, wanted.after, match=wanted.match)
            found = content_referrers.referrers(tx, repository.id, subject, more, passed=passed)
            digests: list[str] = []
            room = _ANNOTATED_BYTES
            for digest, size in found[: wanted.limit]:
                room -= size
                if digests and room < 0:
                    break
                digests.append(digest)
            rows = content_referrers.referrer_rows(tx, repository.id, digests)
        return list(rows), digests[-1] if len(found) > len(digests) else None


def _artifact_type() -> str | None:
    text = request.args.get("artifactType") or None
    if text is not None and not text.isprintable():
        raise Failure(PARAMETER_INVALID, reason="artifactType is not a media type")
    return text


def _further_tags(reference: str) -> tuple[str, ...]:
    """Return the tags a push by digest sets (the ``tag`` parameters)."""
    tags = tuple(dict.fromkeys(request.args.getlist("tag")))
    if tags and (not looks_like_digest(reference) or len(tags) > _MAX_TAGS):
        raise Failure(TAG_INVALID)
    return tags


def _descriptor(row: ReferrerRow) -> dict[str, Any]:
    members = {
        "mediaType": row.media_type,
        "digest": row.digest,
        "size": row.size,
        "artifactType": row.artifact_type,
        "annotations": row.annotations,
    }
    return {name: value for name, value in members.items() if value is not None}
