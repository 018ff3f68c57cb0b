"""What is deleted while the soft-delete policy is on can be restored until its time is over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.persistence import content_repositories
from controlplane.persistence.database import Database
from tests.support.distribution import codes, json_of
from tests.support.timed import APP, Timed, timed_at

_CATALOG = "/acr/v1/_deleted/_catalog"


@pytest.fixture
def shop(tmp_path: Path, database: Database) -> Iterator[Timed]:
    """A registry with the policy on for seven days, over each kind of database."""
    shop = timed_at(tmp_path, database, soft_delete_days=7)
    yield shop
    shop.plane.close()


@pytest.fixture
def small(tmp_path: Path, sqlite_database: Database) -> Iterator[Timed]:
    """The same over SQLite."""
    shop = timed_at(tmp_path, sqlite_database, soft_delete_days=7)
    yield shop
    shop.plane.close()


def test_a_deleted_manifest_is_listed_and_comes_back_with_its_tags(shop: Timed) -> None:
    digest, size = shop.push("v1"), shop.size
    shop.admin.put_manifest(APP, "latest", shop.admin.get(f"/v2/{APP}/manifests/v1").data)
    other = shop.push("other")
    assert shop.delete(digest).status_code == 202
    assert shop.tags() == ["other"]
    assert not shop.has(digest)
    assert shop.size > size
    (listed,) = shop.deleted("manifests")
    assert (listed["digest"], listed["tags"]) == (digest, ["latest", "v1"])
    assert listed["deletedAt"] == "2026-01-02T03:04:05.000000Z"
    assert listed["expiresAfter"] == "2026-01-09T03:04:05.000000Z"
    assert [tag["tag"] for tag in shop.deleted("tags")] == ["latest", "v1"]
    assert json_of(shop.admin.get(_CATALOG)) == {"repositories": [APP]}
    answer = shop.restore(digest)
    assert answer.status_code == 200
    assert json_of(answer)["manifestsRestored"] == [digest]
    assert json_of(answer)["tagsRestored"] == ["latest", "v1"]
    assert shop.tags() == ["latest", "other", "v1"]
    assert shop.has(other)
    assert shop.deleted("manifests") == shop.deleted("tags") == []
    assert json_of(shop.admin.get(_CATALOG)) == {"repositories": []}
    assert shop.told("delete", "restore") == [
        ("delete", None, "admin"),
        ("restore", None, "admin"),
        ("restore", "latest", "admin"),
        ("restore", "v1", "admin"),
    ]
    shown = json_of(shop.admin.get(f"/acr/v1/{APP}"))
    assert (shown["manifestCount"], shown["tagCount"]) == (2, 3)


def test_a_deleted_tag_is_restored_to_what_it_named(shop: Timed) -> None:
    digest = shop.push("v1")
    shop.lock(f"{APP}/_tags/v1", updateEnabled=False)
    assert shop.delete("v1").status_code == 202
    (listed,) = shop.deleted("tags")
    assert (listed["tag"], listed["digest"]) == ("v1", digest)
    assert shop.restore(digest, "v1", force="False").status_code == 200
    assert shop.tags() == ["v1"]
    tag = json_of(shop.admin.get(f"/acr/v1/{APP}/_tags/v1"))["tag"]
    assert tag["changeableAttributes"]["updateEnabled"] is False
    again = shop.restore(digest, "v1")
    assert (again.status_code, json_of(again)["tagsRestored"]) == (200, [])


def test_a_tag_that_names_something_else_moves_only_by_force(shop: Timed) -> None:
    old = shop.push("v1", "old")
    shop.delete(old)
    new = shop.push("v1", "new")
    refused = shop.restore(old, "v1")
    assert (refused.status_code, codes(refused)) == (409, ["TAG_INVALID"])
    assert not shop.has(old)
    assert shop.restore(old, "v1", force="True").status_code == 200
    assert shop.admin.get(f"/v2/{APP}/manifests/v1").headers["Docker-Content-Digest"] == old
    assert [(tag["tag"], tag["digest"]) for tag in shop.deleted("tags")] == [("v1", new)]
    assert shop.restore(new, "v1", force="true").status_code == 200
    assert shop.admin.get(f"/v2/{APP}/manifests/v1").headers["Docker-Content-Digest"] == new


def test_without_a_tag_those_that_moved_on_are_left_alone(shop: Timed) -> None:
    old = shop.push("v1", "old")
    shop.delete(old)
    new = shop.push("v1", "new")
    assert json_of(shop.restore(old))["tagsRestored"] == []
    assert shop.has(old)
    assert shop.admin.get(f"/v2/{APP}/manifests/v1").headers["Docker-Content-Digest"] == new


def test_a_repository_is_deleted_and_restored_as_a_whole(shop: Timed) -> None:
    digests = {shop.push(tag) for tag in ("v1", "v2", "v3")}
    assert shop.admin.open("DELETE", f"/acr/v1/{APP}").status_code == 202
    assert shop.admin.get(f"/acr/v1/{APP}").status_code == 404
    assert json_of(shop.admin.get("/v2/_catalog")) == {"repositories": []}
    assert json_of(shop.admin.get(_CATALOG)) == {"repositories": [APP]}
    answer = shop.admin.open("POST", f"/acr/v1/_deleted/{APP}")
    assert answer.status_code == 200
    assert set(json_of(answer)["manifestsRestored"]) == digests
    assert shop.tags() == ["v1", "v2", "v3"]
    for layer in json_of(shop.admin.get(f"/v2/{APP}/manifests/v2"))["layers"]:
        assert shop.admin.get(f"/v2/{APP}/blobs/{layer['digest']}").status_code == 200
    assert shop.admin.open("POST", f"/acr/v1/_deleted/{APP}").status_code == 404


def test_an_index_comes_back_with_what_it_names_and_with_its_signatures(shop: Timed) -> None:
    children = [shop.push(f"arch{number}") for number in range(2)]
    index = shop.push_index("multi", children)
    signature = shop.sign(index)
    shop.push("unrelated")
    shop.admin.open("DELETE", f"/acr/v1/{APP}")
    answer = shop.restore(index, "multi")
    assert set(json_of(answer)["manifestsRestored"]) == {index, signature, *children}
    assert shop.tags() == ["multi"]
    assert len(shop.deleted("manifests")) == 1


def test_pushing_again_what_was_deleted_brings_it_back(shop: Timed) -> None:
    digest = shop.push("v1")
    size = shop.size
    shop.delete(digest)
    assert shop.push("v1") == digest
    assert shop.size == size
    assert shop.deleted("manifests") == []
    shop.days(30)
    shop.purge()
    assert shop.has("v1")
    shown = json_of(shop.admin.get(f"/acr/v1/{APP}"))
    assert (shown["manifestCount"], shown["tagCount"]) == (1, 1)


def test_what_is_over_goes_for_good_and_an_empty_repository_vanishes(shop: Timed) -> None:
    digest = shop.push("v1")
    shop.delete(digest)
    shop.days(6.9)
    shop.purge()
    assert len(shop.deleted("manifests")) == 1
    assert shop.size > 0
    shop.days(0.2)
    shop.purge()
    assert shop.size == 0
    assert shop.restore(digest).status_code == 404
    assert shop.told("purge") == [("purge", None, "soft-delete")]
    with shop.plane.services.database.write() as tx:
        row = content_repositories.find(tx, shop.registry.id, APP)
        assert row is not None  # until collection has taken its released blobs
        tx.connection.exec_driver_sql("DELETE FROM repository_blobs")
    shop.purge()
    with shop.plane.services.database.read() as tx:
        assert content_repositories.find(tx, shop.registry.id, APP) is None


def test_a_tag_whose_time_is_over_is_history(shop: Timed) -> None:
    digest = shop.push("v1")
    shop.push("v2")
    shop.delete("v1")
    shop.days(8)
    shop.purge()
    assert shop.deleted("tags") == []
    assert shop.has(digest)
    assert json_of(shop.admin.get(f"/acr/v1/{APP}/_tags/v1/_history"))["history"][0]["digest"] == digest


def test_purging_at_once(shop: Timed) -> None:
    first, second = shop.push("v1"), shop.push("v2")
    kept = shop.push("v3")
    assert shop.admin.open("DELETE", f"/acr/v1/_deleted/{APP}/_manifests/{first}").status_code == 404
    for digest in (first, second):
        shop.delete(digest)
    path = f"/acr/v1/_deleted/{APP}"
    assert shop.admin.open("DELETE", f"{path}/_manifests/{first}").status_code == 202
    assert [listed["digest"] for listed in shop.deleted("manifests")] == [second]
    answer = shop.admin.open("DELETE", path)
    assert (answer.status_code, json_of(answer)["manifestsPurged"]) == (202, [second])
    assert shop.deleted("manifests") == shop.deleted("tags") == []
    assert shop.admin.open("DELETE", path).status_code == 404
    assert shop.has(kept)
    assert shop.told("purge") == [("purge", None, "admin"), ("purge", None, "admin")]


def test_another_number_of_days_counts_for_what_was_deleted_before(shop: Timed) -> None:
    digest = shop.push("v1")
    shop.push("v2")
    shop.delete(digest)
    shop.delete("v2")
    shop.policy(soft_delete_days=30)
    shop.days(8)
    shop.purge()
    assert len(shop.deleted("manifests")) == 1
    shop.policy(soft_delete_days=2)
    shop.purge()
    assert shop.deleted("manifests") == shop.deleted("tags") == []


def test_switching_the_policy_acts_at_once(shop: Timed) -> None:
    kept, gone = shop.push("kept"), shop.push("gone")
    shop.delete(kept)
    shop.policy(soft_delete_days=None)
    shop.delete(gone)
    assert [listed["digest"] for listed in shop.deleted("manifests")] == [kept]
    assert shop.restore(gone).status_code == 404
    assert shop.restore(kept).status_code == 200
    assert shop.tags() == ["kept"]
    shop.policy(soft_delete_days=1)
    shop.delete(kept)
    assert len(shop.deleted("manifests")) == 1


def test_deleting_a_repository_for_good_leaves_what_was_deleted_before(shop: Timed) -> None:
    before = shop.push("before")
    shop.push("after")
    shop.delete(before)
    shop.policy(soft_delete_days=None)
    assert shop.admin.open("DELETE", f"/acr/v1/{APP}").status_code == 202
    assert shop.tags() == []
    assert shop.restore(before).status_code == 200
    assert shop.tags() == ["before"]


def test_locks_bar_deletion_and_restoring(shop: Timed) -> None:
    digest, locked = shop.push("v1"), shop.push("locked")
    shop.lock(f"{APP}/_tags/locked", deleteEnabled=False)
    for reference in ("locked", locked):
        assert codes(shop.delete(reference)) == ["UNSUPPORTED"]
    assert shop.admin.open("DELETE", f"/acr/v1/{APP}").status_code == 405
    assert shop.tags() == ["locked", "v1"]
    shop.delete(digest)
    shop.lock(APP, writeEnabled=False)
    assert shop.restore(digest).status_code == 405
    assert shop.admin.open("POST", f"/acr/v1/_deleted/{APP}").status_code == 405
    assert shop.admin.open("DELETE", f"/acr/v1/_deleted/{APP}").status_code == 405
    shop.lock(APP, writeEnabled=True)
    assert shop.restore(digest).status_code == 200


def test_a_tag_that_may_not_move_is_not_moved_by_force(small: Timed) -> None:
    old = small.push("v1", "old")
    small.delete(old)
    small.push("v1", "new")
    small.lock(f"{APP}/_tags/v1", updateEnabled=False)
    assert small.restore(old, "v1", force="true").status_code == 405
    assert not small.has(old)


def test_lists_come_in_pages(small: Timed) -> None:
    digests = sorted(small.push(f"v{number}") for number in range(5))
    for repository in ("a", "b", "c"):
        small.delete(small.push("x", repository=repository), repository)
    small.admin.open("DELETE", f"/acr/v1/{APP}")
    first = small.admin.get(_CATALOG, query_string={"n": "3"})
    assert json_of(first)["repositories"] == ["a", "b", "c"]
    assert first.headers["Link"] == f'<{_CATALOG}?last=c&n=3>; rel="next"'
    path = f"/acr/v1/_deleted/{APP}"
    page = small.admin.get(f"{path}/_manifests", query_string={"n": "2", "last": digests[1]})
    assert [listed["digest"] for listed in json_of(page)["manifests"]] == digests[2:4]
    assert f"last={digests[3].replace(':', '%3A')}" in page.headers["Link"]
    seen, query = [], {"n": "2"}
    while True:
        page = small.admin.get(f"{path}/_tags", query_string=query)
        seen += [listed["tag"] for listed in json_of(page)["tags"]]
        if "Link" not in page.headers:
            break
        query["last"] = page.headers["Link"].partition("last=")[2].partition("&")[0].replace("%3A", ":")
    assert seen == [f"v{number}" for number in range(5)]


def test_a_place_that_is_none_is_refused(small: Timed) -> None:
    small.push("v1")
    for last in ("v1:x", "v1:-1", "v1:" + "9" * 30, "v1:\u0663"):
        answer = small.admin.get(f"/acr/v1/_deleted/{APP}/_tags", query_string={"last": last})
        assert (answer.status_code, codes(answer)) == (400, ["PAGINATION_NUMBER_INVALID"]), last


_SENSELESS = (
    (b"[]", ""),
    (b"1", ""),
    (b"{", ""),
    (b'{"tag": 1}', ""),
    (b'{"tag": "a", "tag": "b"}', ""),
    (b'{"tag": "a b"}', ""),
    (b'{"tag": "\xff"}', ""),
    (b"[" * 10_000, ""),
    (b"null", "force=perhaps"),
    (b" " * 100_000, ""),
)


def test_a_restore_that_makes_no_sense_is_refused(small: Timed) -> None:
    digest = small.push("v1")
    small.delete(digest)
    path = f"/acr/v1/_deleted/{APP}/_manifests/{digest}"
    for body, query in _SENSELESS:
        answer = small.admin.open("POST", path, data=body, query_string=query)
        assert answer.status_code == 400, (body[:20], query)
    assert not small.has(digest)


def test_what_is_unknown_is_unknown(small: Timed) -> None:
    small.push("v1")
    absent = "sha256:" + "0" * 64
    assert codes(small.restore(absent)) == ["MANIFEST_UNKNOWN"]
    assert codes(small.restore(absent, repository="nowhere")) == ["NAME_UNKNOWN"]
    assert codes(small.restore("sha256:x")) == ["DIGEST_INVALID"]
    assert small.admin.get("/acr/v1/_deleted/nowhere/_tags").status_code == 404
    assert codes(small.admin.get("/acr/v1/_deleted/A/_tags")) == ["NAME_INVALID"]
    assert small.deleted("manifests") == []


def test_rights_on_deleted_content_are_rights_of_their_own(small: Timed) -> None:
    digest = small.push("v1")
    small.delete(digest)
    plane, row = small.plane, small.registry
    pusher = plane.add_principal(row, "AcrPush", "AcrDelete")
    plain = plane.client().with_basic(pusher.app_id, pusher.secret)
    path = f"/acr/v1/_deleted/{APP}"
    refused = plane.client().get(f"{path}/_tags")
    assert f'scope="repository:{APP}:deleted_read"' in refused.headers["WWW-Authenticate"]
    refused = plane.client().get(_CATALOG)
    assert 'scope="registry:deleted_catalog:*"' in refused.headers["WWW-Authenticate"]
    for method, place in (("GET", f"{path}/_tags"), ("POST", path), ("GET", _CATALOG)):
        assert plain.open(method, place).status_code == 403
    token = plain.scoped(f"repository:{APP}:deleted_read,deleted_restore,pull")
    assert token.get(f"{path}/_manifests").status_code == 401
    owner = plane.add_principal(row, "Contributor")
    client = plane.client().with_basic(owner.app_id, owner.secret)
    assert client.scoped("registry:deleted_catalog:*").get(_CATALOG).status_code == 200
    reader = client.scoped(f"repository:{APP}:deleted_read")
    assert reader.get(f"{path}/_tags").status_code == 200
    assert reader.open("POST", path).status_code == 401
    restorer = client.scoped(f"repository:{APP}:deleted_read,deleted_restore")
    assert restorer.open("POST", path).status_code == 200
