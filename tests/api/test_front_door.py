"""What every request meets before and after its route: headers, versions, tokens, bodies, envelopes."""

from __future__ import annotations

import json
import logging
import re
from io import BytesIO
from typing import Any

import pytest
from flask import Flask

from controlplane.domain.principals import Principal, PrincipalType
from controlplane.management.frontdoor import FrontDoor
from controlplane.management.hosts import Hosts
from controlplane.persistence.database import Database, DatabaseUnavailableError
from tests.api import toys
from tests.api.deployment import GROUPS, Deployment

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def widget(api: Deployment, name: str = "cog") -> str:
    return f"{api.group}/providers/Microsoft.ContainerRegistry/widgets/{name}"


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


def test_every_answer_carries_arms_headers(api: Deployment) -> None:
    for answer in (api.get(api.group, version=GROUPS), api.get("/nowhere"), api.get(widget(api), token="x")):
        assert UUID.fullmatch(answer.headers["x-ms-request-id"])
        assert answer.headers["x-ms-correlation-request-id"] == answer.headers["x-ms-request-id"]
        assert answer.headers["x-ms-routing-request-id"].startswith("EASTUS:")
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["Pragma"] == "no-cache"
        assert answer.headers["Expires"] == "-1"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "max-age" in answer.headers["Strict-Transport-Security"]
        assert not [name for name, _ in answer.headers if "ratelimit" in name.lower()]


def test_answers_of_providers_name_their_versions(api: Deployment) -> None:
    shown = api.put(widget(api), {"location": "eastus"})
    assert shown.headers["api-supported-versions"] == f"{toys.OLD}, {toys.NEW}"
    assert "api-supported-versions" not in api.get(api.group, version=GROUPS).headers


def test_ids_of_the_client_are_taken_over(api: Deployment) -> None:
    mine = "11111111-2222-3333-4444-555555555555"
    answer = api.get(
        api.group,
        version=GROUPS,
        headers={"x-ms-client-request-id": mine, "x-ms-return-client-request-id": "true"},
    )
    assert answer.headers["x-ms-correlation-request-id"] == mine
    assert answer.headers["x-ms-client-request-id"] == mine
    odd = api.get(api.group, version=GROUPS, headers={"x-ms-correlation-request-id": "evil, header"})
    assert UUID.fullmatch(odd.headers["x-ms-correlation-request-id"])


def test_an_api_version_is_needed_and_known(api: Deployment) -> None:
    assert code(api.get(widget(api), version=None)) == (400, "MissingApiVersionParameter")
    bad = api.get(widget(api), version="1999-01-01")
    assert code(bad) == (400, "NoRegisteredProviderFound")
    assert toys.NEW in bad.json["error"]["message"]
    group = api.get(api.group, version="1999-01-01")
    assert code(group) == (400, "InvalidApiVersionParameter")
    assert GROUPS in group.json["error"]["message"]


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, "AuthenticationFailed"),
        ("Basic abc", "AuthenticationFailed"),
        ("Bearer ", "AuthenticationFailed"),
        ("Bearer nonsense", "InvalidAuthenticationToken"),
        ("Bearer a.b.c", "InvalidAuthenticationToken"),
    ],
)
def test_callers_must_authenticate(api: Deployment, header: str | None, wanted: str) -> None:
    headers = {} if header is None else {"Authorization": header}
    for path in (api.group, "/subscriptions", "/providers/Microsoft.Nothing/x", "/nowhere"):
        answer = api.client.get(f"{path}?api-version={GROUPS}", headers=headers)
        assert code(answer) == (401, wanted)
        challenge = answer.headers["WWW-Authenticate"]
        uri = f'authorization_uri="https://localhost/{api.owner.tenant_id}"'
        assert challenge.startswith(f"Bearer {uri}")
        assert 'error="invalid_token"' in challenge


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/nowhere", (404, "NotFound")),
        ("{group}/providers/Microsoft.Nothing/things/x", (404, "InvalidResourceNamespace")),
        ("{group}/providers/Microsoft.ContainerRegistry/things/x", (404, "InvalidResourceType")),
        ("{group}/providers/Microsoft.ContainerRegistry/engines/e/things/x", (404, "InvalidResourceType")),
        ("/subscriptions/s/providers/Microsoft.Authorization/things", (404, "InvalidResourceType")),
        ("/a/b/c/providers/Microsoft.Authorization/roleAssignments", (404, "NotFound")),
    ],
)
def test_addresses_that_mean_nothing(api: Deployment, path: str, wanted: Any) -> None:
    version = "2022-04-01" if "roleAssignments" in path else toys.NEW
    assert code(api.get(path.format(group=api.group), version=version)) == wanted


