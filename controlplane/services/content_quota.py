"""The storage that a registry's tier offers: pushes beyond it are refused."""

from __future__ import annotations

from controlplane.domain.registry_errors import STORAGE_FULL
from controlplane.domain.tiers import LIMITS, Tier
from controlplane.kernel.errors import Failure
from controlplane.persistence import registries
from controlplane.persistence.database import Transaction


def grow(tx: Transaction, registry_id: int, growth: int) -> None:
    """Let a registry grow, unless it would hold more than its tier does.

    The row stays locked until the transaction ends: of two pushes at once, the second one sees what the
    first one added.

    Raises:
        Failure: STORAGE_FULL; the transaction must not be committed then.
    """
    found = registries.add_size(tx, registry_id, growth)
    if found is not None:
        size, tier = found
        refuse_beyond(size, tier)


def refuse_full(size: int, tier: str) -> None:
    """Refuse to begin a push where nothing more fits.

    Raises:
        Failure: STORAGE_FULL.
    """
    refuse_beyond(size + 1, tier)


def refuse_beyond(size: int, tier: str) -> None:
    """Refuse a size that a tier does not hold.

    Raises:
        Failure: STORAGE_FULL.
    """
    limit = LIMITS[Tier(tier)].storage_limit
    if size > limit:
        raise Failure(STORAGE_FULL, tier=tier, limit=limit)
