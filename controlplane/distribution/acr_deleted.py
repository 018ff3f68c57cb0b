"""Routes for what was deleted: lists of it, bringing it back, removing it for good.

Paths, rights and lists are those of ACR's soft delete; restoring a repository as a whole and removing at once
are additions. Errors are those of the live content: what is not there is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request

from controlplane.distribution.acr_documents import manifest_members, named
from controlplane.distribution.documents import document_of_request
from controlplane.distribution.gate import DELETE, Caller, Need
from controlplane.distribution.paging import ACR, next_link, page_of
from controlplane.distribution.parts import Parts, digest_in, empty
from controlplane.domain.registry_errors import NAME_UNKNOWN, PAGINATION_INVALID, PARAMETER_INVALID
from controlplane.domain.registry_scopes import DELETED_CATALOG, REGISTRY, Right
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import Failure
from controlplane.persistence import content_deleted, content_repositories
from controlplane.persistence.content_deleted import EndedTag
from controlplane.persistence.content_manifests import ManifestRow
from controlplane.persistence.content_repositories import RepositoryRow
from controlplane.persistence.database import Transaction
from controlplane.services.content_events import Place
from controlplane.services.content_purge import purges_of
from controlplane.services.content_restore import Restored, Restores, Wish

_ROOT = "/acr/v1/_deleted"
_MANIFEST = "/<path:name>/_manifests/<reference>"
_READ = Need(frozenset({Right.DELETED_READ.value}), "deleted_read")
_RESTORE = Need(frozenset({Right.DELETED_RESTORE.value}), "deleted_read,deleted_restore")
_LIST = Need(frozenset({"*"}), "*")
_CATALOG = (REGISTRY, DELETED_CATALOG)
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class DeletedRoutes:
    """Everything below ``/acr/v1/_deleted``."""

    parts: Parts

    def add_to(self, app: Flask) -> None:
        """Register the routes."""
        for suffix, method, view in (
            ("/_catalog", "GET", self.catalog),
            ("/<path:name>/_manifests", "GET", self.manifests),
            ("/<path:name>/_tags", "GET", self.tags),
            (_MANIFEST, "POST", self.restore),
            (_MANIFEST, "DELETE", self.purge),
            ("/<path:name>", "POST", self.restore_repository),
            ("/<path:name>", "DELETE", self.purge_repository),
        ):
            app.add_url_rule(_ROOT + suffix, f"deleted_{view.__name__}", view, methods=[method])

    def catalog(self) -> Response:
        """List the repositories in which something can be restored."""
        caller = self.parts.let_in_to(_CATALOG, _LIST)
        page = page_of(request.args, ACR)
        with self.parts.services.database.read() as tx:
            names = content_deleted.catalog(tx, caller.registry.id, page.after, page.limit + 1)
        response = jsonify({"repositories": list(names[: page.limit])})
        if page.limit and len(names) > page.limit:
            response.headers["Link"] = next_link(f"{_ROOT}/_catalog", names[page.limit - 1], page)
        return response

    def manifests(self, name: str) -> Response:
        """List deleted manifests."""
        caller = self.parts.let_in(name, _READ)
        page = page_of(request.args, ACR)
        with self.parts.services.database.read() as tx:
            repository = _repository(tx, caller, name)
            rows = content_deleted.page(tx, repository.id, page.after, page.limit + 1)
            tags = content_deleted.tags_ended_with(tx, [row.id for row in rows])
        names: dict[int | None, list[str]] = {}
        for tag in tags:
            names.setdefault(tag.manifest_id, []).append(tag.name)
        shown = [_manifest(row, sorted(set(names.get(row.id, ())))) for row in rows[: page.limit]]
        response = jsonify({**named(caller, name), "manifests": shown})
        if page.limit and len(rows) > page.limit:
            last = rows[page.limit - 1].digest
            response.headers["Link"] = next_link(f"{_ROOT}/{name}/_manifests", last, page)
        return response

    def tags(self, name: str) -> Response:
        """List deleted tags, by name and each name's in the order they were set."""
        caller = self.parts.let_in(name, _READ)
        page = page_of(request.args, ACR)
        after = _place(page.after)
        with self.parts.services.database.read() as tx:
            repository = _repository(tx, caller, name)
            rows = content_deleted.tags_page(tx, repository.id, after, page.limit + 1)
        response = jsonify({**named(caller, name), "tags": [_tag(row) for row in rows[: page.limit]]})
        if page.limit and len(rows) > page.limit:
            last = rows[page.limit - 1]
            path = f"{_ROOT}/{name}/_tags"
            response.headers["Link"] = next_link(path, f"{last.name}:{last.id}", page)
        return response

    def restore(self, name: str, reference: str) -> Response:
        """Bring back a manifest, under a tag if one is named."""
        caller = self.parts.let_in(name, _RESTORE)
        digest = str(digest_in(reference))
        force = _FLAGS.get(request.args.get("force", "false").lower())
        if force is None:
            raise Failure(PARAMETER_INVALID, reason="force is true or false")
        tag = _tag_of(document_of_request(self.parts.services.settings))
        wish = Wish(Place(caller.registry.id, name), digest, tag, force, self.parts.origin(caller))
        return _restored(caller, name, self._restores.manifest(wish))

    def restore_repository(self, name: str) -> Response:
        """Bring back everything of a repository that was deleted."""
        caller = self.parts.let_in(name, _RESTORE)
        place, origin = Place(caller.registry.id, name), self.parts.origin(caller)
        return _restored(caller, name, self._restores.repository(place, origin))

    def purge(self, name: str, reference: str) -> Response:
        """Remove a deleted manifest for good."""
        caller = self.parts.let_in(name, DELETE)
        place, origin = Place(caller.registry.id, name), self.parts.origin(caller)
        purges_of(self.parts.services).manifest(place, str(digest_in(reference)), origin)
        return empty(202, Content_Length="0")

    def purge_repository(self, name: str) -> Response:
        """Remove everything of a repository that was deleted for good."""
        caller = self.parts.let_in(name, DELETE)
        place, origin = Place(caller.registry.id, name), self.parts.origin(caller)
        gone = purges_of(self.parts.services).repository(place, origin)
        response = jsonify({**named(caller, name), "manifestsPurged": gone})
        response.status_code = 202
        return response

    @property
    def _restores(self) -> Restores:
        services = self.parts.services
        return Restores(services.database, services.clock, services.events)