def test_methods_that_a_route_does_not_have(api: Deployment) -> None:
    answer = api.call("POST", widget(api), {})
    assert code(answer) == (405, "MethodNotAllowed")
    assert "PUT" in answer.headers["Allow"]
    assert api.call("OPTIONS", widget(api)).status_code == 405


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'"x"', "must be a JSON object"),
        (b'{"location": "eastus", "location": "westus"}', "twice"),
        (b'{"properties": {"size": NaN}}', "NaN"),
        (b'{"properties": {"size": 1e999}}', "out of range"),
        (b'{"location": "\\u0000"}', "U+0000"),
        (b'{"location": "\\ud800"}', "surrogate"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "nested"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested"),
        (b'{"n": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_bodies_must_be_json_objects(api: Deployment, data: bytes, words: str) -> None:
    answer = api.call("PUT", widget(api), data=data, content_type="application/json")
    assert code(answer) == (400, "InvalidRequestContent")
    assert words in answer.json["error"]["message"]


def test_other_content_types_are_refused(api: Deployment) -> None:
    answer = api.call("PUT", widget(api), data=b"a=b", content_type="application/x-www-form-urlencoded")
    assert code(answer) == (415, "UnsupportedMediaType")


def test_large_bodies_are_refused(api: Deployment) -> None:
    answer = api.call("PUT", widget(api), data=b" " * 1_100_000 + b"{}", content_type="application/json")
    assert code(answer) == (413, "RequestTooLarge")


@pytest.mark.parametrize("size", [10_000, 1_048_576, 3_000_000])
def test_refused_bodies_are_taken_so_that_the_answer_arrives(api: Deployment, size: int) -> None:
    body = BytesIO(b" " * size)
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_LENGTH": None}
    answer = api.call("PUT", widget(api), content_type="application/json", environ_overrides=environ)
    assert answer.status_code == (400 if size < 1_048_576 else 413)
    assert body.read() == b""


def test_control_characters_in_addresses_are_refused(api: Deployment) -> None:
    assert code(api.get(f"{widget(api)}%00x")) == (400, "InvalidParameter")
    assert code(api.get(f"{api.subscription}/resourceGroups", version=GROUPS, query={"$filter": "\x00"})) == (
        400,
        "InvalidParameter",
    )


def test_names_in_any_script_do_no_harm(api: Deployment) -> None:
    for name in ("%C3%A9", "%FF", "%2e%2e", "a%2Fb", "x" * 3000):
        assert api.get(f"{api.group}/providers/Microsoft.ContainerRegistry/widgets/{name}").status_code == 404


def test_refusals_come_before_looks(api: Deployment) -> None:
    """Who may not, learns nothing: not what exists, not what is wrong with a body."""
    nobody = api.persona(None, "/")
    api.put(widget(api), {"location": "eastus"})
    for path in (widget(api), widget(api, "none"), widget(api).replace("/default/", "/none/")):
        for method, data in (("GET", None), ("PUT", b"{"), ("PATCH", b"{"), ("DELETE", None), ("HEAD", None)):
            answer = api.call(method, path, token=nobody, data=data, content_type="application/json")
            assert answer.status_code == 403
    answer = api.call("POST", f"{widget(api)}/say", token=nobody, data=b"{")
    assert code(answer) == (403, "AuthorizationFailed")
    message = answer.json["error"]["message"]
    assert api.personas[nobody] in message
    assert "Microsoft.ContainerRegistry/widgets/say/action" in message
    assert widget(api) in message
    assert "status" not in answer.json


def test_a_lost_database_is_told_and_nothing_accepted(
    api: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_: Database) -> Any:
        raise DatabaseUnavailableError("gone")

    monkeypatch.setattr(Database, "read", lost)
    answer = api.get(widget(api))
    assert code(answer) == (503, "ServiceUnavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert api.client.get("/readyz").status_code == 503
    assert api.client.get("/healthz").status_code == 200


def test_a_mistake_of_the_service_tells_its_request_id_only(
    api: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Database, "read", lambda _: 1 / 0)
    answer = api.get(widget(api))
    assert code(answer) == (500, "InternalServerError")
    assert answer.headers["x-ms-request-id"] in answer.json["error"]["message"]
    assert "ZeroDivision" not in answer.text
    assert "ZeroDivision" in caplog.text


def test_requests_are_logged_without_secrets(api: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="controlplane.access"):
        answer = api.put(widget(api), {"location": "eastus", "properties": {"password": "hush"}})
    line = next(record.getMessage() for record in caplog.records if record.name == "controlplane.access")
    assert "method=PUT" in line
    assert "status=201" in line
    assert answer.headers["x-ms-request-id"] in line
    assert "hush" not in caplog.text
    assert api.token not in caplog.text


def test_links_lead_to_the_host_the_client_used_if_it_is_ours(api: Deployment) -> None:
    engine = f"{api.group}/providers/Microsoft.ContainerRegistry/engines"
    for host, base in (
        ("127.0.0.1:9443", "https://127.0.0.1:9443/"),
        ("LOCALHOST:8443", "https://localhost:8443/"),
        ("evil.example", "https://localhost:8443/"),
    ):
        name = host.replace(".", "-").partition(":")[0].lower()
        answer = api.put(f"{engine}/{name}", {"location": "eastus"}, headers={"Host": host})
        assert answer.headers["Azure-AsyncOperation"].startswith(base)


def test_doubled_and_trailing_slashes_are_overlooked(api: Deployment) -> None:
    path = api.group.replace("/resourceGroups", "//resourceGroups") + "/"
    assert api.get(path, version=GROUPS).status_code == 200


def test_errors_are_json_objects_of_one_shape(api: Deployment) -> None:
    for answer in (api.get("/nowhere"), api.get(widget(api)), api.put(widget(api), {})):
        assert answer.mimetype == "application/json"
        error = json.loads(answer.data)["error"]
        assert error["code"]
        assert error["message"]


def test_an_answer_that_nobody_authorised_is_not_sent() -> None:
    """A route that forgot to ask whether its caller may is a mistake that tells nothing."""
    app = Flask("forgetful")
    app.add_url_rule("/open", "open", lambda: "secret")
    caller = Principal("oid", PrincipalType.SERVICE_PRINCIPAL, "tenant")
    hosts = Hosts(frozenset({"localhost"}), "https://localhost")
    FrontDoor(lambda _: caller, lambda: "tenant", hosts, "eastus", frozenset()).install(app)
    answer = app.test_client().get("/open", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
