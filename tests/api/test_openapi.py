"""The OpenAPI document and the page to read it by."""

from __future__ import annotations

import re
from typing import Any

import pytest

from controlplane import resources
from controlplane.app import openapi_document
from controlplane.arm.types import Types
from controlplane.management.application import all_routes
from controlplane.settings.model import Settings
from tests.api.deployment import Deployment

TYPES = Types.discover(resources)
ROUTES = all_routes(TYPES)
VARIANT = re.compile(r"-(Partial|Only|Exclude)|\d$")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document(Settings())


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(_references(below) for below in value.values()))
    if isinstance(value, list):
        return set().union(*(_references(below) for below in value))
    return set()


def test_every_route_is_described_once(document: dict[str, Any]) -> None:
    described = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    }
    assert {(route.method.lower(), route.path) for route in ROUTES} == set(described)
    names = [operation["operationId"] for operation in described.values()]
    assert len(names) == len(set(names))


def test_every_reference_leads_to_a_named_schema_and_none_is_a_variant(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for reference in _references(document):
        kind, name = reference.removeprefix("#/components/").split("/")
        assert name in document["components"][kind]
    assert [name for name in schemas if VARIANT.search(name)] == []
    assert {"Registry", "RegistryUpdateParameters", "RegistryListResult", "ErrorResponse"} <= set(schemas)


def test_updates_require_nothing_and_omit_what_cannot_change(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        if name.endswith("UpdateParameters"):
            assert "required" not in schema, name
            assert not [one for one in schema.get("properties", {}).values() if one.get("readOnly")], name


def test_the_document_is_the_same_each_time(document: dict[str, Any]) -> None:
    assert openapi_document(Settings()) == document


def test_document_and_page_are_served_to_everybody(api: Deployment) -> None:
    served = api.client.get("/openapi.json")
    assert served.status_code == 200
    assert served.mimetype == "application/json"
    page = api.client.get("/docs")
    assert page.status_code == 200
    assert page.mimetype == "text/html"
    assert "Registries_Create" in page.text
    assert not re.findall(r"(?:src|href)=[\"']?https?:", page.text)
    assert "<script" not in page.text
