"""The identity endpoints together, for the application to register."""

from __future__ import annotations

from flask import Blueprint

from controlplane.identity.directory_applications import Applications
from controlplane.identity.directory_guard import add_error_handlers, add_guard
from controlplane.identity.directory_objects import Objects
from controlplane.identity.directory_principals import Principals
from controlplane.identity.discovery import discovery_blueprint
from controlplane.identity.metadata import metadata_blueprint
from controlplane.identity.tenants import Tenants
from controlplane.identity.tokens import token_blueprint
from controlplane.services.audiences import Audiences
from controlplane.services.graph import Services


def identity_blueprints(services: Services) -> tuple[Blueprint, ...]:
    """Return every blueprint of the identity endpoints; each authenticates its callers itself."""
    tenants = Tenants(services.settings, services.directory, Audiences(services.settings))
    return (
        metadata_blueprint(services.settings),
        discovery_blueprint(services, tenants),
        token_blueprint(services, tenants),
        directory_blueprint(services),
    )


def directory_blueprint(services: Services) -> Blueprint:
    """Return the directory API under ``/v1.0``."""
    blueprint = Blueprint("directory", __name__, url_prefix="/v1.0")
    add_guard(services, blueprint)
    add_error_handlers(services, blueprint)
    for views in (Applications(services), Principals(services), Objects(services)):
        views.add_to(blueprint)
    return blueprint
