"""One registry in two regions: what is pushed to one is served by the other at once, and comes there."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

from controlplane.domain.digests import parse_digest
from controlplane.persistence import webhooks
from controlplane.persistence.webhooks import WebhookSettings
from controlplane.services.content_scrub import scrub
from controlplane.services.replicas import reconcile_step
from tests.replication.conftest import EAST, WEST, Pair
from tests.support.distribution import digest_of, json_of

LAYER = os.urandom(300_000)


@contextmanager
def away(pair: Pair, region: str) -> Iterator[None]:
    """Take a region's store away: where its folder was is a file."""
    place = pair.folders[region]
    place.rename(place.with_suffix(".away"))
    place.write_text("not a folder")
    try:
        yield
    finally:
        place.unlink()
        place.with_suffix(".away").rename(place)


def test_what_is_pushed_to_one_region_is_pulled_from_the_other_at_once(any_pair: Pair) -> None:
    pair = any_pair
    digest = pair.east.push_image("app", "v1", [LAYER])
    layer = digest_of(LAYER)
    assert pair.has(EAST, layer)
    assert not pair.has(WEST, layer)
    assert pair.west.get("/v2/app/manifests/v1").headers["Docker-Content-Digest"] == digest
    assert pair.west.get(f"/v2/app/blobs/{layer}").data == LAYER
    assert pair.west.open("HEAD", f"/v2/app/blobs/{layer}").headers["Content-Length"] == str(len(LAYER))
    part = pair.west.get(f"/v2/app/blobs/{layer}", headers={"Range": "bytes=100000-100009"})
    assert (part.status_code, part.data) == (206, LAYER[100_000:100_010])


def test_a_push_stays_in_the_region_that_was_asked_until_it_is_copied(any_pair: Pair) -> None:
    pair = any_pair
    pair.west.push_image("app", "v1", [LAYER])
    layer = digest_of(LAYER)
    assert (pair.has(WEST, layer), pair.has(EAST, layer)) == (True, False)
    assert pair.rung() == [EAST]
    assert pair.status(EAST)["pendingBlobs"] == 2
    assert pair.copy_all() == 2
    assert pair.has(EAST, layer)
    assert pair.copy_all() == 0
    found = pair.status(EAST)
    assert (found["pendingBlobs"], found["pendingBytes"], found["failed"]) == (0, 0, 0)
    assert found["copiedBytes"] > len(LAYER)
    assert 0 < found["lag"]["p50"] <= found["lag"]["p99"] < 60


def test_an_upload_goes_on_in_its_region_whichever_is_asked(pair: Pair) -> None:
    begun = pair.east.begin("app")
    assert pair.east.open("PATCH", begun, data=LAYER[:1000]).status_code == 202
    other = pair.plane.another_process()
    west = pair.west
    west = type(west)(other.application, west.host, west.authorization)
    ended = west.open("PUT", begun, data=LAYER[1000:], query_string={"digest": digest_of(LAYER)})
    assert ended.status_code == 201
    assert (pair.has(EAST, digest_of(LAYER)), pair.has(WEST, digest_of(LAYER))) == (True, False)
    assert list((pair.folders[EAST] / EAST / "uploads").iterdir()) == []


def test_a_registry_in_one_region_leaves_nothing_to_do(pair: Pair) -> None:
    single = pair.plane.add_registry("single", "single.example.test:5001")
    pair.plane.client(single, "single.example.test:5001").push_image("app", "v1")
    with pair.plane.services.database.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT * FROM blob_places").all() == []
    assert pair.rung() == []


def test_deletions_and_locks_are_seen_everywhere_at_once(pair: Pair) -> None:
    digest = pair.east.push_image("app", "v1", [LAYER])
    pair.copy_all()
    path = f"/acr/v1/app/_manifests/{digest}"
    assert pair.west.open("PATCH", path, json={"readEnabled": False}).status_code == 200
    assert pair.east.get("/v2/app/manifests/v1").status_code in {403, 405}
    assert pair.west.open("PATCH", path, json={"readEnabled": True}).status_code == 200
    assert pair.east.get("/v2/app/manifests/v1").status_code == 200
    assert pair.west.open("DELETE", f"/v2/app/manifests/{digest}").status_code == 202
    assert pair.east.get("/v2/app/manifests/v1").status_code == 404


