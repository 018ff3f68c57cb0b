"""Routes about content in time: what a tag has named, and clearing out what is old."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request

from controlplane.distribution.acr_documents import find_repository, named
from controlplane.distribution.documents import document_of_request
from controlplane.distribution.gate import DELETE, METADATA_READ
from controlplane.distribution.paging import ACR, next_link, page_of
from controlplane.distribution.parts import Parts
from controlplane.domain.references import is_tag
from controlplane.domain.registry_errors import PAGINATION_INVALID, PARAMETER_INVALID, TAG_UNKNOWN
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import Failure
from controlplane.persistence import content_deleted
from controlplane.persistence.content_deleted import EndedTag
from controlplane.services import content_policy, retention_rules
from controlplane.services.content_retention import retention_of

_LONGEST_ID = 18


@dataclass(frozen=True, slots=True)
class TimeRoutes:
    """The history of tags, and purges as a maintainer's script asks for them."""

    parts: Parts

    def add_to(self, app: Flask) -> None:
        """Register the routes."""
        path = "/acr/v1/<path:name>"
        app.add_url_rule(f"{path}/_tags/<reference>/_history", "tag_history", self.history, methods=["GET"])
        app.add_url_rule(f"{path}/_purge", "purge", self.purge, methods=["POST"])

    def history(self, name: str, reference: str) -> Response:
        """List what a tag has named, what it names now first."""
        caller = self.parts.let_in(name, METADATA_READ)
        if not is_tag(reference):
            raise Failure(TAG_UNKNOWN)
        page = page_of(request.args, ACR)
        with self.parts.services.database.read() as tx:
            repository = find_repository(tx, caller, name)
            before = _id(page.after) if page.after else None
            rows = content_deleted.history(tx, repository.id, reference, before, page.limit + 1)
        if not rows and before is None:
            raise Failure(TAG_UNKNOWN)
        shown = [_interval(row) for row in rows[: page.limit]]
        response = jsonify({**named(caller, name), "tag": reference, "history": shown})
        if page.limit and len(rows) > page.limit:
            path = f"/acr/v1/{name}/_tags/{reference}/_history"
            response.headers["Link"] = next_link(path, str(rows[page.limit - 1].id), page)
        return response

    def purge(self, name: str) -> Response:
        """Delete tags that a filter finds, untagged manifests, or both, as far as they are old enough."""
        caller = self.parts.let_in(name, DELETE)
        services = self.parts.services
        try:
            rule, is_dry = retention_rules.purge_of(document_of_request(services.settings))
        except ValueError as error:
            raise Failure(PARAMETER_INVALID, reason=error) from error
        with services.database.read() as tx:
            row = find_repository(tx, caller, name)
        content_policy.refuse_deletion(row)
        retention = retention_of(services)
        if is_dry:
            outcome = retention.preview(row, rule)
        else:
            outcome = retention.apply(row, rule, self.parts.origin(caller))
        members = {"tags": outcome.tags, "manifests": outcome.manifests, "freed": outcome.freed}
        return jsonify({**named(caller, name), **members})


def _id(last: str) -> int:
    if not (last.isascii() and last.isdigit() and len(last) <= _LONGEST_ID):
        raise Failure(PAGINATION_INVALID, reason="last is not a place in this list")
    return int(last)


def _interval(row: EndedTag) -> dict[str, Any]:
    return {
        "digest": row.digest,
        "since": rfc3339(row.since),
        "until": None if row.until is None else rfc3339(row.until),
        "endedBy": row.ended_by,
    }
