"""Every test here runs for every writable type of the product. A type that does not pass is not finished."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane import resources
from controlplane.arm import shapes
from controlplane.arm.declaration import ResourceType, Verb
from controlplane.arm.types import Types
from tests.api.deployment import READER, Deployment
from tests.api.matrix.example import all_examples
from tests.api.matrix.subject import Subject

TYPES = Types.discover(resources)
EXAMPLES = all_examples()
WRITABLE = [declared for declared in TYPES if Verb.PUT in declared.verbs]


@pytest.fixture(params=WRITABLE, ids=lambda declared: declared.type.rpartition("/")[2])
def subject(request: pytest.FixtureRequest, api: Deployment) -> Subject:
    declared: ResourceType = request.param
    example = EXAMPLES[declared.key]
    return Subject(api, declared, example, example.place(api))


def test_every_writable_type_has_an_example() -> None:
    assert {declared.key for declared in WRITABLE} == set(EXAMPLES)


def test_it_is_created_shown_replaced_and_deleted(subject: Subject) -> None:
    made = subject.call("PUT", body=subject.body())
    assert made.status_code == 201, made.text
    assert made.json["id"].lower() == subject.path().lower()
    assert made.json["name"] == subject.example.name(0)
    assert made.json["type"] == subject.declared.type
    assert ("Azure-AsyncOperation" in made.headers) is subject.slow_put
    subject.api.work()
    shown = subject.call("GET")
    assert shown.status_code == 200
    replaced = subject.call("PUT", body=subject.body())
    assert replaced.status_code == subject.declared.replaced, replaced.text
    subject.api.work()
    gone = subject.call("DELETE")
    assert gone.status_code == (202 if subject.slow_delete else subject.declared.deleted), gone.text
    subject.api.work()
    if subject.slow_delete:
        assert subject.api.follow(gone.headers["Location"]).status_code in {200, 204}
        assert subject.api.follow(gone.headers["Azure-AsyncOperation"]).json["status"] == "Succeeded"
    assert subject.call("GET").status_code == 404
    assert subject.call("DELETE").status_code == 204


def test_what_is_shown_can_be_sent_back(subject: Subject) -> None:
    shown = subject.make().json
    again = subject.call("PUT", body=shown)
    assert again.status_code == subject.declared.replaced, again.text
    subject.api.work()
    now = subject.call("GET").json
    for body in (shown, now):
        body.pop("systemData", None)
        for member in ("updatedOn", "updatedBy"):
            body.get("properties", {}).pop(member, None)
    assert now == shown


def test_a_patch_changes_what_it_names(subject: Subject) -> None:
    if Verb.PATCH not in subject.declared.verbs:
        assert subject.call("PATCH", body={}).status_code == 405
        return
    assert subject.call("PATCH", body=dict(subject.example.patch)).status_code == 404
    subject.make()
    answer = subject.call("PATCH", body=dict(subject.example.patch))
    assert answer.status_code == 200, answer.text
    subject.api.work()
    shown = subject.call("GET").json
    for path, value in subject.example.patched.items():
        assert _member(shown, path) == value


def test_etags_guard_it(subject: Subject) -> None:
    tag = subject.make().headers["ETag"]
    for method, body in (("PUT", subject.body()), ("DELETE", None)):
        for headers in ({"If-Match": '"stale"'}, {"If-None-Match": "*"}):
            assert subject.call(method, body=body, headers=headers).status_code == 412
    assert subject.call("GET", headers={"If-None-Match": tag}).status_code == 304
    fresh = subject.call("PUT", body=subject.body(), headers={"If-Match": tag})
    assert fresh.status_code == subject.declared.replaced
    subject.api.work()
    assert subject.call("DELETE", headers={"If-Match": tag}).status_code == 412


def test_a_second_writer_waits_for_the_first(subject: Subject) -> None:
    if not subject.slow_put:
        return
    subject.call("PUT", body=subject.body())
    for method, body in (("PUT", subject.body()), ("DELETE", None)):
        assert subject.call(method, body=body).json["error"]["code"] == "Conflict"
    subject.api.work()
    assert subject.call("PUT", body=subject.body()).status_code == 200


def test_it_is_found_in_any_case(subject: Subject) -> None:
    made = subject.make().json
    for path in (subject.path().lower(), subject.path().upper()):
        shown = subject.call("GET", path)
        assert shown.status_code == 200, shown.text
        assert shown.json["id"] == made["id"]


def test_its_list_has_pages(subject: Subject) -> None:
    made = {subject.make(number).json["id"] for number in range(3)}
    whole = subject.call("GET", subject.collection).json["value"]
    listed = {one["id"] for one in whole}
    assert made <= listed
    assert made == listed or not subject.example.listed_alone
    seen: list[str] = []
    answer = subject.call("GET", subject.collection, query={"$top": "2"})
    while True:
        assert answer.status_code == 200, answer.text
        assert len(answer.json["value"]) <= 2
        seen += [one["id"] for one in answer.json["value"]]
        if "nextLink" not in answer.json:
            break
        answer = subject.api.follow(answer.json["nextLink"])
    assert len(seen) == len(whole)
    assert set(seen) == listed
    assert subject.call("GET", subject.collection, query={"$top": "0"}).status_code == 400
    assert subject.call("GET", subject.collection, query={"$unknown": "1"}).status_code == 400


def test_a_list_shows_what_get_shows(subject: Subject) -> None:
    shown = subject.make().json
    listed = subject.call("GET", subject.collection).json["value"]
    assert shown in listed


def test_nobody_learns_anything(subject: Subject) -> None:
    nobody = subject.api.persona(None, "/")
    subject.make()
    for path in (subject.path(), subject.path(7)):
        for method in ("GET", "PUT", "DELETE"):
            refused = subject.call(method, path, token=nobody, data=b"{", content_type="application/json")
            assert (refused.status_code, refused.json["error"]["code"]) == (403, "AuthorizationFailed")
    assert subject.call("GET", subject.collection, token=nobody).status_code == 403
    for action in subject.declared.actions:
        path = f"{subject.path()}/{action.name}"
        assert subject.call(action.method, path, token=nobody).status_code == 403


def test_a_reader_reads(subject: Subject) -> None:
    reader = subject.api.persona(READER, subject.parent)
    subject.make()
    assert subject.call("GET", token=reader).status_code == 200
    assert subject.call("GET", subject.collection, token=reader).status_code == 200
    for method in ("PUT", "DELETE"):
        assert subject.call(method, body=subject.body(), token=reader).status_code == 403
    for action in subject.declared.actions:
        answer = subject.call(action.method, f"{subject.path()}/{action.name}", token=reader)
        wanted = 403 if subject.declared.action_permission(action).endswith("/action") else 200
        assert answer.status_code == wanted


def test_a_writer_writes(subject: Subject) -> None:
    writer = subject.api.persona(subject.example.writer, subject.parent)
    assert subject.call("PUT", body=subject.body(), token=writer).status_code == 201
    subject.api.work()
    assert subject.call("GET", token=writer).status_code == 200
    assert subject.call("DELETE", token=writer).status_code in {subject.declared.deleted, 202}


def test_who_may_write_elsewhere_may_not_here(subject: Subject) -> None:
    other = f"{subject.api.subscription}/resourceGroups/elsewhere"
    subject.api.put(other, {"location": "eastus"}, version="2024-11-01")
    stranger = subject.api.persona(subject.example.writer, other)
    assert subject.call("PUT", body=subject.body(), token=stranger).status_code == 403
    subject.make()
    assert subject.call("GET", token=stranger).status_code == 403


def test_bad_names_are_refused(subject: Subject) -> None:
    path = f"{subject.collection}/{subject.example.bad_name}"
    answer = subject.call("PUT", path, subject.body())
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "InvalidResourceName")


def test_unknown_members_are_named(subject: Subject) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"noSuchMember": 1}, "noSuchMember"),
        ({"properties": {"nope": 1}}, "properties.nope"),
    ]
    for spoilt, target in cases:
        body = subject.body()
        properties = {**body.get("properties", {}), **spoilt.get("properties", {})}
        answer = subject.call("PUT", body={**body, **spoilt, "properties": properties})
        assert answer.status_code == 400
        assert answer.json["error"]["code"] == "InvalidRequestContent"
        assert target in {one["target"] for one in answer.json["error"]["details"]}
    assert subject.call("GET").status_code == 404


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"properties": 1}', b'{"properties": {}, "properties": {}}']
)
def test_bad_bodies_are_refused(subject: Subject, data: bytes) -> None:
    answer = subject.call("PUT", data=data, content_type="application/json")
    assert answer.status_code == 400
    assert subject.call("GET").status_code == 404


def test_api_versions_are_needed_and_known(subject: Subject) -> None:
    subject.make()
    for version in subject.declared.api_versions:
        assert subject.call("GET", version=version).status_code == 200
        assert subject.call("GET", version=version.upper()).status_code == 200
    assert subject.call("GET", version=None).status_code == 400
    assert subject.call("GET", version="2001-01-01").status_code == 400


def test_what_is_shown_is_documented(subject: Subject) -> None:
    """Every member of an answer is one of the schema that the OpenAPI document names for it."""
    shown = subject.make().json
    schemas = subject.api.openapi()["components"]["schemas"]
    _documented(shown, {"$ref": f"#/components/schemas/{subject.declared.model}"}, schemas, "")
    assert shapes.resource(subject.declared).__name__ == subject.declared.model


def _documented(value: Any, schema: dict[str, Any], schemas: dict[str, Any], path: str) -> None:
    schema = _resolved(schema, schemas)
    if value is None:
        return
    wanted = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer"}[type(value)]
    assert schema.get("type", wanted) == wanted, path
    if isinstance(value, dict) and "type" in schema:
        for name, below in value.items():
            _documented(below, _property(schema, name, path), schemas, f"{path}.{name}")
    if isinstance(value, list) and "type" in schema:
        for below in value:
            _documented(below, schema["items"], schemas, f"{path}[]")


def _property(schema: dict[str, Any], name: str, path: str) -> dict[str, Any]:
    properties = schema.get("properties", {})
    if name in properties:
        found: dict[str, Any] = properties[name]
        return found
    assert "additionalProperties" in schema, f"{path}.{name} is not documented"
    free = schema["additionalProperties"]
    return free if isinstance(free, dict) else {}


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema or "allOf" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema["allOf"][0]
    return schema


def _member(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = body[name]
    return body
