"""A database of the first version, full of content, is brought up to date and goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from controlplane.domain.digests import digest_of, parse_digest
from controlplane.kernel.clock import SystemClock
from controlplane.persistence import registries, schema
from controlplane.persistence.database import Database
from controlplane.persistence.types import to_micros
from controlplane.settings.model import Settings
from tests.support.content import GRACES, Content, RunningClock
from tests.support.distribution import MANIFEST, image, services_over
from tests.support.postgres import PostgresServer

CONFIG = b'{"architecture": "amd64", "os": "linux"}'
LAYER, GONE, LOST = b"layer", b"no longer named", b"nobody's"
PAYLOAD = json.dumps(image(CONFIG, [LAYER])).encode()
OTHER = json.dumps(image(CONFIG, [])).encode()
NOW = to_micros(SystemClock().now())

# Rows as the first version wrote them: two manifests, one of them under a tag that was moved; a blob whose
# last manifest was deleted, and one that nobody holds.
ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "registries",
        {
            "id": 1,
            "key": "/demo",
            "name": "demo",
            "tier": "Premium",
            "admin_enabled": False,
            "anonymous_pull": False,
            "role_assignment_mode": "LegacyRegistryPermissions",
            "arm_tokens_accepted": True,
            "public_access": True,
            "default_action": "Allow",
            "ip_rules": "[]",
            "size": len(CONFIG) + len(LAYER) + len(PAYLOAD) + len(OTHER),
            "stamp": 1,
            "ready": True,
        },
    ),
    (
        "repositories",
        {
            "id": 1,
            "registry_id": 1,
            "name": "app",
            "created_at": NOW,
            "updated_at": NOW,
            "manifest_count": 2,
            "tag_count": 1,
        },
    ),
    *(
        ("blobs", {"digest": digest_of(content), "size": len(content), "created_at": NOW})
        for content in (CONFIG, LAYER, GONE, LOST)
    ),
    *(
        ("registry_blobs", {"registry_id": 1, "digest": digest_of(content), "links": 1})
        for content in (CONFIG, LAYER)
    ),
    *(
        (
            "repository_blobs",
            {"repository_id": 1, "digest": digest_of(content), "linked_at": NOW, "released_at": released},
        )
        for content, released in ((CONFIG, None), (LAYER, None), (GONE, NOW))
    ),
    *(
        (
            "manifests",
            {
                "id": number,
                "repository_id": 1,
                "digest": digest_of(payload),
                "media_type": MANIFEST,
                "size": len(payload),
                "image_size": len(payload),
                "payload": payload,
                "created_at": NOW,
                "updated_at": NOW,
            },
        )
        for number, payload in ((1, PAYLOAD), (2, OTHER))
    ),
    *(
        (
            "manifest_edges",
            {"manifest_id": number, "digest": digest_of(content), "kind": kind, "repository_id": 1},
        )
        for number, content, kind in ((1, CONFIG, "config"), (1, LAYER, "layer"), (2, CONFIG, "config"))
    ),
    *(
        (
            "tags",
            {
                "repository_id": 1,
                "name": "latest",
                "manifest_id": manifest,
                "created_at": NOW,
                "since": NOW,
                "until": until,
            },
        )
        for manifest, until in ((2, NOW), (1, None))
    ),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def first_version(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the first version."""
    drop: Callable[[], None] = lambda: None  # noqa: E731 - nothing to drop
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/acrctl.db"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        name = server.create()
        url, drop = server.url(name), lambda: server.drop(name)
    database = Database(url)
    with database.engine.connect() as connection:
        command.upgrade(schema._config(connection), "0001")  # noqa: SLF001 - there is no other way to an old one
    yield database
    database.dispose()
    drop()


def fill(database: Database) -> None:
    with database.write() as tx:
        for table, row in ROWS:
            names = ", ".join(row)
            places = ", ".join(f":{name}" for name in row)
            tx.connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({places})"), row)  # noqa: S608


def reopen(folder: Path, database: Database) -> Content:
    """Go on over the migrated database, with the bytes the first version had stored."""
    clock = RunningClock()
    services = services_over(database, Settings(state_dir=folder / "state", **GRACES), clock)
    for number, content in enumerate((CONFIG, LAYER, GONE, LOST)):
        with services.blobs.write(f"upload{number}", 0) as writer:
            writer.write(content)
            writer.finish(parse_digest(digest_of(content)))
    with database.read() as tx:
        row = registries.by_name(tx, "demo")
    assert row is not None
    return Content(services, clock, row)


def test_content_of_the_first_version_is_served_counted_and_collected(
    first_version: Database, tmp_path: Path
) -> None:
    fill(first_version)
    schema.upgrade(first_version)
    assert schema.drift(first_version) == []
    content = reopen(tmp_path, first_version)
    assert content.differences() == []
    assert content.manifest("app", digest_of(PAYLOAD)) == PAYLOAD
    content.settle()
    assert content.stored() == {digest_of(CONFIG), digest_of(LAYER)}
    assert content.blob("app", digest_of(LAYER)) == LAYER
    assert content.differences() == []
    tags = content.rows("SELECT digest, ended_by FROM tags ORDER BY id")
    assert tags == [(digest_of(OTHER), "moved"), (digest_of(PAYLOAD), None)]


def test_registry_ids_are_never_given_out_again(first_version: Database) -> None:
    fill(first_version)
    with first_version.write() as tx:
        tx.connection.execute(sa.text("DELETE FROM registries"))
    schema.upgrade(first_version)
    with first_version.write() as tx:
        columns = dict(ROWS[0][1])
        del columns["id"]
        if first_version.dialect == "postgresql":  # rows above brought their ids; a service lets it count
            tx.connection.execute(sa.text("SELECT setval(pg_get_serial_sequence('registries', 'id'), 1)"))
        names, places = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        tx.connection.execute(sa.text(f"INSERT INTO registries ({names}) VALUES ({places})"), columns)  # noqa: S608
        assert tx.connection.execute(sa.text("SELECT id FROM registries")).scalar() == 2
