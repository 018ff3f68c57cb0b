"""Lists of role definitions: the built-in ones and the custom ones together.

A list shows the roles that can be assigned at the scope, with ``atScopeAndBelow()`` also those that can be
assigned only below it; ``roleName eq '…'`` and ``type eq '…'`` narrow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from controlplane.arm.contexts import Listing
from controlplane.arm.filters import clauses_of
from controlplane.domain.roles import Role, built_in_roles, covers, permission_to_json
from controlplane.domain.scopes import DEFINITION_TYPE, ROOT, Scope
from controlplane.kernel.states import ProvisioningState
from controlplane.persistence import resources
from controlplane.persistence.resources import ResourceRow, Where
from controlplane.services import roles

_BUILT_IN_SINCE = datetime(2015, 7, 1, tzinfo=UTC)  # they have always been there; ETags need a moment
_FILTERS = {"roleName eq", "type eq", "atScopeAndBelow"}


def role_items(listing: Listing) -> Sequence[ResourceRow]:
    """Return the roles a list shows.

    Raises:
        Failure: INVALID_PARAMETER for a filter that is not understood.
    """
    scope, wanted = listing.scope, clauses_of(listing.query.get("$filter"), _FILTERS)
    custom = resources.every(listing.tx, Where(types=[DEFINITION_TYPE.lower()]))
    shown = [row for row in custom if _applies(row, scope, below="atScopeAndBelow" in wanted)]
    rows = [
        *(built_in_row(role, scope) for role in built_in_roles().values()),
        *(_spelled(row, scope) for row in shown),
    ]
    members = {"roleName": wanted.get("roleName eq"), "type": wanted.get("type eq")}
    return [
        row
        for row in rows
        if all(
            value is None or row.properties[name].lower() == value.lower() for name, value in members.items()
        )
    ]


def _applies(row: ResourceRow, scope: Scope, *, below: bool) -> bool:
    assignable = row.properties["assignableScopes"]
    return (
        roles.concerns(assignable, scope.key) if below else any(covers(one, scope.key) for one in assignable)
    )


def _spelled(row: ResourceRow, scope: Scope) -> ResourceRow:
    return replace(row, id=roles.role_id_at(row.name, scope.subscription or row.subscription))


def built_in_row(role: Role, scope: Scope) -> ResourceRow:
    """Return a built-in role as if it were stored."""
    return ResourceRow(
        key=roles.role_id_at(role.id, None).lower(),
        id=roles.role_id_at(role.id, scope.subscription),
        type=DEFINITION_TYPE.lower(),
        name=role.id,
        parent_key=ROOT.key,
        subscription=None,
        group_key=None,
        location=None,
        tags=None,
        members={},
        properties={
            "roleName": role.name,
            "type": role.type,
            "description": role.description,
            "permissions": [permission_to_json(block) for block in role.permissions],
            "assignableScopes": list(role.assignable),
        },
        provisioning_state=ProvisioningState.SUCCEEDED,
        version=1,
        system_data={},
        created_at=_BUILT_IN_SINCE,
    )
