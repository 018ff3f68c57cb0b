"""Retention: what policy and rules take out of repositories, and what they leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.arm.contexts import Call
from controlplane.domain.scopes import parse_scope
from controlplane.persistence import content_repositories, content_retention, resources
from controlplane.persistence.content_tables import tags
from controlplane.persistence.database import Database
from controlplane.resources.retention_rules import RESOURCE
from controlplane.services.content_retention import Retention, rules_step, untagged_step
from controlplane.services.retention_rules import untagged_for
from tests.support.distribution import codes, json_of
from tests.support.timed import APP, Timed, timed_at


@pytest.fixture
def shop(tmp_path: Path, database: Database) -> Iterator[Timed]:
    """A registry without policies, over each kind of database."""
    shop = timed_at(tmp_path, database)
    yield shop
    shop.plane.close()


@pytest.fixture
def small(tmp_path: Path, sqlite_database: Database) -> Iterator[Timed]:
    """The same over SQLite."""
    shop = timed_at(tmp_path, sqlite_database)
    yield shop
    shop.plane.close()


def untag(shop: Timed, tag: str) -> None:
    assert shop.delete(tag).status_code == 202


# --- the policy for untagged manifests -------------------------------------------------------------------


def test_the_policy_takes_untagged_manifests_after_so_many_days(shop: Timed) -> None:
    old, kept = shop.push("old"), shop.push("kept")
    untag(shop, "old")
    shop.days(1)
    young = shop.push("young")
    untag(shop, "young")
    shop.retain()
    assert shop.has(old)  # the policy is off
    shop.policy(retention_days=7)
    shop.days(6.5)
    shop.retain()
    assert [shop.has(digest) for digest in (old, kept, young)] == [False, True, True]
    assert shop.told("delete") == [("delete", None, "retention")]
    assert (shop.size, shop.tags()) == (shop.size, ["kept"])
    shop.policy(retention_days=None)
    shop.days(30)
    shop.retain()
    assert shop.has(young)


def test_days_count_from_the_last_tag_that_went(shop: Timed) -> None:
    digest = shop.push("v1")
    shop.policy(retention_days=7)
    shop.days(30)
    shop.push("v1", "another")
    shop.days(6)
    shop.retain()
    assert shop.has(digest)
    shop.days(2)
    shop.retain()
    assert not shop.has(digest)


def test_no_days_at_all_still_leave_time_to_finish_a_push(shop: Timed) -> None:
    shop.policy(retention_days=0)
    digest = shop.push("v1")
    untag(shop, "v1")
    shop.retain()
    assert shop.has(digest)
    shop.clock.pass_by(3600)
    shop.retain()
    assert not shop.has(digest)


def test_children_of_an_index_that_stays_stay_and_go_with_it(shop: Timed) -> None:
    children = [shop.push(f"arch{number}") for number in range(3)]
    index = shop.push_index("multi", children)
    other = shop.push_index("other", children[2:])
    for number in range(3):
        untag(shop, f"arch{number}")
    signature = shop.sign(index)
    shop.policy(retention_days=7)
    shop.days(30)
    shop.retain()
    assert all(shop.has(digest) for digest in (*children, index, other, signature))
    untag(shop, "multi")
    shop.days(30)
    shop.retain()
    assert [shop.has(digest) for digest in (*children, index, signature)] == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert shop.has(other)


def test_a_locked_manifest_stays_with_all_it_names(shop: Timed) -> None:
    child = shop.push("child")
    index = shop.push_index("multi", [child])
    free = shop.push("free")
    for tag in ("child", "multi", "free"):
        untag(shop, tag)
    shop.lock(f"{APP}/_manifests/{index}", deleteEnabled=False)
    shop.policy(retention_days=1)
    shop.days(2)
    shop.lock(APP, writeEnabled=False)
    shop.retain()
    assert shop.has(free)
    shop.lock(APP, writeEnabled=True)
    shop.retain()
    assert [shop.has(digest) for digest in (child, index, free)] == [True, True, False]


def test_what_retention_takes_can_be_restored_where_soft_delete_is_on(shop: Timed) -> None:
    shop.policy(retention_days=1, soft_delete_days=7)
    child = shop.push("child")
    index = shop.push_index("multi", [child])
    signature = shop.sign(index)
    for tag in ("child", "multi"):
        untag(shop, tag)
    shop.days(2)
    size = shop.size
    shop.retain()
    assert shop.tags() == []
    assert {listed["digest"] for listed in shop.deleted("manifests")} == {child, index, signature}
    assert shop.size == size
    assert shop.restore(index, "multi").status_code == 200
    shop.retain()
    assert all(shop.has(digest) for digest in (child, index, signature))
    untag(shop, "multi")
    shop.days(2)
    shop.retain()
    shop.days(8)
    shop.purge()
    assert shop.size == 0
    assert not shop.deleted("manifests")


def test_many_repositories_are_done_in_steps_that_can_be_resumed(small: Timed) -> None:
    digest = ""
    for number in range(25):
        digest = small.push("v1", repository=f"many/r{number:02}")
        small.delete("v1", f"many/r{number:02}")
    small.policy(retention_days=1)
    small.days(2)
    state, more = untagged_step(small.plane.services, {})
    assert more
    left = sum(small.has(digest, f"many/r{number:02}") for number in range(25))
    assert left == 5
    assert untagged_step(small.plane.services, state) == ({}, False)
    assert not any(small.has(digest, f"many/r{number:02}") for number in range(25))


@pytest.mark.parametrize("change", ["retag", "push", "index", "lock", "subject"])
def test_what_changed_since_it_was_planned_stays(shop: Timed, change: str) -> None:
    """A plan is made from a read; each deletion looks again with the repository locked."""
    digest = shop.push("v1")
    payload = shop.admin.get(f"/v2/{APP}/manifests/v1").data
    untag(shop, "v1")
    shop.days(2)
    services = shop.plane.services
    with services.database.read() as tx:
        row = content_repositories.find(tx, shop.registry.id, APP)
        assert row is not None
        content = content_retention.content(tx, row.id)

    class Late(Retention):
        """A retention that looks, and before which something happens then."""

        def _outlook(self, *arguments: Any) -> Any:
            found = super()._outlook(*arguments)
            act()
            return found

    def act() -> None:
        if change == "retag":
            shop.admin.put_manifest(APP, "again", payload)
        elif change == "push":
            shop.admin.put_manifest(APP, digest, payload)
        elif change == "index":
            shop.push_index("multi", [digest])
        elif change == "lock":
            shop.lock(f"{APP}/_manifests/{digest}", deleteEnabled=False)
        else:
            shop.lock(APP, deleteEnabled=False)

    assert [one.digest for one in content.items] == [digest]
    done = Late(services.database, services.clock, services.events).apply(row, untagged_for(1))
    assert done.manifests == []
    assert shop.has(digest)


# --- rules -----------------------------------------------------------------------------------------------


def test_a_rule_keeps_the_newest_of_the_tags_it_is_about(shop: Timed) -> None:
    for number in range(5):
        shop.push(f"pr-{number}")
        shop.days(1)
    shop.push("main")
    shop.push("pr-0", repository="elsewhere")
    shop.rule("prs", repositoryPattern="team/*", tagPattern="pr-*", keepNewest=2)
    shop.rule("off", status="disabled", keepNewest=0)
    shop.retain()
    assert shop.tags() == ["main", "pr-3", "pr-4"]
    assert shop.tags("elsewhere") == ["pr-0"]
    assert shop.told("delete") == [("delete", None, "retention")] * 3


def test_a_tag_goes_alone_where_its_manifest_has_another(shop: Timed) -> None:
    digest = shop.push("build-1", "same")
    shop.admin.put_manifest(APP, "v1.0", shop.admin.get(f"/v2/{APP}/manifests/build-1").data)
    shop.days(10)
    shop.rule("builds", tagRegex="build-[0-9]+", olderThanDays=5)
    shop.retain()
    assert shop.tags() == ["v1.0"]
    assert shop.has(digest)
    assert shop.told("untag", "delete") == [("untag", "build-1", "retention")]


def test_rules_of_several_kinds_take_together(shop: Timed) -> None:
    used, unused = shop.push("used"), shop.push("unused")
    shop.days(40)
    with shop.plane.services.database.write() as tx:
        pulled = tags.update().where(tags.c.name == "used")
        tx.connection.execute(pulled.values(pulled_at=shop.clock.now()))
    untagged = shop.push("untagged")
    untag(shop, "untagged")
    shop.days(10)
    shop.rule("a-unused", notPulledForDays=30)
    shop.rule("b-untagged", selects="Untagged", olderThanDays=5)
    shop.retain()
    assert [shop.has(digest) for digest in (used, unused, untagged)] == [True, False, False]


def test_a_signature_goes_with_its_subject_and_never_before(shop: Timed) -> None:
    digest = shop.push("v1")
    by_subject = shop.sign(digest)
    cosign = f"sha256-{digest.removeprefix('sha256:')}.sig"
    by_tag = shop.push(cosign, "cosign")
    shop.days(10)
    shop.admin.put_manifest(APP, "v2", shop.admin.get(f"/v2/{APP}/manifests/v1").data)
    shop.rule("old", selects="Any", olderThanDays=5)
    shop.retain()
    assert shop.tags() == [cosign, "v2"]
    assert all(shop.has(one) for one in (digest, by_subject, by_tag))
    shop.days(10)
    shop.retain()
    assert not any(shop.has(one) for one in (digest, by_subject, by_tag))
    assert shop.tags() == []


def test_locked_tags_count_but_stay(small: Timed) -> None:
    for tag in ("v1", "v2", "v3"):
        small.push(tag)
        small.days(1)
    small.lock(f"{APP}/_tags/v1", deleteEnabled=False)
    small.rule("newest", keepNewest=1)
    small.retain()
    assert small.tags() == ["v1", "v3"]


def test_a_rule_that_goes_half_way_through_lets_the_next_begin_anew(small: Timed) -> None:
    for number in range(21):
        small.push("v1", repository=f"many/r{number:02}")
    small.days(2)
    small.rule("b", olderThanDays=1)
    state, more = rules_step(small.plane.services, {"after": "", "rule": "gone", "repository": 10**9})
    assert more
    assert state["rule"].endswith("/b")
    small.chore(rules_step)
    assert json_of(small.admin.get("/v2/_catalog")) == {"repositories": []}


def foresee(shop: Timed, name: str, **body: Any) -> dict[str, Any]:
    """Call a rule's preview."""
    services = shop.plane.services
    key = f"{shop.registry.key}/retentionrules/{name}"
    with services.database.read() as tx:
        call = Call(
            tx=tx,
            services=services,
            now=shop.clock.now(),
            api_version="2026-09-01-preview",
            scope=parse_scope(key),
            row=resources.get(tx, key),
            body=body,
            query={},
            path={},
        )
        (action,) = RESOURCE.actions
        assert action.run is not None
        found: dict[str, Any] = action.run(call)
    return found


