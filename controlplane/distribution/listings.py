"""Routes that list: tags of a repository and the catalog; and ``/v2/`` itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flask import Flask, Response, jsonify, request

from controlplane.distribution.gate import CATALOG_RESOURCE, LIST_TAGS, LIST_VISIBLE, PULL
from controlplane.distribution.paging import ACR, V2, Limits, next_link, page_of
from controlplane.distribution.parts import Parts
from controlplane.distribution.rights import sees_quarantine
from controlplane.domain.registry_errors import NAME_UNKNOWN, PAGINATION_INVALID
from controlplane.kernel.errors import Failure
from controlplane.persistence import content_repositories, content_tags
from controlplane.persistence.content_pages import Page
from controlplane.services import registry_catalog
from controlplane.services.vault import VaultError

_SEALED = "~"  # begins no name


@dataclass(frozen=True, slots=True)
class ListingRoutes:
    """The lists of OCI distribution, and ACR's form of the catalog."""

    parts: Parts

    def add_to(self, app: Flask) -> None:
        """Register the routes."""
        for rule in ("/v2/", "/v2"):
            app.add_url_rule(rule, "ping", self.ping, methods=["GET"])
        app.add_url_rule("/v2/_catalog", "catalog", self.catalog, methods=["GET"])
        app.add_url_rule("/acr/v1/_catalog", "acr_catalog", self.acr_catalog, methods=["GET"])
        app.add_url_rule("/v2/<path:name>/tags/list", "tags", self.tags, methods=["GET"])

    def ping(self) -> Response:
        """Tell a caller with a good credential that this is a registry."""
        self.parts.let_in_to(None, PULL)
        return jsonify({})

    def catalog(self) -> Response:
        """List the repositories that the caller may read."""
        return self._catalog("/v2/_catalog", V2)

    def acr_catalog(self) -> Response:
        """List them, by default in smaller pages."""
        return self._catalog("/acr/v1/_catalog", ACR)

    def _catalog(self, path: str, limits: Limits) -> Response:
        caller = self.parts.let_in_to(CATALOG_RESOURCE, LIST_VISIBLE)
        page, services = page_of(request.args, limits), self.parts.services
        visible = services.registry_tokens.callers.visible(caller.registry, caller.grant.credential)
        after = self._position(page.after)
        with services.database.read() as tx:
            found = registry_catalog.page(tx, caller.registry.id, visible, after, page.limit)
        response = jsonify({"repositories": found.names})
        if found.resume is not None:
            last = found.resume if found.resume in found.names[-1:] else self._sealed(found.resume)
            response.headers["Link"] = next_link(path, last, replace(page, order="none"))
        return response

    def _sealed(self, name: str) -> str:
        """Return a position in the catalog that does not tell the name it stands for."""
        return _SEALED + self.parts.services.vault.seal(_SEALED + name)

    def _position(self, last: str) -> str:
        """Return the name to go on after, for the name or the sealed position that a client sent."""
        if not last.startswith(_SEALED):
            return last
        try:
            opened = self.parts.services.vault.open(last.removeprefix(_SEALED))
        except VaultError:
            opened = ""
        if not opened.startswith(_SEALED):
            raise Failure(PAGINATION_INVALID, reason="last is not a name")
        return opened.removeprefix(_SEALED)

    def tags(self, name: str) -> Response:
        """List tags of a repository; those of images in quarantine only to who may pull them."""
        caller = self.parts.let_in(name, LIST_TAGS)
        passed = not sees_quarantine(self.parts.gate, caller.grant, caller.registry, name)
        page = page_of(request.args, V2)
        with self.parts.services.database.read() as tx:
            repository = content_repositories.find(tx, caller.registry.id, name)
            if repository is None or repository.manifest_count == 0:
                raise Failure(NAME_UNKNOWN)
            names = content_tags.names(tx, repository.id, page.after, page.limit + 1, passed=passed)
        return _listed({"name": name}, "tags", names, f"/v2/{name}/tags/list", page)


def _listed(body: dict[str, str], member: str, names: Sequence[str], path: str, page: Page) -> Response:
    """Answer with a page, of which one entry more was read to see whether another page follows."""
    shown = list(names[: page.limit])
    response = jsonify({**body, member: shown})
    if shown and len(names) > page.limit:
        response.headers["Link"] = next_link(path, shown[-1], replace(page, order="none"))
    return response
