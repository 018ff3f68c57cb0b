"""Throttling: who is told to wait, for how long, and who is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.domain.throttle import Rate, RequestClass
from controlplane.persistence.database import Database
from controlplane.persistence.hot import RegistryView
from controlplane.persistence.registries import RegistryRow
from controlplane.services.throttle_redis import Conversation, RedisExchange
from controlplane.services.throttling import Throttle
from controlplane.settings.model import Settings
from tests.support.distribution import Plane, RegistryClient, codes, plane_at
from tests.support.redis_server import RedisServer

RATES: dict[str, Any] = {
    "demo/admin": {"read": 3, "write": 20, "delete": 2},
    "demo/anonymous": {"read": 4, "referrers": 2},
}


class ManualTime:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def limited(tmp_path: Path, sqlite_database: Database) -> Iterator[Plane]:
    """A plane in which the admin user and anonymous callers soon have to wait."""
    plane = plane_at(tmp_path, sqlite_database, identity_rates=RATES)
    yield plane
    plane.close()


@pytest.fixture
def row(limited: Plane) -> RegistryRow:
    return limited.add_registry(anonymous_pull=True)


def view(registry_id: int = 1, *, tier: str = "Basic", stamp: int = 1) -> RegistryView:
    """Return a registry as requests see it."""
    values: dict[str, Any] = dict.fromkeys(RegistryView._fields)
    return RegistryView(**{**values, "id": registry_id, "name": "demo", "tier": tier, "stamp": stamp})


def passing(throttle: Throttle, identity: str = "a", kind: RequestClass = RequestClass.READ) -> int:
    """Return how many requests pass until one does not."""
    count = 0
    while throttle.take(view(), identity, kind) is None:
        count += 1
    return count


class TestAnswers:
    def test_what_does_not_fit_is_refused_with_the_time_to_wait(
        self, limited: Plane, row: RegistryRow
    ) -> None:
        admin = limited.client(row)
        answers = [admin.get("/v2/") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert codes(answers[-1]) == ["TOOMANYREQUESTS"]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 20
        assert answers[-1].headers["x-ms-ratelimit-remaining-calls-per-second"] == "0"

    def test_the_hot_path_is_limited_as_well(self, limited: Plane, row: RegistryRow) -> None:
        admin = limited.client(row)
        admin.push_image("app", "v1")
        statuses = [admin.get("/v2/app/manifests/v1").status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        refused = admin.get("/v2/app/manifests/v1")
        assert codes(refused) == ["TOOMANYREQUESTS"]
        assert "Retry-After" in refused.headers

    def test_answers_show_what_is_left(self, limited: Plane, row: RegistryRow) -> None:
        headers = limited.client(row).get("/v2/").headers
        assert headers["RateLimit-Policy"] == '"read-identity";q=3;w=60'
        assert headers["RateLimit"] == '"read-identity";r=2'
        assert headers["x-ms-ratelimit-remaining-calls-per-second"] == "0.033333"

    def test_classes_are_counted_apart(self, limited: Plane, row: RegistryRow) -> None:
        admin = limited.client(row)
        admin.push_blob("app", b"x")
        for _ in range(3):
            assert admin.get("/v2/").status_code == 200
        assert admin.get("/v2/").status_code == 429
        assert admin.open("POST", "/v2/app/blobs/uploads/").status_code == 202
        deletions = [admin.open("DELETE", "/v2/app/manifests/none").status_code for _ in range(3)]
        assert deletions == [404, 404, 429]

    def test_referrers_count_as_reads_too(self, limited: Plane, row: RegistryRow) -> None:
        nobody = limited.client().scoped("repository:app:pull")
        limited.client(row).push_image("app", "v1")
        path = f"/v2/app/referrers/sha256:{'0' * 64}"
        assert [nobody.get(path).status_code for _ in range(3)] == [200, 200, 429]
        assert [nobody.get("/v2/app/manifests/v1").status_code for _ in range(3)] == [200, 200, 429]

    def test_both_passwords_of_the_admin_user_are_one_caller(self, limited: Plane, row: RegistryRow) -> None:
        first, second = (
            limited.client().with_basic("demo", limited.admin_password(row, name))
            for name in ("password", "password2")
        )
        statuses = [client.get("/v2/").status_code for client in (first, second, first, second)]
        assert statuses == [200, 200, 200, 429]

    def test_tokens_and_passwords_of_one_identity_are_one_caller(
        self, limited: Plane, row: RegistryRow
    ) -> None:
        admin = limited.client(row)
        clients = [admin.scoped(f"repository:r{number}:pull") for number in range(4)]
        statuses = [
            client.get(f"/v2/r{number}/manifests/v1").status_code for number, client in enumerate(clients)
        ]
        assert statuses == [404, 404, 404, 429]

    def test_what_one_identity_uses_up_is_not_missed_by_another(
        self, limited: Plane, row: RegistryRow
    ) -> None:
        admin, robot = limited.client(row), limited.add_principal(row, "AcrPull")
        while admin.get("/v2/").status_code == 200:
            pass
        other = limited.client().with_basic(robot.app_id, robot.secret)
        assert other.get("/v2/").status_code == 200

    def test_strangers_use_up_nothing(self, limited: Plane, row: RegistryRow) -> None:
        stranger = RegistryClient(limited.application)
        wrong = stranger.with_basic("demo", "wrong")
        assert {client.get("/v2/").status_code for client in [stranger, wrong] * 10} == {401}
        assert limited.client(row).get("/v2/").status_code == 200

    def test_refused_requests_count_once_their_sender_is_known(
        self, limited: Plane, row: RegistryRow
    ) -> None:
        token = limited.client(row).scoped("repository:app:pull")
        statuses = [token.get("/v2/other/tags/list").status_code for _ in range(4)]
        assert statuses == [401, 401, 401, 429]

    def test_the_processes_of_a_machine_count_together(self, limited: Plane, row: RegistryRow) -> None:
        other = limited.another_process()
        password = limited.admin_password(row)
        clients = [
            RegistryClient(plane.application).with_basic("demo", password) for plane in (limited, other)
        ]
        statuses = [client.get("/v2/").status_code for client in clients * 2]
        assert statuses == [200, 200, 200, 429]

    def test_nothing_is_counted_when_throttling_is_off(
        self, tmp_path: Path, sqlite_database: Database
    ) -> None:
        plane = plane_at(tmp_path, sqlite_database, identity_rates=RATES, throttling="off")
        admin = plane.client(plane.add_registry())
        answers = [admin.get("/v2/") for _ in range(10)]
        assert {answer.status_code for answer in answers} == {200}
        assert "RateLimit" not in answers[0].headers
        plane.close()


class TestBuckets:
    @pytest.fixture
    def make(self, tmp_path: Path) -> Callable[..., Throttle]:
        """Make throttles, each as a process of one machine or, with another name, of another one."""

        def make(clock: Callable[[], float], machine: str = "one", **settings: Any) -> Throttle:
            rates = {"demo/a": {"read": 6}, "demo/b": {"read": 600}}
            return Throttle(
                Settings(state_dir=tmp_path / machine, identity_rates=rates, **settings),  # type: ignore[arg-type]
                clock,
            )

        return make

    def test_hold_a_minute_and_fill_evenly(self, make: Callable[..., Throttle]) -> None:
        clock = ManualTime()
        throttle = make(clock)
        assert passing(throttle) == 6
        clock.now += 20
        assert passing(throttle) == 2
        clock.now += 3600
        assert passing(throttle) == 6

    def test_tell_how_long_until_a_request_fits(self, make: Callable[..., Throttle]) -> None:
        clock = ManualTime()
        throttle = make(clock)
        passing(throttle)
        waits = []
        for _ in range(4):
            refused = throttle.take(view(), "a", RequestClass.READ)
            assert isinstance(refused, Rate)
            waits.append(round(refused.wait))
            clock.now += 3
        assert waits == [10, 7, 4, 1]
        clock.now -= 2
        assert throttle.take(view(), "a", RequestClass.READ) is None

    def test_large_ones_are_exact_as_well(self, make: Callable[..., Throttle]) -> None:
        clock = ManualTime()
        assert passing(make(clock), "c", RequestClass.WRITE) == 1000
        assert passing(make(clock, "another"), "", RequestClass.OAUTH) == 10_000

    def test_those_of_a_registry_limit_its_identities_together(self, make: Callable[..., Throttle]) -> None:
        throttle = make(ManualTime())
        assert passing(throttle, "c", RequestClass.DELETE) == 500
        assert passing(throttle, "d", RequestClass.DELETE) == 500
        refused = throttle.take(view(), "e", RequestClass.DELETE)
        assert refused is not None
        assert refused.name == "delete-registry"
        assert throttle.take(view(2), "e", RequestClass.DELETE) is None

    def test_a_larger_tier_acts_at_once(self, make: Callable[..., Throttle]) -> None:
        throttle = make(ManualTime())
        assert passing(throttle, "c", RequestClass.DELETE) == 500
        assert throttle.take(view(tier="Premium", stamp=2), "c", RequestClass.DELETE) is not None
        clock = throttle.left(view(tier="Premium", stamp=2), "c", RequestClass.DELETE)
        assert clock is not None
        assert clock.limit == 2_000

    def test_outlive_a_process_and_not_a_boot(self, make: Callable[..., Throttle]) -> None:
        clock = ManualTime()
        passing(make(clock))
        assert passing(make(clock)) == 0
        clock.now = 5.0  # the clock began again
        assert passing(make(clock)) == 6

    def test_a_folder_that_cannot_be_written_is_no_obstacle(
        self, tmp_path: Path, make: Callable[..., Throttle]
    ) -> None:
        (tmp_path / "one").write_text("not a folder")
        assert passing(make(ManualTime())) == 6

    def test_many_identities_find_their_rows(self, make: Callable[..., Throttle]) -> None:
        throttle = make(ManualTime())
        identities = [f"principal-{number}" for number in range(3000)]
        for _ in range(2):
            for identity in identities:
                assert throttle.take(view(), identity, RequestClass.READ) is None
        assert throttle.left(view(), identities[0], RequestClass.READ) is not None


class TestSeveralMachines:
    """Redis compares what machines count, and nobody waits for it."""

    @pytest.fixture
    def machine(self, tmp_path: Path, redis_url: str) -> Callable[[str], Throttle]:
        def make(name: str) -> Throttle:
            rates = {"demo/a": {"read": 100}}
            return Throttle(
                Settings(state_dir=tmp_path / name, identity_rates=rates, throttle_url=redis_url)  # type: ignore[arg-type]
            )

        return make

    def test_what_one_takes_the_other_misses(
        self, machine: Callable[[str], Throttle], redis_url: str
    ) -> None:
        one, other = machine("one"), machine("other")
        exchange = RedisExchange(redis_url)
        assert 100 <= passing(one) <= 102  # the bucket fills meanwhile
        one.tell(exchange)
        assert other.take(view(), "a", RequestClass.READ) is None
        other.tell(exchange)
        refused = other.take(view(), "a", RequestClass.READ)
        assert refused is not None
        assert refused.name == "read-identity"
        exchange.close()

    def test_a_redis_that_is_gone_leaves_each_with_its_own_count(
        self, machine: Callable[[str], Throttle], redis: RedisServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        throttle, exchange = machine("one"), RedisExchange(redis.url)
        conversation = Conversation(throttle, exchange)
        throttle.take(view(), "a", RequestClass.READ)
        assert conversation.turn()
        redis.kill()
        for _ in range(3):
            throttle.take(view(), "a", RequestClass.READ)
            assert not conversation.turn()
        assert len([record for record in caplog.records if "does not answer" in record.message]) == 1
        begun = time.perf_counter()
        assert 96 <= passing(throttle) <= 100
        assert time.perf_counter() - begun < 1
        redis.start()
        assert conversation.turn()
        assert "together again" in caplog.text
        exchange.close()
