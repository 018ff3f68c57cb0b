"""Tiers: which exist, and what keeps a registry from a lower one."""

from __future__ import annotations

import pytest

from controlplane.domain import sku
from controlplane.domain.tiers import GIB, TIB, Feature, Tier

_WEBHOOKS = "microsoft.containerregistry/registries/webhooks"
_REPLICATIONS = "microsoft.containerregistry/registries/replications"


@pytest.mark.parametrize(("name", "tier"), [("basic", Tier.BASIC), ("PREMIUM", Tier.PREMIUM)])
def test_a_tier_is_named_in_any_case(name: str, tier: Tier) -> None:
    assert sku.parse_tier(name) is tier


@pytest.mark.parametrize("name", ["Classic", "Gold", ""])
def test_classic_and_unknown_names_are_no_tiers(name: str) -> None:
    assert sku.parse_tier(name) is None


def test_nothing_keeps_an_empty_registry_from_any_tier() -> None:
    for tier in Tier:
        assert sku.obstacles(sku.Use(0, frozenset(), {}), tier) == []


def test_a_size_beyond_the_limit_is_told_with_the_tier_that_holds_it() -> None:
    (told,) = sku.obstacles(sku.Use(41 * TIB, frozenset(), {}), Tier.BASIC)
    assert f"Registry size {41 * TIB} bytes exceeds the quota value {40 * TIB} bytes for SKU Basic." in told
    assert told.endswith("The suggested SKU is Premium.")
    assert sku.obstacles(sku.Use(600 * GIB, frozenset(), {}), Tier.BASIC) == []


def test_everything_in_use_is_named() -> None:
    use = sku.Use(
        0, frozenset({Feature.ANONYMOUS_PULL, Feature.NETWORK_RULES}), {_WEBHOOKS: 3, _REPLICATIONS: 1}
    )
    assert sku.obstacles(use, Tier.PREMIUM) == []
    assert sku.obstacles(use, Tier.STANDARD) == [
        "The registry uses network rules, which SKU Standard does not offer.",
        "The registry has geo-replications (1), which only SKU Premium offers.",
    ]
    assert sku.obstacles(use, Tier.BASIC) == [
        "The registry uses anonymous pull, which SKU Basic does not offer.",
        "The registry uses network rules, which SKU Basic does not offer.",
        "The registry has 3 webhooks; SKU Basic allows 2.",
        "The registry has geo-replications (1), which only SKU Premium offers.",
    ]
