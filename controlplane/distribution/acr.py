"""Routes of ACR's own API, ``/acr/v1``: attributes of repositories, tags and manifests, and deletions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request

from controlplane.distribution.gate import DELETE, METADATA_READ, METADATA_WRITE, Caller
from controlplane.distribution.paging import ACR, next_link, page_of
from controlplane.distribution.parts import Parts, digest_in, empty
from controlplane.domain.locks import shown as shown_locks
from controlplane.domain.manifests import INDEXES
from controlplane.domain.references import is_tag
from controlplane.domain.registry_errors import (
    ATTRIBUTES_INVALID,
    MANIFEST_UNKNOWN,
    NAME_UNKNOWN,
    TAG_INVALID,
    TAG_UNKNOWN,
)
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import Failure
from controlplane.persistence import content_manifests, content_repositories, content_tags
from controlplane.persistence.content_manifests import ManifestRow
from controlplane.persistence.content_pages import Page
from controlplane.persistence.content_repositories import RepositoryRow
from controlplane.persistence.content_tags import TagRow
from controlplane.persistence.database import Transaction

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
        for suffix in ("", "/_tags/<reference>", "/_manifests/<reference>"):
            app.add_url_rule(_ROOT + suffix, "acr_update", self.update, methods=["PATCH"])

    def repository(self, name: str) -> Response:
        """Show a repository."""
        caller = self.parts.let_in(name, METADATA_READ)
        with self.parts.services.database.read() as tx:
            row = _repository(tx, caller, name)
        return jsonify(
            {
                **_named(caller, name),
                "createdTime": rfc3339(row.created_at),
                "lastUpdateTime": rfc3339(row.updated_at),
                "manifestCount": row.manifest_count,
                "tagCount": row.tag_count,
                "changeableAttributes": shown_locks(row.locks),
            }
        )

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
            repository = _repository(tx, caller, name)
            rows = content_tags.page(tx, repository.id, _and_one(page))
        body = {**_named(caller, name), "tags": [_tag(row) for row in rows[: page.limit]]}
        return _paged(body, [row.name for row in rows], f"/acr/v1/{name}/_tags", page, digest=digest)

    def tag(self, name: str, reference: str) -> Response:
        """Show a tag."""
        caller = self.parts.let_in(name, METADATA_READ)
        with self.parts.services.database.read() as tx:
            repository = _repository(tx, caller, name)
            row = content_tags.find(tx, repository.id, reference) if is_tag(reference) else None
        if row is None:
            raise Failure(TAG_UNKNOWN)
        return jsonify({**_named(caller, name), "tag": _tag(row)})

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
            repository = _repository(tx, caller, name)
            rows = content_manifests.page(tx, repository.id, _and_one(page))
            tags = content_tags.of_manifests(tx, [row.id for row in rows])
        shown = [_manifest(row, tags.get(row.id, [])) for row in rows[: page.limit]]
        body = {**_named(caller, name), "manifests": shown}
        return _paged(body, [row.digest for row in rows], f"/acr/v1/{name}/_manifests", page)

    def manifest(self, name: str, reference: str) -> Response:
        """Show a manifest, and what an index refers to."""
        caller = self.parts.let_in(name, METADATA_READ)
        digest = str(digest_in(reference))
        with self.parts.services.database.read() as tx:
            repository = _repository(tx, caller, name)
            row = content_manifests.find(tx, repository.id, digest)
            if row is None:
                raise Failure(MANIFEST_UNKNOWN)
            shown = _manifest(row, content_tags.of_manifests(tx, [row.id]).get(row.id, []))
            if row.media_type in INDEXES:
                shown["references"] = _references(content_manifests.payload(tx, row.id))
        return jsonify({**_named(caller, name), "manifest": shown})

    def update(self, name: str, reference: str | None = None) -> Response:  # noqa: ARG002 - of the route
        """Refuse to change attributes."""
        self.parts.let_in(name, METADATA_WRITE)
        raise Failure(ATTRIBUTES_INVALID, reason="they cannot be changed")


def _repository(tx: Transaction, caller: Caller, name: str) -> RepositoryRow:
    row = content_repositories.find(tx, caller.registry.id, name)
    if row is None or row.manifest_count == 0:
        raise Failure(NAME_UNKNOWN)
    return row


def _named(caller: Caller, name: str) -> dict[str, Any]:
    return {"registry": caller.host, "imageName": name}


def _and_one(page: Page) -> Page:
    """Ask for one entry more than is shown, to see whether another page follows."""
    return Page(page.limit + 1, page.after, page.order, page.match)


def _paged(body: dict[str, Any], names: Sequence[str], path: str, page: Page, **more: str | None) -> Response:
    response = jsonify(body)
    if page.limit and len(names) > page.limit:
        response.headers["Link"] = next_link(path, names[page.limit - 1], page, **more)
    return response


def _tag(row: TagRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "digest": row.digest,
        "createdTime": rfc3339(row.created_at),
        "lastUpdateTime": rfc3339(row.since),
        "signed": False,
        "changeableAttributes": shown_locks(row.locks),
    }


def _manifest(row: ManifestRow, tags: Sequence[str]) -> dict[str, Any]:
    members = {
        "digest": row.digest,
        "imageSize": row.image_size,
        "createdTime": rfc3339(row.created_at),
        "lastUpdateTime": rfc3339(row.updated_at),
        "architecture": row.architecture,
        "os": row.os,
        "mediaType": row.media_type,
        "configMediaType": row.config_media_type,
        "artifactType": row.artifact_type,
        "tags": list(tags),
        "changeableAttributes": shown_locks(row.locks),
    }
    return {name: value for name, value in members.items() if value is not None}


def _references(payload: bytes) -> list[dict[str, Any]]:
    """Return the platforms an index refers to, as its own descriptors tell them."""
    shown = []
    for item in json.loads(payload)["manifests"]:
        platform = item.get("platform")
        found = platform if isinstance(platform, dict) else {}
        members = {"digest": item["digest"], "architecture": found.get("architecture"), "os": found.get("os")}
        shown.append({name: value for name, value in members.items() if isinstance(value, str)})
    return shown
