"""``/v1.0/applications``: what can sign in, and the secrets it signs in with."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from controlplane.identity import directory_bodies as bodies
from controlplane.identity.directory_views import application_json, secret_json
from controlplane.identity.odata import listing, parse_query, selected
from controlplane.persistence.identity import ApplicationRow
from controlplane.services.graph import Services

PATHS = ("/applications/<uuid:object_id>", "/applications(appId='<uuid:app_id>')")


class Applications:
    """The views on applications; each is named by object id or, in brackets, by client id."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._directory = services.directory

    def add_to(self, blueprint: Blueprint) -> None:
        """Register the routes."""
        blueprint.add_url_rule("/applications", view_func=self.list_applications, methods=["GET"])
        blueprint.add_url_rule("/applications", view_func=self.create_application, methods=["POST"])
        for path in PATHS:
            blueprint.add_url_rule(path, view_func=self.show_application, methods=["GET"])
            blueprint.add_url_rule(path, view_func=self.rename_application, methods=["PATCH"])
            blueprint.add_url_rule(path, view_func=self.delete_application, methods=["DELETE"])
            for name, view in (("addPassword", self.add_password), ("removePassword", self.remove_password)):
                blueprint.add_url_rule(f"{path}/{name}", view_func=view, methods=["POST"])

    def list_applications(self) -> Response:
        """List applications, filtered and in pages."""
        query = parse_query(request.args)
        rows = self._directory.applications(query.match, query.top + 1)
        secrets = self._directory.secrets_of([row.app_id for row in rows])
        here = f"{self._services.settings.public_url}{request.path}"
        return jsonify(
            listing([(row, application_json(row, secrets.get(row.app_id, ()))) for row in rows], query, here)
        )

    def create_application(self) -> tuple[Response, int]:
        """Register an application."""
        name = bodies.application_name(required=True) or ""
        return jsonify(application_json(self._directory.create_application(name), ())), 201

    def show_application(self, **reference: Any) -> Response:
        """Show an application."""
        row = self._row(reference)
        secrets = self._directory.secrets_of([row.app_id])
        query = parse_query(request.args)
        return jsonify(selected(application_json(row, secrets.get(row.app_id, ())), query.select))

    def rename_application(self, **reference: Any) -> tuple[str, int]:
        """Change an application's display name."""
        name = bodies.application_name(required=False)
        row = self._row(reference)
        if name is not None:
            self._directory.rename_application(row.id, name)
        return "", 204

    def delete_application(self, **reference: Any) -> tuple[str, int]:
        """Remove an application with its secrets and its service principal."""
        self._directory.delete_application(self._row(reference).id)
        return "", 204

    def add_password(self, **reference: Any) -> Response:
        """Make a secret and show it, this once."""
        wanted = bodies.password_request()
        made = self._directory.add_secret(
            self._row(reference).id, wanted.display_name, wanted.starts_at, wanted.expires_at
        )
        return jsonify(secret_json(made.row, made.text))

    def remove_password(self, **reference: Any) -> tuple[str, int]:
        """Remove a secret; tokens obtained with it stop working at once."""
        key_id = bodies.key_id()
        self._directory.remove_secret(self._row(reference).id, key_id)
        return "", 204

    def _row(self, reference: dict[str, Any]) -> ApplicationRow:
        return self._directory.application(**{name: str(value) for name, value in reference.items()})
