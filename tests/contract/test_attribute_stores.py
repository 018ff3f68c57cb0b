"""What attributes are stored as and looked up by, on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from controlplane.domain.locks import Lock
from controlplane.domain.tiers import Tier
from controlplane.persistence import (
    content_attributes,
    content_manifests,
    content_parents,
    content_referrers,
    content_repositories,
    content_tags,
    registries,
)
from controlplane.persistence.content_manifests import NewManifest
from controlplane.persistence.content_pages import Page
from controlplane.persistence.content_tags import Ended, Ending, Target
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.registries import RegistrySettings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = RegistrySettings(
    tier=Tier.PREMIUM,
    admin_enabled=False,
    anonymous_pull=False,
    role_assignment_mode="LegacyRegistryPermissions",
    arm_tokens_accepted=True,
    public_access=True,
    default_action="Allow",
    ip_rules=(),
)


@pytest.fixture
def tx(database: Database) -> Iterator[Transaction]:
    with database.write() as tx:
        yield tx


@pytest.fixture
def registry(tx: Transaction) -> int:
    row = registries.insert(tx, "/registry", "demo", SETTINGS)
    assert row is not None
    return row.id


@pytest.fixture
def repository(tx: Transaction, registry: int) -> int:
    return content_repositories.ensure(tx, registry, "app", NOW).id


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def manifest(
    tx: Transaction, repository: int, letter: str, *children: str, subject: str | None = None
) -> int:
    new = NewManifest(
        digest=digest(letter),
        media_type="m",
        artifact_type=None,
        config_media_type=None,
        subject=subject and digest(subject),
        annotations=None,
        architecture=None,
        os=None,
        image_size=1,
        payload=b"{}",
        edges=[(digest(child), "child") for child in children],
    )
    return content_manifests.insert(tx, repository, new, NOW, tagged=False)[0]


def test_locks_and_verdicts_are_kept_with_a_revision(tx: Transaction, registry: int, repository: int) -> None:
    one = manifest(tx, repository, "a")
    content_tags.put(tx, repository, Target("v1", one, digest("a")), None, NOW)
    for locks in (Lock.DELETE, Lock.DELETE | Lock.WRITE):
        content_attributes.lock_repository(tx, repository, locks)
        content_attributes.lock_tag(tx, repository, "v1", locks)
        content_attributes.set_manifest(tx, one, locks, "Failed", "why")
    row, tag, found = (
        content_repositories.find(tx, registry, "app"),
        content_tags.find(tx, repository, "v1"),
        content_manifests.find(tx, repository, digest("a")),
    )
    assert row is not None
    assert tag is not None
    assert found is not None
    assert {(one.locks, one.revision) for one in (row, tag, found)} == {(3, 2)}
    assert (found.quarantine_state, found.quarantine_details) == ("Failed", "why")


def test_the_lock_of_a_tag_is_of_its_current_interval(tx: Transaction, repository: int) -> None:
    one, two = manifest(tx, repository, "a"), manifest(tx, repository, "b")
    content_tags.put(tx, repository, Target("v1", one, digest("a")), None, NOW)
    content_attributes.lock_tag(tx, repository, "v1", Lock.READ)
    before = content_tags.find(tx, repository, "v1")
    content_tags.put(tx, repository, Target("v1", two, digest("b")), before, NOW)
    content_attributes.lock_tag(tx, repository, "v1", Lock.NONE)
    after = content_tags.find(tx, repository, "v1")
    assert after is not None
    assert (after.digest, after.locks, after.revision) == (digest("b"), 0, 2)


class TestLocksAbove:
    """Indexes above a manifest, however far."""

    def test_are_those_of_indexes_and_of_their_tags(self, tx: Transaction, repository: int) -> None:
        manifest(tx, repository, "a")
        inner = manifest(tx, repository, "b", "a", "f")
        outer = manifest(tx, repository, "c", "b", "f")
        assert content_parents.locks_above(tx, repository, digest("a")) == []
        content_attributes.set_manifest(tx, inner, Lock.DELETE, None, None)
        assert content_parents.locks_above(tx, repository, digest("a")) == [Lock.DELETE]
        content_tags.put(tx, repository, Target("all", outer, digest("c")), None, NOW)
        content_attributes.lock_tag(tx, repository, "all", Lock.WRITE)
        assert sorted(content_parents.locks_above(tx, repository, digest("a"))) == [Lock.DELETE, Lock.WRITE]
        assert content_parents.locks_above(tx, repository, digest("b")) == [Lock.WRITE]
        assert content_parents.locks_above(tx, repository, digest("c")) == []

    def test_leave_out_what_ended_and_what_does_not_bar_deletion(
        self, tx: Transaction, repository: int
    ) -> None:
        index = manifest(tx, repository, "b", "a")
        content_attributes.set_manifest(tx, index, Lock.READ | Lock.LIST, None, None)
        content_tags.put(tx, repository, Target("all", index, digest("b")), None, NOW)
        content_attributes.lock_tag(tx, repository, "all", Lock.WRITE)
        content_tags.end(tx, repository, "all", Ending(NOW, Ended.UNTAGGED))
        assert content_parents.locks_above(tx, repository, digest("a")) == []
        content_attributes.set_manifest(tx, index, Lock.DELETE, None, None)
        content_manifests.mark_deleted(tx, [index], NOW, NOW)
        assert content_parents.locks_above(tx, repository, digest("a")) == []

    def test_stay_within_the_repository(self, tx: Transaction, registry: int, repository: int) -> None:
        other = content_repositories.ensure(tx, registry, "other", NOW).id
        index = manifest(tx, other, "b", "a")
        content_attributes.set_manifest(tx, index, Lock.DELETE, None, None)
        assert content_parents.locks_above(tx, repository, digest("a")) == []


def test_lists_can_leave_out_what_is_in_quarantine(tx: Transaction, repository: int) -> None:
    for letter, state in (("b", None), ("c", "Quarantined"), ("d", "Passed"), ("e", "Failed")):
        one = manifest(tx, repository, letter, subject="a")
        content_attributes.set_manifest(tx, one, 0, state, None)
        content_tags.put(tx, repository, Target(letter, one, digest(letter)), None, NOW)
    page = Page(10)
    assert content_tags.names(tx, repository, "", 10) == ["b", "c", "d", "e"]
    assert content_tags.names(tx, repository, "", 10, passed=True) == ["d"]
    assert len(content_referrers.referrers(tx, repository, digest("a"), page)) == 4
    assert [
        found for found, _ in content_referrers.referrers(tx, repository, digest("a"), page, passed=True)
    ] == [digest("d")]


def test_write_once_patterns_are_kept_in_order(tx: Transaction, registry: int) -> None:
    assert registries.lock(tx, "/nothing") is None
    registries.set_write_once(tx, registry, ["a/*", "b"])
    row = registries.lock(tx, "/registry")
    assert row is not None
    assert row.write_once == ("a/*", "b")
