"""What a registry's tier and the number of things below it allow, and whether references hold."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.arm.contexts import Validation
from controlplane.arm.declaration import OnDelete, Reference, ResourceType
from controlplane.arm.types import Types
from controlplane.domain.scopes import REGISTRY_TYPE, parse_scope
from controlplane.domain.tiers import LIMITS, Tier
from controlplane.kernel.catalogue import (
    QUOTA_EXCEEDED,
    REFERENCE_INVALID,
    RESOURCE_IN_USE,
    SKU_NOT_SUPPORTED,
)
from controlplane.kernel.errors import Failure
from controlplane.kernel.states import ProvisioningState
from controlplane.persistence import resources as store
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow

_REGISTRY = REGISTRY_TYPE.lower()


def check_tier(declared: ResourceType, ctx: Validation) -> None:
    """Refuse a type that the registry's tier lacks, and one more of it than the tier allows.

    The caller holds the parent's lock, so that two creations cannot pass the same last place.

    Raises:
        Failure: SKU_NOT_SUPPORTED or QUOTA_EXCEEDED.
    """
    if ctx.parent is None or (declared.gate is None and declared.quota is None):
        return
    tier = _tier(ctx.tx, ctx.parent)
    if declared.gate is not None and declared.gate not in LIMITS[tier].features:
        raise Failure(SKU_NOT_SUPPORTED, sku=tier, reason=f"It does not offer {declared.gate}.")
    if declared.quota is not None and ctx.creating:
        present = store.count(ctx.tx, declared.key, ctx.parent.key)
        if present >= int(getattr(LIMITS[tier], declared.quota)):
            raise Failure(QUOTA_EXCEEDED, type=declared.type.rpartition("/")[2], sku=tier)


def check_references(types: Types, declared: ResourceType, ctx: Validation) -> None:
    """Refuse ids in ``properties`` that name nothing, another type, or something that is being deleted.

    Raises:
        Failure: REFERENCE_INVALID, with the member as target.
    """
    for reference in declared.references:
        held = ctx.after.properties.get(reference.member)
        if held:
            _check_reference(types, reference, str(held), ctx)


def refuse_if_referred(types: Types, tx: Transaction, row: ResourceRow) -> None:
    """Refuse the end of a resource that others must have.

    Raises:
        Failure: RESOURCE_IN_USE.
    """
    for _, _, by in _referring(types, tx, row, OnDelete.RESTRICT):
        raise Failure(RESOURCE_IN_USE, name=row.name, by=by.id)


def clear_references(types: Types, tx: Transaction, row: ResourceRow) -> None:
    """Remove the id of a resource that has ended from those that held it."""
    for _, reference, by in _referring(types, tx, row, OnDelete.CLEAR):
        store.clear_property(tx, by.key, reference.member)


def _referring(
    types: Types, tx: Transaction, row: ResourceRow, on_delete: OnDelete
) -> Iterator[tuple[ResourceType, Reference, ResourceRow]]:
    for declared in types:
        for reference in declared.references:
            if reference.type.lower() == row.type and reference.on_delete is on_delete:
                for by in store.referring(tx, declared.key, reference.member, row.key):
                    yield declared, reference, by


def _check_reference(types: Types, reference: Reference, held: str, ctx: Validation) -> None:
    path = f"properties.{reference.member}"
    try:
        scope = parse_scope(held)
    except ValueError:
        raise _refused(held, path, "it is not a resource id.") from None
    if scope.type.lower() != reference.type.lower():
        raise _refused(held, path, f"it must be the id of a {reference.type}.")
    # Before anything is looked up: what there is elsewhere is nobody's business here.
    inside = reference.elsewhere or ctx.parent is None or scope.key.startswith(f"{ctx.parent.key}/")
    if ctx.parent is not None and not inside:
        raise _refused(held, path, f"it must lie under {ctx.parent.id}.")
    find = types.by_key[reference.type.lower()].lifecycle.find
    target = store.get(ctx.tx, scope.key) if find is None else find(ctx, scope)
    if target is None or target.provisioning_state is ProvisioningState.DELETING:
        raise _refused(held, path, "there is no such resource.")


def _refused(held: str, path: str, reason: str) -> Failure:
    return Failure(REFERENCE_INVALID, id=held, path=path, reason=reason, target=path)


def _tier(tx: Transaction, row: ResourceRow) -> Tier:
    above: ResourceRow | None = row
    while above is not None and above.type != _REGISTRY:
        above = store.get(tx, above.parent_key)
    if above is None:
        raise LookupError(f"{row.id} does not lie under a registry")
    return Tier(above.members["sku"]["name"])
