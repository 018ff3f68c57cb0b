from __future__ import annotations

import jwt
import pytest
from flask.testing import FlaskClient

from controlplane.identity.metadata import cloud
from controlplane.services.bootstrap import BootstrapResult
from controlplane.settings.model import Settings
from tests.identity.conftest import Caller

HERE = "https://localhost:8443"


@pytest.mark.parametrize(
    ("path", "issuer", "token", "keys"),
    [
        ("/{t}/v2.0", "/{t}/v2.0", "/{t}/oauth2/v2.0/token", "/{t}/discovery/v2.0/keys"),
        ("/{t}", "/{t}/", "/{t}/oauth2/token", "/{t}/discovery/keys"),
        ("/adfs", "/adfs", "/adfs/oauth2/v2.0/token", "/adfs/discovery/keys"),
        ("/adfs/v2.0", "/adfs", "/adfs/oauth2/v2.0/token", "/adfs/discovery/v2.0/keys"),
        ("/common/v2.0", "/{t}/v2.0", "/common/oauth2/v2.0/token", "/common/discovery/v2.0/keys"),
        (
            "/organizations/v2.0",
            "/{t}/v2.0",
            "/organizations/oauth2/v2.0/token",
            "/organizations/discovery/v2.0/keys",
        ),
    ],
)
def test_discovery_leads_to_endpoints_that_answer(
    owner_caller: Caller, path: str, issuer: str, token: str, keys: str
) -> None:
    tenant = owner_caller.tenant
    client = owner_caller.client
    document = client.get(path.format(t=tenant) + "/.well-known/openid-configuration").get_json()
    assert document["issuer"] == HERE + issuer.format(t=tenant)
    assert document["token_endpoint"] == HERE + token.format(t=tenant)
    assert document["jwks_uri"] == HERE + keys.format(t=tenant)
    assert document["authorization_endpoint"].startswith(HERE)
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]
    access = owner_caller.token(path=document["token_endpoint"].removeprefix(HERE))
    published = jwt.PyJWKSet.from_dict(client.get(document["jwks_uri"].removeprefix(HERE)).get_json())
    claims = jwt.decode(
        access,
        published[jwt.get_unverified_header(access)["kid"]],
        ["RS256"],
        audience="https://management.azure.com",
        issuer=document["issuer"],
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )
    assert claims["appid"] == owner_caller.app_id


def test_asking_for_an_interactive_sign_in_explains_that_there_is_none(
    flask_client: FlaskClient, owner: BootstrapResult
) -> None:
    response = flask_client.get(f"/{owner.tenant_id}/oauth2/v2.0/authorize?response_type=code")
    assert response.status_code == 400
    assert response.get_json()["error"] == "unsupported_response_type"


@pytest.mark.parametrize(
    "path",
    [
        "/nobody/v2.0/.well-known/openid-configuration",
        "/nobody/discovery/v2.0/keys",
        "/nobody/.well-known/openid-configuration",
    ],
)
def test_another_directory_is_not_found(flask_client: FlaskClient, path: str) -> None:
    response = flask_client.get(path)
    assert response.status_code == 400
    assert response.get_json()["error_codes"] == [90002]


def test_metadata_is_a_list_or_an_object_by_version(flask_client: FlaskClient, settings: Settings) -> None:
    expected = cloud(settings)
    for version in ("2019-05-01", "2020-06-01"):
        assert flask_client.get(f"/metadata/endpoints?api-version={version}").get_json() == [expected]
    assert flask_client.get("/metadata/endpoints?api-version=2022-09-01").get_json() == expected
    old = flask_client.get("/metadata/endpoints?api-version=2015-01-01").get_json()
    assert old["authentication"]["loginEndpoint"] == f"{HERE}/adfs"


def test_metadata_has_what_az_insists_on(settings: Settings) -> None:
    document = cloud(settings)
    assert document["name"]
    assert document["authentication"]["loginEndpoint"] == f"{HERE}/adfs"
    assert document["authentication"]["audiences"][0] == f"{HERE}/"
    assert document["resourceManager"] == document["microsoftGraphResourceId"] == f"{HERE}/"
    assert document["suffixes"]["acrLoginServer"] == "azurecr.localhost"
    assert {"storage", "keyVaultDns"} <= document["suffixes"].keys()


@pytest.mark.parametrize(
    ("port", "suffix"), [(443, "azurecr.example.com"), (8443, "azurecr.example.com:8443")]
)
def test_the_suffix_of_login_servers_has_their_port_in_mode_domain(
    settings: Settings, port: int, suffix: str
) -> None:
    changed = settings.model_copy(
        update={"login_server_mode": "domain", "login_domain": "azurecr.example.com", "port": port}
    )
    assert cloud(changed)["suffixes"]["acrLoginServer"] == suffix


def test_an_unknown_or_missing_version_of_metadata_is_refused(flask_client: FlaskClient) -> None:
    missing = flask_client.get("/metadata/endpoints")
    assert (missing.status_code, missing.get_json()["error"]["code"]) == (400, "MissingApiVersionParameter")
    unknown = flask_client.get("/metadata/endpoints?api-version=1999-01-01")
    assert (unknown.status_code, unknown.get_json()["error"]["code"]) == (400, "InvalidApiVersionParameter")
