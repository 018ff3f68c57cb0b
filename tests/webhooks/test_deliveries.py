"""Deliveries: what arrives, how often, in which order, and what becomes of receivers that fail."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from controlplane.domain.events import Action
from controlplane.persistence import deliveries, events
from tests.support.receivers import answer, failing_first, receiver
from tests.webhooks.conftest import DIGEST, Hooked, bodies


def test_a_push_arrives_with_the_documented_payload(hooked: Hooked) -> None:
    with receiver() as there:
        hook = hooked.add(there.url, customHeaders={"Authorization": "Bearer s3cret", "X-Team": "blue"})
        hooked.push()
        assert hooked.work() == 1
        (got,) = there.received
    media = "application/vnd.oci.image.manifest.v1+json"
    assert got.body.pop("id") == hooked.history(hook)[0].event_id
    body = got.body
    assert body["timestamp"] == "2026-01-02T03:04:05.000000Z"
    assert body["action"] == "push"
    assert body["target"] == {
        "mediaType": media, "size": 524, "digest": DIGEST, "length": 524, "repository": "app", "tag": "v1",
    }  # fmt: skip
    assert body["request"] == {
        "id": "r1", "host": "demo.example.test", "method": "PUT", "useragent": "skopeo/1.9",
    }  # fmt: skip
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Authorization"] == "Bearer s3cret"
    assert got.headers["X-Team"] == "blue"
    assert not [name for name in got.headers if name.lower().startswith("x-acrctl")]


def test_a_content_type_of_its_own_replaces_ours(hooked: Hooked) -> None:
    with receiver() as there:
        hooked.add(there.url, customHeaders={"content-type": "application/cloudevents+json"})
        hooked.push()
        hooked.work()
        assert there.received[0].headers["content-type"] == "application/cloudevents+json"


def test_a_signed_delivery_can_be_verified(hooked: Hooked) -> None:
    secret = "a long enough secret"
    with receiver() as there:
        hook = hooked.add(there.url, signingSecret=secret)
        hooked.push()
        hooked.work()
        (got,) = there.received
    stamp = got.headers["X-Acrctl-Timestamp"]
    wanted = hmac.new(secret.encode(), stamp.encode() + b"." + got.raw, hashlib.sha256).hexdigest()
    assert got.headers["X-Acrctl-Signature"] == f"sha256={wanted}"
    assert got.headers["X-Acrctl-Delivery"] == hooked.history(hook)[0].id


@pytest.mark.parametrize(
    ("scope", "repository", "tag", "told"),
    [
        ("", "app", None, True),
        ("app", "app", "latest", True),
        ("app", "app", "v1", False),
        ("app:v1", "app", "v1", True),
        ("app:v1", "app", "v2", False),
        ("app:*", "app", None, True),
        ("app:*", "app/more", "v1", False),
    ],
)
def test_a_scope_decides_what_is_told(
    hooked: Hooked, scope: str, repository: str, tag: str | None, told: bool
) -> None:
    with receiver() as there:
        hooked.add(there.url, scope=scope)
        hooked.push(repository, tag)
        assert hooked.work() == int(told)


def test_only_the_actions_and_the_region_of_a_webhook_are_told(hooked: Hooked) -> None:
    with receiver() as there:
        hooked.add(there.url, actions=["delete"])
        hooked.add(there.url, "hook2", location="westus")
        hooked.push()
        assert hooked.work() == 0
        hooked.push(action=Action.DELETE)
        hooked.push(region="westus")
        assert hooked.work() == 2


def test_a_receiver_that_fails_gets_every_event_once_it_is_well_with_stable_ids(hooked: Hooked) -> None:
    with receiver(failing_first(3)) as there:
        hook = hooked.add(there.url)
        for tag in ("v1", "v2", "v3"):
            hooked.push(tag=tag)
        for _ in range(12):
            hooked.work()
            hooked.clock.pass_by(60)
        accepted = there.received[3:]
        assert bodies(accepted) == [("app", "v1"), ("app", "v2"), ("app", "v3")]
        assert {one.body["id"] for one in there.received[:4]} == {accepted[0].body["id"]}
    assert [row.state for row in hooked.history(hook)] == [deliveries.DELIVERED] * 3
    assert hooked.history(hook)[-1].attempts == 4


def test_what_came_later_waits_for_what_came_first_in_its_repository_alone(hooked: Hooked) -> None:
    with receiver(failing_first(1)) as there:
        hooked.add(there.url)
        hooked.push(tag="v1")
        hooked.work()
        hooked.push(tag="v2")
        hooked.push("other", "v1")
        hooked.work()
        assert bodies(there.received) == [("app", "v1"), ("other", "v1")]
        hooked.clock.pass_by(60)
        hooked.work()
        assert bodies(there.received)[2:] == [("app", "v1"), ("app", "v2")]


def test_later_events_do_not_overtake_those_that_another_worker_is_about_to_tell(hooked: Hooked) -> None:
    with receiver() as there:
        hooked.add(there.url)
        hooked.push(tag="v1")
        hooked.push(tag="v2")
        other = threading.Thread(target=hooked.services.webhooks.fan_out, args=(hooked.registry_id,))
        with hooked.services.database.write() as tx:
            assert len(events.untold(tx, hooked.registry_id, 1)) == 1
            other.start()
            other.join(0.2)
            assert other.is_alive()
        other.join()
        hooked.work()
        hooked.work()
        assert bodies(there.received) == [("app", "v1"), ("app", "v2")]


def test_pauses_grow(hooked: Hooked) -> None:
    with receiver(answer(500)) as there:
        hook = hooked.add(there.url)
        hooked.push()
        pauses = []
        for _ in range(5):
            hooked.work()
            row = hooked.history(hook)[0]
            pauses.append((row.due_at - hooked.clock.now()).total_seconds())
            hooked.clock.pass_by(pauses[-1] + 0.001)
        assert there.received
    for number, pause in enumerate(pauses):
        assert 2.0**number / 2 <= pause <= 2.0**number


def test_a_receiver_that_is_slow_to_answer_counts_as_504(hooked: Hooked) -> None:
    def hang(handler: BaseHTTPRequestHandler, _number: int) -> None:
        there.released.wait(5)
        handler.close_connection = True

    with receiver(hang) as there:
        hook = hooked.add(there.url)
        hooked.push()
        began = time.monotonic()
        hooked.work()
        assert time.monotonic() - began < 3
    row = hooked.history(hook)[0]
    assert row.state == deliveries.PENDING
    assert row.response is not None
    assert row.response["statusCode"] == "504"


def test_an_answer_that_trickles_is_cut(hooked: Hooked) -> None:
    def trickle(handler: BaseHTTPRequestHandler, _number: int) -> None:
        for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 200:
            if there.released.wait(0.05):
                return
            handler.wfile.write(bytes([letter]))
            handler.wfile.flush()

    with receiver(trickle) as there:
        hook = hooked.add(there.url)
        hooked.push()
        began = time.monotonic()
        hooked.work()
        assert time.monotonic() - began < 3
    response = hooked.history(hook)[0].response
    assert response is not None
    assert response["statusCode"] == "504"


def test_a_redirect_is_a_failure_and_not_followed(hooked: Hooked) -> None:
    with receiver() as elsewhere, receiver(answer(307, Location=elsewhere.url)) as there:
        hook = hooked.add(there.url)
        hooked.push()
        hooked.work()
        assert not elsewhere.received
    response = hooked.history(hook)[0].response
    assert response is not None
    assert response["statusCode"] == "307"


def test_nobody_listening_is_told_later_and_given_up_in_the_end(hooked: Hooked) -> None:
    with receiver() as there:
        url = there.url
    hook = hooked.add(url)
    hooked.push()
    hooked.work()
    assert hooked.history(hook)[0].state == deliveries.PENDING
    hooked.clock.pass_by(86401)
    hooked.work()
    assert hooked.history(hook)[0].state == deliveries.FAILED


def test_a_webhook_that_fails_for_days_is_disabled_and_that_is_told(hooked: Hooked) -> None:
    with receiver(answer(500)) as there:
        hook = hooked.add(there.url)
        for _ in range(4):
            hooked.push()
            hooked.work()
            hooked.clock.pass_by(86401)
        hooked.push()
        hooked.work()
        assert not hooked.row(hook).enabled
        count = len(there.received)
        hooked.push()
        hooked.work()
        assert len(there.received) == count
    with hooked.services.database.read() as tx:
        newest = events.page(tx, hooked.registry_id, None, 10)
    assert Action.WEBHOOK_DISABLED in {event.action for _, _, event in newest}


def test_history_masks_what_is_secret(hooked: Hooked) -> None:
    with receiver() as there:
        hook = hooked.add(f"{there.url}?code=s3cret", customHeaders={"Authorization": "Bearer s3cret"})
        hooked.push()
        hooked.work()
    row = hooked.history(hook)[0]
    assert row.request is not None
    assert row.request["headers"]["Authorization"] == "******"
    assert "s3cret" not in str(row.request)


def test_a_worker_that_dies_with_a_delivery_loses_it_to_another(hooked: Hooked) -> None:
    with receiver() as there:
        hooked.add(there.url)
        hooked.push()
        hooked.services.webhooks.fan_out(hooked.registry_id)
        now = hooked.clock.now()
        with hooked.services.database.write() as tx:  # claimed, and then nothing more is heard of it
            assert len(deliveries.claim(tx, now, hooked.clock.now().replace(year=2027), 10)) == 1
        assert hooked.work() == 0
        hooked.clock.pass_by(400 * 86400)
        assert hooked.work() == 1
        assert len(there.received) == 1


def test_ping_and_redelivery(hooked: Hooked) -> None:
    with receiver() as there:
        hook = hooked.add(there.url)
        with hooked.services.database.write() as tx:
            ping = hooked.services.webhooks.ping(tx, hook)
        hooked.work()
        assert there.received[0].body == {
            "id": ping,
            "timestamp": "2026-01-02T03:04:05.000000Z",
            "action": "ping",
        }
        hooked.push()
        hooked.work()
        event = there.received[1].body["id"]
        with hooked.services.database.write() as tx:
            assert hooked.services.webhooks.redeliver(tx, hook, event) is not None
            assert hooked.services.webhooks.redeliver(tx, hook, "nothing") is None
        hooked.work()
        assert there.received[2].raw == there.received[1].raw


def test_events_are_told_once_even_if_the_message_comes_twice(hooked: Hooked) -> None:
    with receiver() as there:
        hooked.add(there.url)
        hooked.push()
        hooked.services.webhooks.fan_out(hooked.registry_id)
        hooked.services.webhooks.fan_out(hooked.registry_id)
        hooked.work()
        assert len(there.received) == 1


def test_a_lost_message_is_rung_again(hooked: Hooked) -> None:
    hooked.add("http://127.0.0.1:9/")
    hooked.push()
    assert hooked.services.webhooks.ring() == 0
    hooked.clock.pass_by(6)
    assert hooked.services.webhooks.ring() == 1
    hooked.services.webhooks.fan_out(hooked.registry_id)
    assert hooked.services.webhooks.ring() == 0
    assert hooked.services.deliverer.ring() == 1