def test_a_preview_tells_what_a_rule_then_takes(shop: Timed) -> None:
    names = ("a/one", "a/two", "b/three")
    for name in names:
        shop.push("old", f"{name} old", "shared", repository=name)
        shop.days(10)
        shop.push("new", f"{name} new", "shared", repository=name)
    shop.rule("newest", status="disabled", repositoryPattern="a/*", keepNewest=1)
    before = shop.size
    foreseen = foresee(shop, "newest")
    assert [entry["repository"] for entry in foreseen["value"]] == ["a/one", "a/two"]
    assert (foreseen["tags"], foreseen["manifests"]) == (2, 2)
    assert "continuation" not in foreseen
    first = foresee(shop, "newest", repositories=1)
    second = foresee(shop, "newest", repositories=1, continuation=first["continuation"])
    assert [*first["value"], *second["value"]] == foreseen["value"]
    shop.retain()
    assert shop.size == before
    shop.rule("enabled", repositoryPattern="a/*", keepNewest=1)
    shop.retain()
    assert before - shop.size == foreseen["freed"]
    assert [shop.tags(name) for name in names] == [["new"], ["new"], ["new", "old"]]


# --- purging by hand -------------------------------------------------------------------------------------


def purge(shop: Timed, repository: str = APP, **body: Any) -> Any:
    answer = shop.admin.open("POST", f"/acr/v1/{repository}/_purge", json=body)
    assert answer.status_code == 200, answer.text
    return json_of(answer)


