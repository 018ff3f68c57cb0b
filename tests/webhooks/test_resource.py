"""What the webhook's resource makes of its secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.deployment import Template
from tests.support.both_planes import House, house_at, house_template

SECRET = "Bearer s3cret"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return house_template(tmp_path_factory.mktemp("house"))


@pytest.fixture
def house(files: Template, tmp_path: Path) -> Iterator[House]:
    with house_at(files, tmp_path / "state") as made:
        yield made


def make(house: House, **properties: Any) -> Any:
    whole = {"serviceUri": "https://hooks.example.com/a?code=1", "actions": ["push"], **properties}
    return house.done("PUT", "webhooks/hook01", {"location": "eastus", "properties": whole})


def callback(house: House) -> Any:
    return house.done("POST", "webhooks/hook01/getCallbackConfig")


def test_secrets_are_shown_to_whoever_may_ask_for_them_alone(house: House) -> None:
    shown = make(house, customHeaders={"Authorization": SECRET})["properties"]
    assert shown.keys() == {"status", "scope", "actions", "provisioningState"}
    assert callback(house) == {
        "serviceUri": "https://hooks.example.com/a?code=1",
        "customHeaders": {"Authorization": SECRET},
    }
    with house.api.database.read() as tx:
        stored = tx.connection.exec_driver_sql("SELECT properties FROM resources").scalars().all()
        known = tx.connection.exec_driver_sql("SELECT service_uri, headers FROM webhooks").all()
    assert "s3cret" not in str(stored) + str(known)
    assert "code=1" not in str(stored) + str(known)


def test_a_patch_keeps_what_it_does_not_name_and_replaces_headers_as_a_whole(house: House) -> None:
    make(house, customHeaders={"Authorization": SECRET, "X-A": "1"})
    house.done("PATCH", "webhooks/hook01", {"properties": {"scope": "app:*"}})
    assert callback(house)["customHeaders"] == {"Authorization": SECRET, "X-A": "1"}
    house.done("PATCH", "webhooks/hook01", {"properties": {"customHeaders": {"X-B": "2"}}})
    assert callback(house)["customHeaders"] == {"X-B": "2"}
    house.done("PATCH", "webhooks/hook01", {"properties": {"customHeaders": {}}})
    assert callback(house)["customHeaders"] == {}


def test_a_webhook_lies_in_a_region_of_its_registry(house: House) -> None:
    body = {"location": "westus", "properties": {"serviceUri": "https://a.example.com", "actions": ["push"]}}
    answer = house.arm("PUT", "webhooks/hook01", body)
    assert answer.status_code == 400
    assert answer.json["error"]["target"] == "location"


def test_events_are_the_activity_of_the_registry(house: House) -> None:
    assert house.done("GET", "listActivity") == {"value": []}
    house.admin().push_image("app", "v1", [b"layer"])
    newest = house.done("GET", "listActivity")["value"][0]
    assert (newest["repository"], newest["tag"], newest["actor"]) == ("app", "v1", "admin")
