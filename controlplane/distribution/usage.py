"""Routes that show what takes how much storage; they are this service's own addition to ``/acr/v1``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request

from controlplane.distribution.gate import CATALOG_RESOURCE, LIST_CATALOG, METADATA_READ
from controlplane.distribution.paging import Limits, next_link, page_of
from controlplane.distribution.parts import Parts
from controlplane.domain.references import is_tag
from controlplane.domain.registry_errors import TAG_UNKNOWN
from controlplane.kernel.errors import Failure
from controlplane.services.content_usage import Usage, UsageReports

_PAGE = Limits(50, 200)  # the blobs of all repositories of a page are added up
_REGISTRY = "/acr/v1/_usage"


@dataclass(frozen=True, slots=True)
class UsageRoutes:
    """Usage of a registry, a repository and a tag."""

    parts: Parts

    def add_to(self, app: Flask) -> None:
        """Register the routes."""
        for rule, view in (
            (_REGISTRY, self.registry),
            ("/acr/v1/<path:name>/_usage", self.repository),
            ("/acr/v1/<path:name>/_tags/<reference>/_usage", self.tag),
        ):
            app.add_url_rule(rule, f"usage_{view.__name__}", view, methods=["GET"])

    @property
    def _reports(self) -> UsageReports:
        return UsageReports(self.parts.services.database)

    def registry(self) -> Response:
        """Show what a registry holds, and which part of it each repository has."""
        caller = self.parts.let_in_to(CATALOG_RESOURCE, LIST_CATALOG)
        page = page_of(request.args, _PAGE)
        size, found = self._reports.registry(caller.registry.id, page.after, page.limit + 1)
        shown = [{"imageName": one.name, **_parts_of(one)} for one in found[: page.limit]]
        response = jsonify({"registry": caller.host, "size": size, "repositories": shown})
        if shown and len(found) > page.limit:
            response.headers["Link"] = next_link(_REGISTRY, shown[-1]["imageName"], page)
        return response

    def repository(self, name: str) -> Response:
        """Show what a repository holds."""
        caller = self.parts.let_in(name, METADATA_READ)
        found = self._reports.repository(caller.registry.id, name)
        return jsonify(
            {
                "registry": caller.host,
                "imageName": name,
                **_parts_of(found.total),
                "freed": found.total.freed,
                "manifestCount": found.manifests,
                "tagCount": found.tags,
                "deleted": found.deleted,
            }
        )

    def tag(self, name: str, reference: str) -> Response:
        """Show what a tag names."""
        caller = self.parts.let_in(name, METADATA_READ)
        if not is_tag(reference):
            raise Failure(TAG_UNKNOWN)
        found = self._reports.image(caller.registry.id, name, reference)
        members = {"registry": caller.host, "imageName": name, "tag": reference, "digest": found.digest}
        return jsonify({**members, **_parts_of(found.total), "freed": found.total.freed})


def _parts_of(usage: Usage) -> dict[str, Any]:
    return {"size": usage.size, "unique": usage.unique, "shared": usage.shared}
