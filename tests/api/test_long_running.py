"""Verbs that take steps: what is answered at once, while it runs, and in the end."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api import toys
from tests.api.deployment import READER, Deployment


def engine(api: Deployment, name: str = "diesel") -> str:
    return f"{api.group}/providers/Microsoft.ContainerRegistry/engines/{name}"


def body(mode: str = "well") -> dict[str, Any]:
    return {"location": "eastus", "properties": {"mode": mode}}


def made(api: Deployment, name: str = "diesel") -> str:
    api.put(engine(api, name), body())
    api.work()
    return engine(api, name)


def test_a_create_is_followed_by_its_status(api: Deployment) -> None:
    answer = api.put(engine(api), body())
    assert answer.status_code == 201
    assert answer.json["properties"]["provisioningState"] == "Creating"
    assert answer.headers["Retry-After"] == "1"
    assert "Location" not in answer.headers
    url = answer.headers["Azure-AsyncOperation"]
    where = "/providers/Microsoft.ContainerRegistry/locations/EASTUS/operationStatuses/"
    assert urlsplit(url).path.startswith(f"{api.subscription}{where}")
    assert urlsplit(url).query == f"api-version={toys.NEW}"
    running = api.follow(url)
    assert running.status_code == 200
    assert running.json["status"] == "Accepted"
    assert running.json["resourceId"] == engine(api)
    assert "error" not in running.json
    assert running.headers["Retry-After"] == "1"
    assert running.headers["Azure-AsyncOperation"] == url
    assert api.get(engine(api)).json["properties"]["provisioningState"] == "Creating"
    assert api.work() == 1
    done = api.follow(url)
    assert done.json["status"] == "Succeeded"
    assert done.json["percentComplete"] == 100
    assert done.json["id"] == urlsplit(url).path
    assert "Retry-After" not in done.headers
    assert api.get(engine(api)).json["properties"]["provisioningState"] == "Succeeded"
    assert toys.SETTLED == [("diesel", "Succeeded")]


def test_a_failed_create_stays_to_be_looked_at_and_can_be_repeated(api: Deployment) -> None:
    url = api.put(engine(api), body("broken")).headers["Azure-AsyncOperation"]
    api.work()
    status = api.follow(url).json
    assert status["status"] == "Failed"
    assert status["error"]["code"] == "QuotaExceeded"
    assert api.get(engine(api)).json["properties"]["provisioningState"] == "Failed"
    again = api.put(engine(api), body())
    assert again.status_code == 200
    assert again.json["properties"]["provisioningState"] == "Updating"
    api.work()
    assert api.get(engine(api)).json["properties"]["provisioningState"] == "Succeeded"


def test_a_failed_create_can_be_deleted(api: Deployment) -> None:
    api.put(engine(api), body("broken"))
    api.work()
    assert api.delete(engine(api)).status_code == 202
    api.work()
    assert api.get(engine(api)).status_code == 404


def test_a_failed_update_is_taken_back(api: Deployment) -> None:
    made(api)
    before = api.get(engine(api)).json
    answer = api.patch(engine(api), {"properties": {"mode": "broken"}, "tags": {"a": "1"}})
    assert answer.status_code == 200
    assert answer.json["properties"]["provisioningState"] == "Updating"
    api.work()
    assert api.follow(answer.headers["Azure-AsyncOperation"]).json["status"] == "Failed"
    assert api.get(engine(api)).json == before
    assert toys.SAVED[-2:] == [("well", "broken"), ("broken", "well")]


def test_a_write_without_work_is_done_at_once(api: Deployment) -> None:
    made(api)
    answer = api.patch(engine(api), {"tags": {"a": "1"}})
    assert answer.status_code == 200
    assert answer.json["properties"]["provisioningState"] == "Succeeded"
    assert "Azure-AsyncOperation" not in answer.headers


def test_a_second_writer_is_told_what_is_under_way(api: Deployment) -> None:
    url = api.put(engine(api), body()).headers["Azure-AsyncOperation"]
    operation = urlsplit(url).path.rpartition("/")[2]
    for method, sent in (("PUT", body()), ("PATCH", {"tags": {}}), ("DELETE", None)):
        answer = api.call(method, engine(api), sent)
        assert (answer.status_code, answer.json["error"]["code"]) == (409, "Conflict")
        assert operation in answer.json["error"]["message"]


def test_a_delete_names_status_and_result(api: Deployment) -> None:
    made(api)
    answer = api.delete(engine(api))
    assert (answer.status_code, answer.data) == (202, b"")
    assert "Content-Type" not in answer.headers
    result, status = answer.headers["Location"], answer.headers["Azure-AsyncOperation"]
    assert "/operationResults/" in result
    waiting = api.follow(result)
    assert (waiting.status_code, waiting.data) == (202, b"")
    assert waiting.headers["Location"] == result
    assert waiting.headers["Retry-After"] == "1"
    assert api.get(engine(api)).json["properties"]["provisioningState"] == "Deleting"
    api.work()
    assert api.get(engine(api)).status_code == 404
    assert api.follow(result).status_code == 204
    assert api.follow(status).json["status"] == "Succeeded"
    assert api.delete(engine(api)).status_code == 204
    assert [engine(api)] == toys.ENDED


def test_a_failed_delete_leaves_the_resource_failed(api: Deployment) -> None:
    api.put(engine(api), body("stuck"))
    api.work()
    result = api.delete(engine(api)).headers["Location"]
    api.work()
    failed = api.follow(result)
    assert (failed.status_code, failed.json["error"]["code"]) == (403, "QuotaExceeded")
    assert api.get(engine(api)).json["properties"]["provisioningState"] == "Failed"


def test_a_delete_takes_children_along(api: Deployment) -> None:
    made(api)
    for name in ("bolt", "nut"):
        assert api.put(f"{engine(api)}/parts/{name}", {}).status_code == 201
    api.delete(engine(api))
    refused = api.put(f"{engine(api)}/parts/late", {})
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "Conflict")
    api.work()
    assert api.get(engine(api)).status_code == 404
    assert [path.rpartition("/")[2] for path in toys.ENDED] == ["bolt", "nut", "diesel"]


def test_children_wait_for_their_parent(api: Deployment) -> None:
    api.put(engine(api), body())
    refused = api.put(f"{engine(api)}/parts/early", {})
    assert refused.status_code == 409
    missing = api.put(f"{engine(api, 'none')}/parts/orphan", {})
    assert (missing.status_code, missing.json["error"]["code"]) == (404, "ParentResourceNotFound")


def test_a_step_that_fails_for_now_runs_again(api: Deployment) -> None:
    url = api.put(engine(api), body("slow")).headers["Azure-AsyncOperation"]
    api.work()
    running = api.follow(url).json
    assert running["status"] == "Accepted"
    assert "error" not in running
    deadline = time.monotonic() + 30
    while api.follow(url).json["status"] != "Succeeded":
        assert time.monotonic() < deadline
        time.sleep(0.05)
        api.engine.run(running["name"])
    assert api.follow(url).json["attempt"] == 2


def test_a_long_action_answers_in_the_end(api: Deployment) -> None:
    made(api)
    wrong = api.call("POST", f"{engine(api)}/overhaul", {})
    assert (wrong.status_code, wrong.json["error"]["target"]) == (400, "word")
    answer = api.call("POST", f"{engine(api)}/overhaul", {"word": "abc"})
    assert answer.status_code == 202
    assert api.get(engine(api)).json["properties"]["provisioningState"] == "Succeeded"
    assert api.call("POST", f"{engine(api)}/overhaul", {"word": "abc"}).status_code == 409
    api.work()
    result = api.follow(answer.headers["Location"])
    assert (result.status_code, result.json) == (200, {"word": "cba"})
    assert api.follow(answer.headers["Azure-AsyncOperation"]).json["properties"] == {"word": "cba"}


def test_an_operation_can_be_cancelled_until_it_ends(api: Deployment) -> None:
    url = api.put(engine(api), body()).headers["Azure-AsyncOperation"]
    name = urlsplit(url).path.rpartition("/")[2]
    own = f"{api.subscription}/providers/Microsoft.ContainerRegistry/operationStatuses/{name}"
    assert api.call("POST", f"{own}/cancel").status_code == 202
    api.work()
    status = api.get(own).json
    assert (status["status"], status["error"]["code"]) == ("Canceled", "OperationCanceled")
    assert api.get(engine(api)).json["properties"]["provisioningState"] == "Canceled"
    late = api.call("POST", f"{own}/cancel")
    assert (late.status_code, late.json["error"]["code"]) == (409, "OperationNotCancelable")
    assert api.put(engine(api), body()).status_code == 200


def test_operations_are_listed_newest_first(api: Deployment) -> None:
    made(api, "one")
    made(api, "two")
    api.delete(engine(api, "one"))
    own = f"{api.subscription}/providers/Microsoft.ContainerRegistry/operationStatuses"
    everything = api.get(own).json["value"]
    kinds = [
        (one["operation"].rpartition("/")[2], one["resourceId"].rpartition("/")[2]) for one in everything
    ]
    assert kinds == [("delete", "one"), ("write", "two"), ("write", "one")]
    narrowed = api.get(own, query={"$filter": f"resourceId eq '{engine(api, 'one').upper()}'"}).json["value"]
    assert len(narrowed) == 2
    first = api.get(own, query={"$top": "2"}).json
    second = api.follow(first["nextLink"]).json
    assert first["value"] + second["value"] == everything
    assert "nextLink" not in second


def test_operations_that_are_not_there(api: Deployment) -> None:
    base = f"{api.subscription}/providers/Microsoft.ContainerRegistry"
    name = "11111111-2222-3333-4444-555555555555"
    for place in (
        "locations/eastus/operationStatuses",
        "locations/eastus/operationResults",
        "operationStatuses",
    ):
        answer = api.get(f"{base}/{place}/{name}")
        assert (answer.status_code, answer.json["error"]["code"]) == (404, "OperationNotFound")


def test_operations_are_seen_by_who_may_read_the_resource_and_who_began_them(api: Deployment) -> None:
    url = api.put(engine(api), body()).headers["Azure-AsyncOperation"]
    stranger, reader = api.persona(None, "/"), api.persona(READER, engine(api))
    missing = url.replace(urlsplit(url).path.rpartition("/")[2], "11111111-2222-3333-4444-555555555555")
    for address in (url, missing):
        refused = api.follow(address, token=stranger)
        assert (refused.status_code, refused.json["error"]["code"]) == (403, "AuthorizationFailed")
    assert api.follow(url, token=reader).status_code == 200
    name = urlsplit(url).path.rpartition("/")[2]
    own = f"{api.subscription}/providers/Microsoft.ContainerRegistry/operationStatuses"
    assert api.call("POST", f"{own}/{name}/cancel", token=reader).status_code == 403
    assert [one["name"] for one in api.get(own, token=reader).json["value"]] == [name]
    assert api.get(own, token=stranger).status_code == 403


def test_who_deleted_a_resource_can_follow_although_the_role_went_with_it(api: Deployment) -> None:
    made(api)
    contributor = api.persona("b24988ac-6180-42a0-ab88-20f7382dd24c", engine(api))
    result = api.delete(engine(api), token=contributor).headers["Location"]
    api.work()
    assert api.get(engine(api), token=contributor).status_code == 403
    assert api.follow(result, token=contributor).status_code == 204


@pytest.mark.parametrize(
    "bad", ["resourceId ne 'x'", "name eq 'x'", "resourceId eq x", "(", "resourceId eq 'x' or"]
)
def test_filters_of_operations_are_checked(api: Deployment, bad: str) -> None:
    own = f"{api.subscription}/providers/Microsoft.ContainerRegistry/operationStatuses"
    answer = api.get(own, query={"$filter": bad})
    assert (answer.status_code, answer.json["error"]["target"]) == (400, "$filter")


def test_references_hold(api: Deployment) -> None:
    made(api)
    parts = f"{engine(api)}/parts"
    for bad in ("bolt", f"{parts}/none", engine(api)):
        refused = api.put(f"{parts}/nut", {"properties": {"near": bad}})
        assert (refused.status_code, refused.json["error"]["target"]) == (400, "properties.near")
    api.put(f"{parts}/bolt", {})
    api.put(f"{parts}/rod", {})
    held = {"near": f"{parts}/bolt".upper().replace(api.subscription.upper(), api.subscription)}
    assert api.put(f"{parts}/nut", {"properties": {**held, "spare": f"{parts}/rod"}}).status_code == 201
    refused = api.delete(f"{parts}/bolt")
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "ResourceInUse")
    assert api.delete(f"{parts}/rod").status_code == 200
    assert api.get(f"{parts}/nut").json["properties"] == {**held, "provisioningState": "Succeeded"}
    assert api.delete(f"{parts}/nut").status_code == 200
    assert api.delete(f"{parts}/bolt").status_code == 200
