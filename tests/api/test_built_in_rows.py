"""Lists that show rows of the service itself beside those that are stored."""

from __future__ import annotations

import pytest

from controlplane.domain.scopes import REGISTRY_TYPE
from tests.api.deployment import READER, REGISTRIES, Deployment
from tests.api.matrix.example import registry_in_lab

BODY = {"properties": {"actions": ["repositories/*/content/read"]}}


@pytest.fixture
def maps(api: Deployment) -> str:
    """A registry with scope maps before, between and after those of the system; their collection."""
    collection = f"{registry_in_lab(api)}/scopeMaps"
    for name in ("0first", "_repositories_other", "zlast1"):
        assert api.put(f"{collection}/{name}", BODY, version=REGISTRIES).status_code == 201
    return collection


@pytest.mark.parametrize("top", [1, 2, 3, 7, 8, 9])
def test_pages_show_each_row_once_and_in_order(api: Deployment, maps: str, top: int) -> None:
    names, pages = [], 1
    page = api.get(maps, version=REGISTRIES, query={"$top": str(top)}).json
    while True:
        assert len(page["value"]) <= top
        names += [one["name"] for one in page["value"]]
        if "nextLink" not in page:
            break
        page, pages = api.follow(page["nextLink"]).json, pages + 1
    assert names == [
        "0first",
        "_repositories_admin",
        "_repositories_other",
        "_repositories_pull",
        "_repositories_pull_metadata_read",
        "_repositories_push",
        "_repositories_push_metadata_write",
        "zlast1",
    ]
    assert pages == -(-8 // top)


def test_who_may_read_one_row_sees_no_other(api: Deployment, maps: str) -> None:
    token = api.persona(READER, f"{maps}/zlast1")
    listed = api.get(maps, version=REGISTRIES, token=token, query={"$top": "2"}).json
    assert [one["name"] for one in listed["value"]] == ["zlast1"]
    assert api.get(f"{maps}/_repositories_pull", version=REGISTRIES, token=token).status_code == 403
    stranger = api.persona(None, maps)
    assert api.get(f"{maps}/_repositories_pull", version=REGISTRIES, token=stranger).status_code == 403


def test_a_registry_that_is_not_there_has_none(api: Deployment) -> None:
    nowhere = f"{api.group}/providers/{REGISTRY_TYPE}/nowhere/scopeMaps"
    assert api.get(nowhere, version=REGISTRIES).status_code == 404
    assert api.get(f"{nowhere}/_repositories_pull", version=REGISTRIES).status_code == 404
