"""``/metadata/endpoints``: the document that tells az, the SDKs and Terraform where a cloud's parts are.

The shape depends on the api-version: a list of clouds in 2019-05-01 and 2020-06-01 (az reads it from
``ARM_CLOUD_METADATA_URL``), one object from 2022-09-01 on (``az cloud register``), and a short one in
2015-01-01 (older tools). It needs no authentication: it is read before there is any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from controlplane.kernel.catalogue import INVALID_API_VERSION, MISSING_API_VERSION
from controlplane.kernel.errors import ErrorRecord, Failure
from controlplane.settings.model import Settings

CLOUD_NAME = "acrctl"


def metadata_blueprint(settings: Settings) -> Blueprint:
    """Return the metadata endpoint."""
    blueprint = Blueprint("metadata", __name__)

    @blueprint.get("/metadata/endpoints")
    def endpoints() -> Response:
        version = request.args.get("api-version")
        if not version:
            raise Failure(MISSING_API_VERSION)
        if version not in _SHAPES:
            raise Failure(INVALID_API_VERSION, version=version, supported=", ".join(_SHAPES))
        return jsonify(_SHAPES[version](settings))

    @blueprint.errorhandler(Failure)
    def refused(failure: Failure) -> Response:
        response = jsonify({"error": ErrorRecord.of(failure).to_json()})
        response.status_code = failure.kind.status
        return response

    return blueprint


def cloud(settings: Settings) -> dict[str, Any]:
    """Describe this deployment as a cloud. Members az insists on are served by this host or by nobody."""
    here = settings.public_url
    return {
        "name": CLOUD_NAME,
        "portal": here,
        "authentication": {
            # The /adfs form spares clients the question to login.microsoftonline.com who we are.
            "loginEndpoint": f"{here}/adfs",
            "audiences": [f"{here}/", "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": f"{here}/",
        "microsoftGraphResourceId": f"{here}/",
        "graph": f"{here}/",
        "graphAudience": f"{here}/",
        "media": here,
        "batch": here,
        "gallery": here,
        "sqlManagement": here,
        "vmImageAliasDoc": here,
        "activeDirectoryDataLake": here,
        "suffixes": suffixes(settings),
    }


def suffixes(settings: Settings) -> dict[str, str]:
    """Return the DNS suffixes of the cloud.

    ``acrLoginServer`` is what az appends to a registry's name when it cannot ask for its login server. In
    mode ``port`` login servers have no suffix, but az refuses to work without one. The others name services
    that this deployment does not have; az needs ``storage`` to be set to show endpoints.
    """
    domain = settings.login_domain
    port = settings.public_authority.removeprefix(settings.public_host)
    return {
        "acrLoginServer": domain + (port if settings.login_server_mode == "domain" else ""),
        "storage": f"storage.{domain}",
        "keyVaultDns": f"vault.{domain}",
        "sqlServerHostname": f"sql.{domain}",
    }


def _short(settings: Settings) -> dict[str, Any]:
    full = cloud(settings)
    authentication = full["authentication"]
    return {
        "galleryEndpoint": full["gallery"],
        "graphEndpoint": full["graph"],
        "portalEndpoint": full["portal"],
        "authentication": {name: authentication[name] for name in ("loginEndpoint", "audiences")},
    }


_SHAPES: Mapping[str, Callable[[Settings], Any]] = {
    "2015-01-01": _short,
    "2019-05-01": lambda settings: [cloud(settings)],
    "2020-06-01": lambda settings: [cloud(settings)],
    "2022-09-01": cloud,
}
