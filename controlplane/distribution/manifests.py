"""Deleting manifests, and who refers to them (reading them is the hot path's)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request

from controlplane.distribution.gate import DELETE, REFERRERS, Caller
from controlplane.distribution.hot import refuse_unreadable
from controlplane.distribution.paging import Limits, next_link, page_of
from controlplane.distribution.parts import Parts, digest_in, empty
from controlplane.distribution.rights import sees_quarantine
from controlplane.domain.manifests import OCI_INDEX
from controlplane.domain.references import is_tag, looks_like_digest
from controlplane.domain.registry_errors import (
    PARAMETER_INVALID,
    TAG_INVALID,
)
from controlplane.kernel.errors import Failure
from controlplane.persistence import content_referrers, content_repositories
from controlplane.persistence.content_pages import Page
from controlplane.persistence.content_referrers import ReferrerRow

_REFERRERS = Limits(100, 1000)
_ANNOTATED_BYTES = 4 * 1024 * 1024  # a page of referrers stops growing here, as their annotations are shown


@dataclass(frozen=True, slots=True)
class ManifestRoutes:
    """Deleting, and asking who refers to a manifest."""

    parts: Parts

    def add_to(self, app: Flask) -> None:
        """Register the routes."""
        rule = "/v2/<path:name>/manifests/<reference>"
        app.add_url_rule(rule, "manifest_delete", self.delete, methods=["DELETE"])
        app.add_url_rule("/v2/<path:name>/referrers/<digest>", "referrers", self.referrers, methods=["GET"])

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


def _descriptor(row: ReferrerRow) -> dict[str, Any]:
    members = {
        "mediaType": row.media_type,
        "digest": row.digest,
        "size": row.size,
        "artifactType": row.artifact_type,
        "annotations": row.annotations,
    }
    return {name: value for name, value in members.items() if value is not None}
