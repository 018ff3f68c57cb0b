"""Lists of role assignments, as Azure answers them.

Without a filter: what is assigned at, above and below the scope. ``atScope()`` leaves out what lies below;
``principalId eq '…'`` and ``assignedTo('…')`` leave out other principals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from controlplane.arm.contexts import Listing
from controlplane.arm.filters import clauses_of
from controlplane.domain.scopes import Scope
from controlplane.persistence import resources, role_assignments
from controlplane.persistence.resources import ResourceRow
from controlplane.persistence.role_assignments import Around
from controlplane.services import roles

_FILTERS = {"principalId eq", "assignedTo", "atScope"}


def assignment_items(listing: Listing) -> Sequence[ResourceRow]:
    """Return the assignments a list shows.

    Raises:
        Failure: INVALID_PARAMETER for a filter that is not understood.
    """
    around = _around(listing.scope, listing.query.get("$filter"))
    keys = role_assignments.keys_around(listing.tx, around)
    return [_spelled(row, listing.scope) for row in resources.many(listing.tx, keys)]


def _around(scope: Scope, filter_: str | None) -> Around:
    wanted = clauses_of(filter_, _FILTERS)
    principal = wanted.get("principalId eq") or wanted.get("assignedTo")
    below = None if "atScope" in wanted else scope.key
    return Around(scope.chain(), below, principal and principal.lower())


def _spelled(row: ResourceRow, scope: Scope) -> ResourceRow:
    """Spell the role's id as answers about the subscription do, also for what is assigned above it."""
    guid = roles.role_guid(row.properties["roleDefinitionId"])
    role_id = roles.role_id_at(guid, row.subscription or scope.subscription)
    return replace(row, properties={**row.properties, "roleDefinitionId": role_id})
