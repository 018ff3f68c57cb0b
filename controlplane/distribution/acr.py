"""Routes of ACR's own API, ``/acr/v1``: what repositories, tags and manifests are like, and deletions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request

from controlplane.distribution import acr_documents
from controlplane.distribution.acr_documents import find_repository, manifest_members, named, tag_members
from controlplane.distribution.gate import DELETE, METADATA_READ
from controlplane.distribution.paging import ACR, next_link, page_of
from controlplane.distribution.parts import Parts, digest_in, empty
from controlplane.domain.references import is_tag
from controlplane.domain.registry_errors import TAG_INVALID, TAG_UNKNOWN
from controlplane.kernel.errors import Failure
from controlplane.persistence import content_manifests, content_tags
from controlplane.persistence.content_pages import Page

_ROOT = "/acr/v1/<path:name>"


@dataclass(frozen=True, slots=True)
class AcrRoutes:
    """What az and the SDKs ask a registry beside OCI distribution."""

    parts: Parts

    def add_to(self, app: Flask) -> None:
        """Register the routes."""
        for suffix, method, view in (
            ("", "GET", self.repository),
            ("", "DELETE", self.delete_repository),
            ("/_tags", "GET", self.tags),
            ("/_tags/<reference>", "GET", self.tag),
            ("/_tags/<reference>", "DELETE", self.delete_tag),
            ("/_manifests", "GET", self.manifests),
            ("/_manifests/<reference>", "GET", self.manifest),
        ):
            app.add_url_rule(_ROOT + suffix, f"acr_{view.__name__}", view, methods=[method])

    def repository(self, name: str) -> Response:
        """Show a repository."""
        caller = self.parts.let_in(name, METADATA_READ)
        with self.parts.services.database.read() as tx:
            return jsonify(acr_documents.repository(tx, caller, name))

    def delete_repository(self, name: str) -> Response:
        """Delete a repository with everything in it."""
        caller = self.parts.let_in(name, DELETE)
        deleted = self.parts.deletions.repository(caller.registry.id, name, self.parts.origin(caller))
        response = jsonify({"manifestsDeleted": deleted.manifests, "tagsDeleted": deleted.tags})
        response.status_code = 202
        return response

    def tags(self, name: str) -> Response:
        """List tags with their attributes, of one manifest only if its digest is given."""
        caller = self.parts.let_in(name, METADATA_READ)
        digest = request.args.get("digest")
        page = page_of(request.args, ACR, match=None if digest is None else str(digest_in(digest)))
        with self.parts.services.database.read() as tx:
            repository = find_repository(tx, caller, name)
            rows = content_tags.page(tx, repository.id, _and_one(page))
        body = {**named(caller, name), "tags": [tag_members(row) for row in rows[: page.limit]]}
        return _paged(body, [row.name for row in rows], f"/acr/v1/{name}/_tags", page, digest=digest)

    def tag(self, name: str, reference: str) -> Response:
        """Show a tag."""
        caller = self.parts.let_in(name, METADATA_READ)
        if not is_tag(reference):
            raise Failure(TAG_UNKNOWN)
        with self.parts.services.database.read() as tx:
            return jsonify(acr_documents.tag(tx, caller, name, reference))

    def delete_tag(self, name: str, reference: str) -> Response:
        """Delete a tag; its manifest stays."""
        caller = self.parts.let_in(name, DELETE)
        if not is_tag(reference):
            raise Failure(TAG_INVALID)
        self.parts.deletions.tag(caller.registry.id, name, reference, self.parts.origin(caller))
        return empty(202, Content_Length="0")

    def manifests(self, name: str) -> Response:
        """List manifests with their attributes."""
        caller = self.parts.let_in(name, METADATA_READ)
        page = page_of(request.args, ACR)
        with self.parts.services.database.read() as tx:
            repository = find_repository(tx, caller, name)
            rows = content_manifests.page(tx, repository.id, _and_one(page))
            tags = content_tags.of_manifests(tx, [row.id for row in rows])
        shown = [manifest_members(row, tags.get(row.id, [])) for row in rows[: page.limit]]
        body = {**named(caller, name), "manifests": shown}
        return _paged(body, [row.digest for row in rows], f"/acr/v1/{name}/_manifests", page)

    def manifest(self, name: str, reference: str) -> Response:
        """Show a manifest, and what an index refers to."""
        caller = self.parts.let_in(name, METADATA_READ)
        digest = str(digest_in(reference))
        with self.parts.services.database.read() as tx:
            return jsonify(acr_documents.manifest(tx, caller, name, digest))


def _and_one(page: Page) -> Page:
    """Ask for one entry more than is shown, to see whether another page follows."""
    return Page(page.limit + 1, page.after, page.order, page.match)


def _paged(body: dict[str, Any], names: Sequence[str], path: str, page: Page, **more: str | None) -> Response:
    response = jsonify(body)
    if page.limit and len(names) > page.limit:
        response.headers["Link"] = next_link(path, names[page.limit - 1], page, **more)
    return response
