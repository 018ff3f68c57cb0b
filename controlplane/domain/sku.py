"""Choosing a tier and changing it: which names are tiers, and what keeps a registry from a lower one.

Source: ACR's tier table; a change is free in either direction as long as storage fits and nothing is in
use that the new tier lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controlplane.domain.tiers import LIMITS, Feature, Tier, TierLimits, suggested_tier

CLASSIC = "Classic"
_BY_NAME = {tier.value.lower(): tier for tier in Tier}


def parse_tier(text: str) -> Tier | None:
    """Return the tier of a name in any case; None for ``Classic`` and anything else."""
    return _BY_NAME.get(text.lower())


@dataclass(frozen=True, slots=True)
class Counter:
    """A quota of the tier table that counts rows: child resources of one type (lower case)."""

    type: str
    noun: str
    limit: str  # name of the limit in ``TierLimits``

    def of(self, limits: TierLimits) -> int:
        """Return the quota a tier gives."""
        value: int = getattr(limits, self.limit)
        return value


_PREFIX = "microsoft.containerregistry/registries/"
WEBHOOKS = Counter(_PREFIX + "webhooks", "webhooks", "webhooks")
SCOPE_MAPS = Counter(_PREFIX + "scopemaps", "scope maps", "scope_maps")
TOKENS = Counter(_PREFIX + "tokens", "tokens", "tokens")
PRIVATE_ENDPOINTS = Counter(
    _PREFIX + "privateendpointconnections", "private endpoint connections", "private_endpoints"
)
CACHE_RULES = Counter(_PREFIX + "cacherules", "cache rules", "cache_rules")
COUNTERS = (WEBHOOKS, SCOPE_MAPS, TOKENS, PRIVATE_ENDPOINTS, CACHE_RULES)

REPLICATIONS = _PREFIX + "replications"
CONNECTED_REGISTRIES = _PREFIX + "connectedregistries"
AGENT_POOLS = _PREFIX + "agentpools"
# Child resources that only Premium may have at all.
_PREMIUM_CHILDREN = {
    REPLICATIONS: "geo-replications",
    CONNECTED_REGISTRIES: "connected registries",
    AGENT_POOLS: "agent pools",
}


@dataclass(frozen=True, slots=True)
class Use:
    """What a registry uses: bytes stored, features switched on, child resources by type (lower case)."""

    size: int
    features: frozenset[Feature]
    children: Mapping[str, int]


def obstacles(use: Use, target: Tier) -> list[str]:
    """Name everything that keeps a registry from a tier, one sentence each; empty when nothing does."""
    limits = LIMITS[target]
    return [*_storage(use.size, target), *_features(use, target), *_children(use, limits, target)]


def _storage(size: int, target: Tier) -> list[str]:
    quota = LIMITS[target].storage_limit
    if size <= quota:
        return []
    reason = f"Registry size {size} bytes exceeds the quota value {quota} bytes for SKU {target}."
    return [f"{reason} The suggested SKU is {suggested_tier(size)}."]


def _features(use: Use, target: Tier) -> list[str]:
    lacking = sorted(use.features - LIMITS[target].features)
    return [f"The registry uses {feature}, which SKU {target} does not offer." for feature in lacking]


def _children(use: Use, limits: TierLimits, target: Tier) -> list[str]:
    found = []
    for counter in COUNTERS:
        count, quota = use.children.get(counter.type, 0), counter.of(limits)
        if count > quota:
            found.append(f"The registry has {count} {counter.noun}; SKU {target} allows {quota}.")
    if target is not Tier.PREMIUM:
        for kind, noun in _PREMIUM_CHILDREN.items():
            count = use.children.get(kind, 0)
            if count:
                found.append(f"The registry has {noun} ({count}), which only SKU Premium offers.")
    return found
