"""The rest of ``/v1.0``: objects by id, the caller, and the users and groups this directory does not have."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from controlplane.identity import directory_bodies as bodies
from controlplane.identity.directory_guard import caller
from controlplane.identity.directory_views import (
    APPLICATION_TYPE,
    PRINCIPAL_TYPE,
    application_json,
    principal_json,
)
from controlplane.kernel.catalogue import DIRECTORY_BAD_REQUEST, DIRECTORY_NOT_FOUND
from controlplane.kernel.errors import Failure
from controlplane.persistence.identity import Match
from controlplane.services.graph import Services

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Objects:
    """The views on objects of any kind."""

    def __init__(self, services: Services) -> None:
        self._directory = services.directory

    def add_to(self, blueprint: Blueprint) -> None:
        """Register the routes; what no route of the API matches is told so in its own envelope."""
        blueprint.add_url_rule(
            "/directoryObjects/getByIds", "get_by_ids", self.objects_by_ids, methods=["POST"]
        )
        blueprint.add_url_rule("/me", view_func=self.show_caller, methods=["GET"])
        for kind in ("users", "groups"):
            blueprint.add_url_rule(f"/{kind}", view_func=self.none_of_these, methods=["GET"])
            blueprint.add_url_rule(f"/{kind}/<name>", view_func=self.not_here, methods=["GET"])
        blueprint.add_url_rule("/<path:rest>", view_func=self.unknown_path, methods=_METHODS)

    def objects_by_ids(self) -> Response:
        """Return the objects that exist among some ids, each with its type."""
        ids, types = bodies.wanted_ids()
        found: list[dict[str, Any]] = []
        match = Match(ids=ids)
        if types is None or "serviceprincipal" in types:
            rows = self._directory.principals(match, len(ids))
            found += [
                {"@odata.type": PRINCIPAL_TYPE, **principal_json(row, self._directory.tenant_id(), ())}
                for row in rows
            ]
        if types is None or "application" in types:
            found += [
                {"@odata.type": APPLICATION_TYPE, **application_json(row, ())}
                for row in self._directory.applications(match, len(ids))
            ]
        return jsonify({"value": found})

    def show_caller(self) -> Response:
        """Show the caller, which is a service principal: this directory has no users."""
        row = self._directory.principal(object_id=caller().object_id)
        return jsonify(
            {"@odata.type": PRINCIPAL_TYPE, **principal_json(row, self._directory.tenant_id(), ())}
        )

    def none_of_these(self) -> Response:
        """List the users or groups: none, whatever the filter."""
        return jsonify({"value": []})

    def not_here(self, name: str) -> Response:
        """Say that there is no such user or group."""
        raise Failure(DIRECTORY_NOT_FOUND, id=name)

    def unknown_path(self, rest: str) -> Response:
        """Say that the API has no such path."""
        raise Failure(
            DIRECTORY_BAD_REQUEST, reason=f"{request.method} /{rest} is not served by this directory."
        )