# --- a store that is away --------------------------------------------------------------------------------


def test_a_region_serves_what_it_has_while_the_other_is_away(pair: Pair) -> None:
    pair.east.push_image("app", "v1", [LAYER])
    pair.copy_all()
    path = f"/v2/app/blobs/{digest_of(LAYER)}"
    for region in (EAST, WEST):
        with away(pair, region):
            assert pair.west.get(path).data == LAYER
            assert pair.east.get(path).data == LAYER
            pushing = pair.west if region == EAST else pair.east
            pushing.push_image("app", f"without-{region}", [region.encode()])


def test_what_only_a_region_has_that_is_away_is_asked_for_again_later(pair: Pair) -> None:
    pair.east.push_image("app", "v1", [LAYER])
    with away(pair, EAST):
        answer = pair.west.get(f"/v2/app/blobs/{digest_of(LAYER)}")
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


def test_after_a_partition_everything_converges_byte_for_byte(pair: Pair) -> None:
    with away(pair, WEST):
        for number in range(10):
            pair.east.push_image("app", f"v{number}", [os.urandom(5000)])
        assert pair.copy_all() == 11  # one config, ten layers
        behind = pair.status()
        assert (behind["pendingBlobs"], behind["failed"]) == (11, 11)
        assert WEST in behind["lastError"]
    end = time.monotonic() + 20
    while pair.status()["pendingBlobs"]:
        pair.copy_all()
        assert time.monotonic() < end, pair.status()
    east, west = pair.store(EAST), pair.store(WEST)
    blobs = east.walk(None, 100)
    assert len(blobs) == 11
    for blob in blobs:
        assert b"".join(west.open(blob.digest)) == b"".join(east.open(blob.digest))
    assert pair.status()["failed"] == 0


def test_a_damaged_source_is_not_copied(pair: Pair) -> None:
    pair.east.push_image("app", "v1", [LAYER])
    digest = parse_digest(digest_of(LAYER))
    file = pair.folders[EAST] / EAST / "blobs" / "sha256" / digest.hex[:2] / digest.hex
    file.write_bytes(LAYER[:-1] + b"?")
    pair.copy_all()
    assert not pair.has(WEST, str(digest))
    assert "digest" in pair.status()["lastError"]


def test_a_copy_that_broke_off_is_taken_up_where_it_ended(pair: Pair) -> None:
    pair.east.push_image("app", "v1", [LAYER])
    digest = parse_digest(digest_of(LAYER))
    with pair.store(WEST).write(f"copy-{digest.hex[:48]}", 0) as writer:
        writer.write(LAYER[:200_000])
    source = pair.folders[EAST] / EAST / "blobs" / "sha256" / digest.hex[:2] / digest.hex
    source.write_bytes(bytes(200_000) + LAYER[200_000:])  # what was copied is not read again
    pair.copy_all()
    assert b"".join(pair.store(WEST).open(digest)) == LAYER


def test_two_workers_copy_a_blob_once(pair: Pair) -> None:
    pair.east.push_image("app", "v1", [LAYER])
    digest = parse_digest(digest_of(LAYER))
    with pair.store(WEST).write(f"copy-{digest.hex[:48]}", 0):
        pair.copy_all()
        assert pair.status()["failed"] == 0
    assert not pair.has(WEST, str(digest))


# --- upkeep ----------------------------------------------------------------------------------------------


def test_bytes_that_a_region_lost_are_read_from_the_other(pair: Pair) -> None:
    pair.east.push_image("app", "v1", [LAYER])
    pair.copy_all()
    shutil.rmtree(pair.folders[EAST] / EAST / "blobs")
    assert pair.east.get(f"/v2/app/blobs/{digest_of(LAYER)}").data == LAYER


