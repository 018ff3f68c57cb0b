"""Token buckets and rates, as pure rules."""

from __future__ import annotations

import pytest

from controlplane.domain.throttle import PERIOD, RequestClass, left, limits, wait
from controlplane.domain.tiers import Tier


def test_a_bucket_holds_a_minute_of_requests_and_not_one_more() -> None:
    step, full_at, passed = PERIOD / 7, 0.0, 0
    while not wait(full_at, 100.0, step):
        full_at = max(full_at, 100.0) + step
        passed += 1
    assert passed == 7


@pytest.mark.parametrize("limit", [1, 3, 7, 250, 5_000, 20_000])
def test_what_is_left_and_what_passes_agree(limit: int) -> None:
    step, full_at = PERIOD / limit, 1000.0
    for expected in range(limit, 0, -1):
        assert left(full_at, 1000.0, step) == expected
        assert wait(full_at, 1000.0, step) == 0
        full_at += step
    assert left(full_at, 1000.0, step) == 0


def test_the_wait_counts_down_and_a_request_fits_when_it_is_over() -> None:
    step, full_at = PERIOD / 4, 1000.0 + PERIOD
    assert [wait(full_at, 1000.0 + passed, step) for passed in (0, 5, 10, 14)] == [15, 10, 5, 1]
    assert wait(full_at, 1015.0, step) == 0


@pytest.mark.parametrize(
    ("tier", "kind", "expected"),
    [
        (Tier.BASIC, RequestClass.READ, {10_000, 5_000}),
        (Tier.STANDARD, RequestClass.WRITE, {2_000, 1_000}),
        (Tier.PREMIUM, RequestClass.DELETE, {4_000, 2_000}),
        (Tier.BASIC, RequestClass.REFERRERS, {10_000, 5_000, 500, 250}),
        (Tier.PREMIUM, RequestClass.OAUTH, {20_000}),
    ],
)
def test_a_request_draws_on_the_buckets_of_registry_and_identity(
    tier: Tier, kind: RequestClass, expected: set[int]
) -> None:
    assert {limit.per_minute for limit in limits(tier, kind, "somebody", {})} == expected


def test_an_identity_may_have_rates_of_its_own() -> None:
    found = limits(Tier.BASIC, RequestClass.READ, "ci", {"read": 30, "write": 3})
    assert [(limit.identity, limit.per_minute) for limit in found] == [(None, 10_000), ("ci", 30)]
