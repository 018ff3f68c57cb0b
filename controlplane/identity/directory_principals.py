"""``/v1.0/servicePrincipals``: who roles are assigned to.

Secrets belong to the application; ``addPassword`` and ``removePassword`` here work on the application's.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from controlplane.identity import directory_bodies as bodies
from controlplane.identity.directory_views import principal_json, secret_json
from controlplane.identity.odata import listing, parse_query, selected
from controlplane.persistence.identity import MANAGED_IDENTITY, ServicePrincipalRow
from controlplane.services.directory_checks import bad
from controlplane.services.graph import Services

PATHS = ("/servicePrincipals/<uuid:object_id>", "/servicePrincipals(appId='<uuid:app_id>')")


class Principals:
    """The views on service principals; each is named by object id or, in brackets, by client id."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._directory = services.directory

    def add_to(self, blueprint: Blueprint) -> None:
        """Register the routes."""
        blueprint.add_url_rule("/servicePrincipals", view_func=self.list_principals, methods=["GET"])
        blueprint.add_url_rule("/servicePrincipals", view_func=self.create_principal, methods=["POST"])
        for path in PATHS:
            blueprint.add_url_rule(path, view_func=self.show_principal, methods=["GET"])
            blueprint.add_url_rule(path, view_func=self.update_principal, methods=["PATCH"])
            blueprint.add_url_rule(path, view_func=self.delete_principal, methods=["DELETE"])
            for name, view in (
                ("addPassword", self.add_principal_password),
                ("removePassword", self.remove_principal_password),
            ):
                blueprint.add_url_rule(f"{path}/{name}", view_func=view, methods=["POST"])

    def list_principals(self) -> Response:
        """List service principals, filtered and in pages."""
        query = parse_query(request.args)
        rows = self._directory.principals(query.match, query.top + 1)
        secrets = self._directory.secrets_of([row.app_id for row in rows])
        tenant = self._directory.tenant_id()
        here = f"{self._services.settings.public_url}{request.path}"
        shown = [(row, principal_json(row, tenant, secrets.get(row.app_id, ()))) for row in rows]
        return jsonify(listing(shown, query, here))

    def create_principal(self) -> tuple[Response, int]:
        """Make the service principal of an application."""
        app_id, enabled = bodies.principal_request()
        return jsonify(self._shown(self._directory.create_principal(app_id, enabled=enabled))), 201

    def show_principal(self, **reference: Any) -> Response:
        """Show a service principal."""
        query = parse_query(request.args)
        return jsonify(selected(self._shown(self._row(reference)), query.select))

    def update_principal(self, **reference: Any) -> tuple[str, int]:
        """Enable or disable a service principal."""
        enabled = bodies.principal_patch()
        row = self._row(reference)
        if enabled is not None:
            self._directory.enable_principal(row.id, enabled=enabled)
        return "", 204

    def delete_principal(self, **reference: Any) -> tuple[str, int]:
        """Remove a service principal; its application stays."""
        self._directory.delete_principal(self._row(reference).id)
        return "", 204

    def add_principal_password(self, **reference: Any) -> Response:
        """Make a secret of the principal's application and show it, this once."""
        wanted = bodies.password_request()
        made = self._directory.add_secret(
            self._application_id(reference), wanted.display_name, wanted.starts_at, wanted.expires_at
        )
        return jsonify(secret_json(made.row, made.text))

    def remove_principal_password(self, **reference: Any) -> tuple[str, int]:
        """Remove a secret of the principal's application."""
        key_id = bodies.key_id()
        self._directory.remove_secret(self._application_id(reference), key_id)
        return "", 204

    def _application_id(self, reference: dict[str, Any]) -> str:
        row = self._row(reference)
        if row.kind == MANAGED_IDENTITY:
            raise bad("A managed identity has no secrets.")
        return self._directory.application(app_id=row.app_id).id

    def _row(self, reference: dict[str, Any]) -> ServicePrincipalRow:
        return self._directory.principal(**{name: str(value) for name, value in reference.items()})

    def _shown(self, row: ServicePrincipalRow) -> dict[str, Any]:
        secrets = self._directory.secrets_of([row.app_id])
        return principal_json(row, self._directory.tenant_id(), secrets.get(row.app_id, ()))
