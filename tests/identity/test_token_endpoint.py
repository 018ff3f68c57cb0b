from __future__ import annotations

import base64
import logging
import uuid
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask.testing import FlaskClient

from controlplane.services.bootstrap import BootstrapResult
from controlplane.services.graph import Services
from tests.identity.conftest import GRAPH_SCOPE, MANAGEMENT_SCOPE, Caller
from tests.support.clocks import ManualClock

HERE = "https://localhost:8443"


def body_of(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def test_a_secret_gets_a_token_with_the_claims_of_an_application(
    owner_caller: Caller, owner: BootstrapResult, clock: ManualClock
) -> None:
    response = owner_caller.token_response()
    assert response.status_code == 200
    answer = response.get_json()
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3600
    assert "no-store" in response.headers["Cache-Control"]
    claims = body_of(answer["access_token"])
    now = int(clock.now().timestamp())
    expected = {
        "aud": "https://management.azure.com",
        "iss": f"{HERE}/{owner.tenant_id}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "oid": owner.object_id,
        "sub": owner.object_id,
        "appid": owner.app_id,
        "azp": owner.app_id,
        "tid": owner.tenant_id,
        "idtyp": "app",
        "ver": "2.0",
    }
    assert {name: claims[name] for name in expected} == expected
    assert claims["uti"]
    assert claims["cred"]


def test_two_tokens_are_never_the_same(owner_caller: Caller) -> None:
    assert owner_caller.token() != owner_caller.token()


@pytest.mark.parametrize(
    ("path", "issuer", "version"),
    [
        ("/{tenant}/oauth2/v2.0/token", "{here}/{tenant}/v2.0", "2.0"),
        ("/{tenant}/oauth2/token", "{here}/{tenant}/", "1.0"),
        ("/adfs/oauth2/v2.0/token", "{here}/adfs", "2.0"),
        ("/adfs/oauth2/token", "{here}/adfs", "1.0"),
        ("/common/oauth2/v2.0/token", "{here}/{tenant}/v2.0", "2.0"),
        ("/organizations/oauth2/v2.0/token", "{here}/{tenant}/v2.0", "2.0"),
    ],
)
def test_every_form_of_the_endpoint_issues_tokens_the_service_accepts(
    owner_caller: Caller, services: Services, path: str, issuer: str, version: str
) -> None:
    token = owner_caller.token(path=path.format(tenant=owner_caller.tenant))
    claims = body_of(token)
    assert claims["iss"] == issuer.format(here=HERE, tenant=owner_caller.tenant)
    assert claims["ver"] == version
    assert services.authentication.bearer(token).app_id == owner_caller.app_id


def test_the_first_version_takes_a_resource_and_answers_in_text(
    owner_caller: Caller, clock: ManualClock
) -> None:
    response = owner_caller.token_response(
        path=f"/{owner_caller.tenant}/oauth2/token", scope=None, resource="https://management.azure.com/"
    )
    assert response.status_code == 200
    now = int(clock.now().timestamp())
    assert response.get_json()["expires_in"] == "3600"
    assert response.get_json()["expires_on"] == str(now + 3600)
    assert response.get_json()["resource"] == "https://management.azure.com"


@pytest.mark.parametrize(
    ("scope", "audience"),
    [
        (MANAGEMENT_SCOPE, "https://management.azure.com"),
        ("https://management.azure.com//.default", "https://management.azure.com"),
        ("https://management.core.windows.net//.default", "https://management.core.windows.net"),
        (f"{HERE}/.default", HERE),
        (f"{HERE}//.default", HERE),
        ("HTTPS://LocalHost:8443/.default", "HTTPS://LocalHost:8443"),
        (GRAPH_SCOPE, "https://graph.microsoft.com"),
        ("https://containerregistry.azure.net/.default", "https://containerregistry.azure.net"),
        ("https://localhost:5001/.default", "https://localhost:5001"),
    ],
)
def test_every_spelling_of_a_resource_is_understood(owner_caller: Caller, scope: str, audience: str) -> None:
    assert body_of(owner_caller.token(scope=scope))["aud"] == audience


@pytest.mark.parametrize(
    ("scope", "number"),
    [
        ("https://management.azure.com", 1002012),
        ("openid profile", 1002012),
        (f"{MANAGEMENT_SCOPE} offline_access", 1002012),
        ("https://vault.azure.net/.default", 500011),
        ("https://localhost:9999/.default", 500011),
        ("https://localhost:5001/path/.default", 500011),
        ("http://localhost:5001/.default", 500011),
        ("https://user@localhost:5001/.default", 500011),
        ("https://localhost:x/.default", 500011),
        ("https://localhost.evil.example:5001/.default", 500011),
        ("/.default", 500011),
    ],
)
def test_a_scope_of_something_else_is_refused(owner_caller: Caller, scope: str, number: int) -> None:
    response = owner_caller.token_response(scope=scope)
    assert response.status_code == 400
    assert response.get_json()["error_codes"] == [number]


def test_credentials_may_come_as_basic(owner_caller: Caller, flask_client: FlaskClient) -> None:
    form = {"grant_type": "client_credentials", "scope": MANAGEMENT_SCOPE}
    response = flask_client.post(
        f"/{owner_caller.tenant}/oauth2/v2.0/token",
        data=form,
        auth=(owner_caller.app_id, owner_caller.secret),
    )
    assert response.status_code == 200
    refused = flask_client.post(
        f"/{owner_caller.tenant}/oauth2/v2.0/token", data=form, auth=(owner_caller.app_id, "wrong")
    )
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_id": str(uuid.uuid4())}, 400, "unauthorized_client", 700016),
        ({"client_id": "' OR 1=1 --"}, 400, "unauthorized_client", 700016),
        ({"client_id": None}, 400, "invalid_request", 900144),
        ({"client_secret": None}, 401, "invalid_client", 7000216),
        ({"client_secret": ""}, 401, "invalid_client", 7000216),
        ({"grant_type": None}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": "refresh_token"}, 400, "unsupported_grant_type", 70003),
        (
            {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"},
            400,
            "unsupported_grant_type",
            70003,
        ),
        ({"client_secret": None, "client_assertion": "x"}, 401, "invalid_client", 7000216),
        ({"scope": None}, 400, "invalid_request", 900144),
        ({"path": f"/{uuid.uuid4()}/oauth2/v2.0/token"}, 400, "invalid_request", 90002),
        ({"path": "/contoso.example/oauth2/v2.0/token"}, 400, "invalid_request", 90002),
    ],
)
def test_a_refusal_has_the_shape_and_number_clients_know(
    owner_caller: Caller, changes: dict[str, Any], status: int, error: str, number: int
) -> None:
    response = owner_caller.token_response(**changes)
    assert response.status_code == status
    answer = response.get_json()
    assert answer["error"] == error
    assert answer["error_codes"] == [number]
    assert answer["error_description"].startswith(f"AADSTS{number}: ")
    assert {"timestamp", "trace_id", "correlation_id"} <= answer.keys()


def test_the_correlation_id_of_the_client_comes_back(owner_caller: Caller) -> None:
    asked = str(uuid.uuid4())
    response = owner_caller.client.post(
        f"/{owner_caller.tenant}/oauth2/v2.0/token", headers={"client-request-id": asked}
    )
    assert response.get_json()["correlation_id"] == asked


def test_another_method_is_told_to_post(flask_client: FlaskClient, owner: BootstrapResult) -> None:
    response = flask_client.get(f"/{owner.tenant_id}/oauth2/v2.0/token")
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert response.get_json()["error"] == "invalid_request"


def test_a_parameter_given_twice_is_refused(owner_caller: Caller) -> None:
    response = owner_caller.client.post(
        f"/{owner_caller.tenant}/oauth2/v2.0/token",
        data={"grant_type": ["client_credentials", "password"], "client_id": owner_caller.app_id},
    )
    assert response.status_code == 400
    assert response.get_json()["error_codes"] == [90023]


def test_secrets_in_form_and_header_at_once_are_refused(owner_caller: Caller) -> None:
    header = base64.b64encode(f"{owner_caller.app_id}:{owner_caller.secret}".encode()).decode()
    response = owner_caller.client.post(
        f"/{owner_caller.tenant}/oauth2/v2.0/token",
        data={"grant_type": "client_credentials", "client_secret": "x", "scope": MANAGEMENT_SCOPE},
        headers={"Authorization": f"Basic {header}"},
    )
    assert response.get_json()["error_codes"] == [90023]


def test_an_enormous_body_is_no_server_error(owner_caller: Caller) -> None:
    response = owner_caller.token_response(client_secret="x" * 200_000)
    assert response.status_code == 413
    assert response.get_json()["error"] == "invalid_request"


def test_what_signs_in_is_never_logged(owner_caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        owner_caller.token_response()
        owner_caller.token_response(client_secret=owner_caller.secret[:-1] + "x")
    assert owner_caller.secret[:-1] not in caplog.text
    assert "wrong secret" in caplog.text


def test_a_client_id_compares_without_case(owner_caller: Caller) -> None:
    assert owner_caller.token_response(client_id=owner_caller.app_id.upper()).status_code == 200


def test_a_secret_of_another_application_is_wrong(owner_caller: Caller, stranger: Caller) -> None:
    response = owner_caller.token_response(client_secret=stranger.secret)
    assert response.get_json()["error_codes"] == [7000215]


def test_a_secret_ends_on_time_and_no_token_outlives_it(
    owner_caller: Caller, services: Services, clock: ManualClock, owner: BootstrapResult
) -> None:
    application = services.directory.application(app_id=owner.app_id)
    soon = services.directory.add_secret(application.id, expires_at=clock.now() + timedelta(seconds=600))
    response = owner_caller.token_response(client_secret=soon.text)
    assert response.get_json()["expires_in"] == 600
    token = response.get_json()["access_token"]
    services.authentication.bearer(token)
    clock.pass_by(600)
    refused = owner_caller.token_response(client_secret=soon.text)
    assert (refused.status_code, refused.get_json()["error_codes"]) == (401, [7000222])
    with pytest.raises(Exception, match="ExpiredAuthenticationToken"):
        services.authentication.bearer(token)


def test_a_secret_does_not_work_before_it_starts(
    owner_caller: Caller, services: Services, clock: ManualClock, owner: BootstrapResult
) -> None:
    application = services.directory.application(app_id=owner.app_id)
    later = services.directory.add_secret(application.id, starts_at=clock.now() + timedelta(seconds=600))
    assert owner_caller.token_response(client_secret=later.text).status_code == 401
    clock.pass_by(600)
    assert owner_caller.token_response(client_secret=later.text).status_code == 200


def test_a_missing_or_disabled_principal_cannot_sign_in(stranger: Caller, services: Services) -> None:
    principal = services.directory.principal(app_id=stranger.app_id)
    services.directory.enable_principal(principal.id, enabled=False)
    assert stranger.token_response().get_json()["error_codes"] == [7000112]
    services.directory.enable_principal(principal.id, enabled=True)
    assert stranger.token_response().status_code == 200
    services.directory.delete_principal(principal.id)
    assert stranger.token_response().get_json()["error_codes"] == [7000229]
