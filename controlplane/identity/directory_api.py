"""The directory API under ``/v1.0``: the part of Microsoft Graph that service-principal commands use.

Who may: every principal of the directory may read. Writing takes the right to assign any role anywhere, that is
``Microsoft.Authorization/roleAssignments/write`` at the root scope (Owner or User Access Administrator
there): whoever may add a secret to any application can act as it, so the right must not be weaker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from controlplane.domain.principals import Principal
from controlplane.domain.scopes import ROOT
from controlplane.identity import directory_bodies as bodies
from controlplane.identity import directory_views as views
from controlplane.identity.odata import parse_query, page, selected
from controlplane.kernel.catalogue import (
    AUTHENTICATION_FAILED,
    DIRECTORY_BAD_REQUEST,
    DIRECTORY_DENIED,
    DIRECTORY_NOT_FOUND,
    SERVICE_UNAVAILABLE,
)
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import ErrorKind, Failure
from controlplane.persistence.database import DatabaseUnavailableError
from controlplane.persistence.identity import ApplicationRow, Match, ServicePrincipalRow
from controlplane.services.audiences import GRAPH
from controlplane.services.graph import Services

WRITE_ACTION = "Microsoft.Authorization/roleAssignments/write"
_READS_BY_POST = "get_by_ids"


def directory_blueprint(services: Services) -> Blueprint:
    """Return the directory API."""
    blueprint = Blueprint("directory", __name__, url_prefix="/v1.0")
    _Applications(services).add_to(blueprint)
    _Principals(services).add_to(blueprint)
    _Objects(services).add_to(blueprint)
    guard_and_errors(services, blueprint)
    return blueprint
