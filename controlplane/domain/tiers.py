"""What each tier (SKU) offers: one table, read by every gate, quota and usage report.

Source: the 2026 tier table of ACR. Sizes are bytes, rates are requests per minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

GIB = 1024**3
TIB = 1024**4


class Tier(StrEnum):
    """The tiers a registry can be in; ``Classic`` exists in ACR's enumeration but cannot be created."""

    BASIC = "Basic"
    STANDARD = "Standard"
    PREMIUM = "Premium"


class Feature(StrEnum):
    """Features that only some tiers have."""

    ANONYMOUS_PULL = "anonymous pull"
    GEO_REPLICATION = "geo-replication"
    DATA_ENDPOINTS = "dedicated data endpoints"
    NETWORK_RULES = "network rules"
    PUBLIC_ACCESS_OFF = "disabling public network access"
    RETENTION = "the retention policy"
    QUARANTINE = "the quarantine policy"
    ARTIFACT_CACHE = "artifact cache"


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests per minute of one class, per registry and per identity (None: not limited apart)."""

    registry: int
    identity: int | None


@dataclass(frozen=True, slots=True)
class TierLimits:
    """One column of the tier table."""

    included_storage: int
    storage_limit: int
    webhooks: int
    tokens: int
    scope_maps: int
    ip_rules: int
    vnet_rules: int
    private_endpoints: int
    cache_rules: int
    features: frozenset[Feature]
    read: Rates
    write: Rates
    delete: Rates
    referrers: Rates
    oauth: Rates


MAX_LAYER = 195 * GIB

_BASIC_RATES = {
    "read": Rates(10_000, 5_000), "write": Rates(2_000, 1_000), "delete": Rates(1_000, 500),
    "referrers": Rates(500, 250), "oauth": Rates(10_000, None),
}  # fmt: skip
_PREMIUM_RATES = {
    "read": Rates(20_000, 10_000), "write": Rates(4_000, 2_000), "delete": Rates(4_000, 2_000),
    "referrers": Rates(2_000, 1_000), "oauth": Rates(20_000, None),
}  # fmt: skip

LIMITS: dict[Tier, TierLimits] = {
    Tier.BASIC: TierLimits(
        included_storage=10 * GIB, storage_limit=40 * TIB, webhooks=2, tokens=100, scope_maps=100,
        ip_rules=0, vnet_rules=0, private_endpoints=0, cache_rules=1000,
        features=frozenset({Feature.ARTIFACT_CACHE}), **_BASIC_RATES,
    ),
    Tier.STANDARD: TierLimits(
        included_storage=100 * GIB, storage_limit=40 * TIB, webhooks=10, tokens=500, scope_maps=500,
        ip_rules=0, vnet_rules=0, private_endpoints=0, cache_rules=1000,
        features=frozenset({Feature.ARTIFACT_CACHE, Feature.ANONYMOUS_PULL}), **_BASIC_RATES,
    ),
    Tier.PREMIUM: TierLimits(
        included_storage=500 * GIB, storage_limit=100 * TIB, webhooks=500, tokens=50_000, scope_maps=50_000,
        ip_rules=200, vnet_rules=100, private_endpoints=200, cache_rules=1000,
        features=frozenset(Feature), **_PREMIUM_RATES,
    ),
}  # fmt: skip


def suggested_tier(size: int) -> Tier:
    """Name the smallest tier whose storage limit holds ``size`` bytes."""
    return next((tier for tier in Tier if size <= LIMITS[tier].storage_limit), Tier.PREMIUM)