def test_a_dry_run_tells_what_a_purge_then_does(shop: Timed) -> None:
    digests = [shop.push(f"pr-{number}", f"layer {number}", "shared") for number in range(3)]
    shop.days(8)
    shop.push("pr-9", "shared")
    shop.push("main", "main")
    before = shop.size
    wanted: dict[str, Any] = {"filter": "^pr-", "ago": "7d", "keep": 2}
    foreseen = purge(shop, **wanted, dryRun=True)
    assert foreseen["tags"] == ["pr-0", "pr-1"]
    assert set(foreseen["manifests"]) == set(digests[:2])
    assert shop.size == before
    done = purge(shop, **wanted)
    assert (sorted(done["tags"]), done["freed"]) == (foreseen["tags"], foreseen["freed"])
    assert before - shop.size == done["freed"]
    assert shop.tags() == ["main", "pr-2", "pr-9"]
    assert shop.told("delete") == [("delete", None, "admin")] * 2
    assert purge(shop, **wanted)["manifests"] == []


def test_a_purge_may_be_about_untagged_manifests_alone(shop: Timed) -> None:
    digest, kept = shop.push("old"), shop.push("kept")
    untag(shop, "old")
    assert purge(shop, untagged=True, ago="0d", dryRun=False)["manifests"] == [digest]
    assert shop.has(kept)


