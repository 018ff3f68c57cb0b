"""The web process as a whole: which plane answers which address."""

from __future__ import annotations

import json

import pytest
from werkzeug.test import Client

from controlplane import app
from controlplane.settings.model import Plane
from tests.api.deployment import GROUPS, SUBSCRIPTIONS, Deployment, reply_of


@pytest.fixture(scope="module")
def client(served: Deployment) -> Client:
    return Client(app.of(served.services))


def test_each_plane_answers_at_its_addresses(api: Deployment, client: Client) -> None:
    tenant = api.owner.tenant_id
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200
    assert client.get(f"/{tenant}/v2.0/.well-known/openid-configuration").status_code == 200
    assert client.get("/adfs/.well-known/openid-configuration").status_code == 200
    assert client.get("/metadata/endpoints?api-version=2022-09-01").status_code == 200
    assert client.get("/v1.0/servicePrincipals").status_code == 401
    headers = {"Authorization": f"Bearer {api.token}"}
    assert client.get(f"/subscriptions?api-version={SUBSCRIPTIONS}", headers=headers).status_code == 200


def test_a_host_that_is_no_registry_is_told_in_the_form_of_registries(client: Client) -> None:
    for path in ("/v2/", "/v2/hello/manifests/latest", "/oauth2/token?service=x"):
        answer = client.get(path, headers={"Host": "nothing.example"})
        assert answer.status_code == 404
        assert json.loads(answer.data)["errors"][0]["code"]


def test_what_no_plane_knows_is_refused_by_management(api: Deployment, client: Client) -> None:
    answer = reply_of(client.get("/else", headers={"Authorization": f"Bearer {api.token}"}))
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "NotFound")
    assert answer.headers["x-ms-request-id"]


def test_identity_answers_carry_request_ids_and_unknown_paths_no_page(
    api: Deployment, client: Client
) -> None:
    answer = client.get(f"/{api.owner.tenant_id}/oauth2/none")
    assert answer.status_code == 404
    assert answer.headers["x-ms-request-id"]
    assert answer.mimetype == "application/json"


@pytest.mark.parametrize(
    ("plane", "management", "data"), [("management", 200, 404), ("distribution", 404, 404), ("all", 200, 404)]
)
def test_planes_can_be_served_apart(api: Deployment, plane: Plane, management: int, data: int) -> None:
    settings = api.services.settings.model_copy(update={"plane": plane})
    services = type(api.services)(
        **{name: getattr(api.services, name) for name in api.services.__slots__} | {"settings": settings}
    )
    client = Client(app.of(services))
    headers = {"Authorization": f"Bearer {api.token}"}
    shown = client.get(f"{api.group}?api-version={GROUPS}", headers=headers)
    assert shown.status_code == management
    answer = reply_of(client.get("/v2/", headers=headers))
    assert answer.status_code == data
    assert ("errors" in answer.json) is (plane != "management")
    assert [client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]