def _repository(tx: Transaction, caller: Caller, name: str) -> RepositoryRow:
    row = content_repositories.find(tx, caller.registry.id, name)
    if row is None:
        raise Failure(NAME_UNKNOWN)
    return row


def _place(last: str) -> tuple[str, int]:
    """Read where a page of deleted tags begins: after ``tag:number``, or after all of ``tag``."""
    name, colon, number = last.partition(":")
    if not colon:
        return name, 2**62
    if not (number.isascii() and number.isdigit() and len(number) <= 18):  # noqa: PLR2004 - fits 64 bits
        raise Failure(PAGINATION_INVALID, reason="last is not a place in this list")
    return name, int(number)


def _tag_of(document: Any) -> str | None:
    tag = document.get("tag") if isinstance(document, dict) else None
    if not isinstance(document, dict | None) or not isinstance(tag, str | None):
        raise Failure(PARAMETER_INVALID, reason="the body is an object whose tag is text or null")
    return tag


def _manifest(row: ManifestRow, tags: list[str]) -> dict[str, Any]:
    return {**manifest_members(row, tags), **_times(row.deleted_at, row.purge_after)}


def _tag(row: EndedTag) -> dict[str, Any]:
    return {"tag": row.name, "digest": row.digest, **_times(row.until, row.purge_after)}


def _times(deleted_at: Any, purge_after: Any) -> dict[str, str]:
    return {"deletedAt": rfc3339(deleted_at), "expiresAfter": rfc3339(purge_after)}


def _restored(caller: Caller, name: str, restored: Restored) -> Response:
    shown = {"manifestsRestored": restored.manifests, "tagsRestored": restored.tags}
    return jsonify({**named(caller, name), **shown})