_SENSELESS: tuple[Any, ...] = (
    [],
    {},
    {"filter": "x"},
    {"ago": "7d"},
    {"filter": "(", "ago": "1d"},
    {"filter": "x", "ago": "week"},
    {"filter": "x", "ago": "999999d"},
    {"filter": "x", "ago": 7},
    {"filter": "x", "ago": "1d", "keep": -1},
    {"filter": "x", "ago": "1d", "keep": True},
    {"filter": "x", "ago": "1d", "keep": 10**30},
    {"filter": "x", "ago": "1d", "dry": True},
    {"filter": "x" * 300, "ago": "1d"},
    {"filter": "\udcff", "ago": "1d"},
)


def test_a_purge_that_makes_no_sense_is_refused(small: Timed) -> None:
    small.push("x")
    for body in _SENSELESS:
        answer = small.admin.open("POST", f"/acr/v1/{APP}/_purge", json=body)
        assert (answer.status_code, codes(answer)) == (400, ["UNSUPPORTED"]), body
    assert small.tags() == ["x"]


def test_a_purge_takes_the_right_to_delete_and_respects_locks(small: Timed) -> None:
    small.push("x")
    body = {"filter": ".*", "ago": "0d"}
    refused = small.plane.client().open("POST", f"/acr/v1/{APP}/_purge", json=body)
    assert f'scope="repository:{APP}:delete"' in refused.headers["WWW-Authenticate"]
    small.lock(APP, deleteEnabled=False)
    assert codes(small.admin.open("POST", f"/acr/v1/{APP}/_purge", json=body)) == ["UNSUPPORTED"]
    assert codes(small.admin.open("POST", "/acr/v1/nowhere/_purge", json=body)) == ["NAME_UNKNOWN"]
    assert small.tags() == ["x"]