def test_the_scrub_replaces_the_damaged_copy_of_one_region(pair: Pair) -> None:
    pair.east.push_image("app", "v1", [LAYER])
    pair.west.push_image("app", "v2", [b"only in the west so far"])
    pair.replicator.run(WEST)
    digest = parse_digest(digest_of(LAYER))
    file = pair.folders[WEST] / WEST / "blobs" / "sha256" / digest.hex[:2] / digest.hex
    file.write_bytes(bytes(len(LAYER)))
    with pair.plane.services.database.write() as tx:
        tx.connection.exec_driver_sql("UPDATE blobs SET verified_at = NULL")
    scrub(pair.plane.services, {})
    assert b"".join(pair.store(WEST).open(digest)) == LAYER
    with pair.plane.services.database.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT * FROM blobs WHERE damaged_at IS NOT NULL").all() == []
        assert tx.connection.exec_driver_sql("SELECT * FROM blobs WHERE verified_at IS NULL").all() == []


def test_content_from_before_is_copied_as_well(pair: Pair) -> None:
    pair.join("uksouth", "uk")
    pair.east.push_image("app", "v1", [LAYER])
    with pair.plane.services.database.write() as tx:
        tx.connection.exec_driver_sql("DELETE FROM blob_places")
    state: dict[str, object] = {}
    more = True
    while more:
        state, more = reconcile_step(pair.plane.services, state)
    assert {region: pair.status(region)["pendingBlobs"] for region in (EAST, WEST, "uksouth")} == {
        EAST: 2,
        WEST: 2,
        "uksouth": 2,
    }
    pair.replicator.run("uksouth")
    uk = pair.plane.services.regions.store("uksouth")
    assert uk.size(parse_digest(digest_of(LAYER))) == len(LAYER)


def test_webhooks_of_a_region_hear_once_when_an_image_has_come_there(pair: Pair) -> None:
    services = pair.plane.services
    hook = WebhookSettings(
        region=WEST, enabled=True, actions=("push",), scope="", service_uri="-", headers="{}",
        signing_secret=None,
    )  # fmt: skip
    with services.database.write() as tx:
        webhooks.put(tx, "hook", pair.registry.id, hook)
    digest = pair.east.push_image("app", "v1", [LAYER])

    def told() -> list[tuple[str, str | None]]:
        with services.database.read() as tx:
            text = "SELECT digest, tag FROM events WHERE region = 'westus' AND action = 'push'"
            return [(row[0], row[1]) for row in tx.connection.exec_driver_sql(text)]

    assert told() == []
    pair.copy_all()
    pair.copy_all()
    assert told() == [(digest, "v1")]


def test_leaving_a_region_removes_what_only_it_needed_and_keeps_what_is_only_there(any_pair: Pair) -> None:
    pair = any_pair
    shared, alone = os.urandom(1000), os.urandom(1000)
    pair.east.push_image("app", "v1", [LAYER])
    pair.copy_all()
    pair.west.push_image("app", "v2", [alone])  # not copied yet
    neighbour = pair.plane.add_registry("neighbour", "neighbour.example.test:5001")
    with pair.plane.services.database.write() as tx:
        tx.connection.exec_driver_sql(
            f"UPDATE endpoints SET region = 'westus' WHERE registry_id = {neighbour.id}"  # noqa: S608
        )
    pair.plane.client(neighbour, "neighbour.example.test:5001").push_image("other", "v1", [shared])
    pair.west.push_image("app", "v3", [shared])
    reports: list[int] = []
    pair.plane.services.replicas.leave(pair.registry.id, WEST, reports.append)
    assert reports[-1] == 99
    held = {
        name: (pair.has(EAST, name), pair.has(WEST, name)) for name in map(digest_of, (LAYER, alone, shared))
    }
    assert held[digest_of(LAYER)] == (True, False)
    assert held[digest_of(alone)] == (True, False)
    assert held[digest_of(shared)][1]
    assert json_of(pair.east.get("/v2/app/tags/list"))["tags"] == ["v1", "v2", "v3"]
    assert pair.east.get(f"/v2/app/blobs/{digest_of(alone)}").data == alone
