"""The stores of deleted and old content, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controlplane.domain.tiers import Tier
from controlplane.persistence import (
    content_blobs,
    content_deleted,
    content_manifests,
    content_repositories,
    content_retention,
    content_tags,
    registries,
)
from controlplane.persistence.content_blobs import Holder
from controlplane.persistence.content_manifests import NewManifest
from controlplane.persistence.content_tags import Ended, Ending, Target
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.registries import RegistrySettings

NOW = datetime(2026, 5, 4, 3, 2, 1, 500, tzinfo=UTC)
DAY = timedelta(days=1)


def add_registry(tx: Transaction, name: str, days: int | None = None) -> int:
    settings = RegistrySettings(
        tier=Tier.PREMIUM,
        admin_enabled=False,
        anonymous_pull=False,
        role_assignment_mode="",
        arm_tokens_accepted=True,
        public_access=True,
        default_action="Allow",
        ip_rules=(),
        retention_days=days,
    )
    row = registries.insert(tx, f"/{name}", name, settings)
    assert row is not None
    registries.set_ready(tx, row.id, True)
    return row.id


def add(
    tx: Transaction, repository: int, number: int, *, edges: tuple[tuple[str, str], ...] = (), age: int = 0
) -> int:
    """Store an untagged manifest of so many days."""
    new = NewManifest(
        digest=f"sha256:{number:064x}",
        media_type="m",
        artifact_type=None,
        config_media_type=None,
        subject=None,
        annotations=None,
        architecture=None,
        os=None,
        image_size=0,
        payload=b"12345",
        edges=edges,
    )
    return content_manifests.insert(tx, repository, new, NOW - age * DAY, tagged=False)[0]


def test_days_of_each_registry_tell_where_untagged_manifests_go(database: Database) -> None:
    with database.write() as tx:
        for name, days in (("off", None), ("short", 3), ("long", 30)):
            repository = content_repositories.ensure(tx, add_registry(tx, name, days), "r", NOW)
            add(tx, repository.id, 1, age=10)
        repository = content_repositories.ensure(tx, add_registry(tx, "held", 3), "r", NOW)
        add(tx, repository.id, 1, age=10)
        add(tx, repository.id, 2, edges=((f"sha256:{1:064x}", "child"),), age=1)
        found = content_retention.repositories_with_untagged(tx, NOW, 0, 10)
        assert [days for _, days in found] == [3]
        assert content_retention.repositories_with_untagged(tx, NOW, found[0][0], 10) == []
        later = content_retention.repositories_with_untagged(tx, NOW + 25 * DAY, 0, 10)
        assert [days for _, days in later] == [3, 30, 3]


def test_the_time_of_deleted_content_is_moved_exactly(database: Database) -> None:
    with database.write() as tx:
        registry = add_registry(tx, "one")
        repository = content_repositories.ensure(tx, registry, "r", NOW).id
        manifest = add(tx, repository, 1)
        content_tags.put(tx, repository, Target("v1", manifest, f"sha256:{1:064x}"), None, NOW)
        content_tags.end_all(tx, [manifest], Ending(NOW, Ended.DELETED, NOW + DAY))
        content_manifests.mark_deleted(tx, [manifest], NOW, NOW + DAY)
        content_deleted.reschedule(tx, registry, 90)
        content_deleted.reschedule(tx, add_registry(tx, "two"), 1)
        (row,) = content_deleted.page(tx, repository, "", 10)
        (tag,) = content_deleted.tags_page(tx, repository, ("", 0), 10)
        assert row.purge_after == tag.purge_after == NOW + 90 * DAY
        assert content_deleted.due(tx, NOW + 89 * DAY, 10) == []
        assert content_deleted.due(tx, NOW + 90 * DAY, 10) == [(repository, manifest)]
        assert content_deleted.close_tags(tx, NOW + 90 * DAY, 10) == 1
        assert content_deleted.close_tags(tx, NOW + 90 * DAY, 10) == 0


def test_freed_counts_what_nothing_else_holds(database: Database) -> None:
    with database.write() as tx:
        registry = add_registry(tx, "one")
        one, two = (content_repositories.ensure(tx, registry, name, NOW).id for name in ("one", "two"))
        for digest, size in (("a", 10), ("b", 200), ("c", 3000)):
            content_blobs.link(tx, Holder(registry, one), digest, size, NOW)
        content_blobs.link(tx, Holder(registry, two), "c", 3000, NOW)
        first = add(tx, one, 1, edges=(("a", "config"), ("b", "layer"), ("c", "layer")))
        second = add(tx, one, 2, edges=(("b", "config"), ("b", "layer")))
        assert content_retention.freed(tx, registry, one, [first]) == 5 + 10
        assert content_retention.freed(tx, registry, one, [second]) == 5
        assert content_retention.freed(tx, registry, one, [first, second]) == 10 + 10 + 200
        assert content_retention.freed(tx, registry, one, []) == 0


def test_only_a_repository_without_anything_is_empty(database: Database) -> None:
    with database.write() as tx:
        registry = add_registry(tx, "one")
        ids = [content_repositories.ensure(tx, registry, name, NOW).id for name in "abc"]
        content_blobs.link(tx, Holder(registry, ids[1]), "a", 1, NOW)
        content_blobs.release(tx, Holder(registry, ids[1]), ["a"], NOW)
        deleted = add(tx, ids[2], 1)
        content_manifests.mark_deleted(tx, [deleted], NOW, NOW)
        assert content_repositories.empty(tx, 0, 10) == (None, [ids[0]])
        assert content_repositories.empty(tx, 0, 2) == (ids[1], [ids[0]])
        assert content_repositories.empty(tx, ids[0], 10) == (None, [])


@pytest.mark.parametrize("count", [1, 1200])
def test_many_come_back_at_once(database: Database, count: int) -> None:
    with database.write() as tx:
        repository = content_repositories.ensure(tx, add_registry(tx, "one"), "r", NOW).id
        ids = [add(tx, repository, number) for number in range(count)]
        content_manifests.mark_deleted(tx, ids, NOW, NOW + DAY)
        content_deleted.revive(tx, ids, NOW + DAY)
        assert content_deleted.page(tx, repository, "", 10) == []
        assert len(content_retention.content(tx, repository).items) == count
