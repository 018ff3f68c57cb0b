"""Who may do what: the one evaluator of role assignments, for the management and the distribution plane.

A decision is one query by index: the assignments of the caller's object ids at the scope and its ancestors.
Its cost grows with the depth of the scope, not with the number of assignments in the service. Decisions are
not cached: asking whether a cache still holds would be a query as well.

Source of the rules: Azure RBAC, and ACR's two role assignment modes (legacy: data rights follow from actions;
ABAC: only from data actions, narrowed by conditions on the repository name).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from controlplane.domain.conditions import Request, condition_holds
from controlplane.domain.permissions import Permission
from controlplane.domain.principals import Principal
from controlplane.domain.roles import built_in_roles, permission_from_json
from controlplane.domain.scopes import Scope
from controlplane.kernel.catalogue import AUTHORIZATION_FAILED
from controlplane.kernel.errors import Failure
from controlplane.persistence import role_assignments
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.role_assignments import GrantRow

LEGACY = "LegacyRegistryPermissions"
ABAC = "AbacRepositoryPermissions"

_PREFIX = "Microsoft.ContainerRegistry/registries/"
# Rights of the distribution plane, spelled as in token scopes, by what grants them in each mode.
LEGACY_RIGHTS: Mapping[str, str] = MappingProxyType(
    {
        "pull": _PREFIX + "pull/read",
        "metadata_read": _PREFIX + "pull/read",
        "catalog": _PREFIX + "pull/read",
        "push": _PREFIX + "push/write",
        "metadata_write": _PREFIX + "push/write",
        "delete": _PREFIX + "artifacts/delete",
        "quarantine_read": _PREFIX + "quarantine/read",
        "quarantine_write": _PREFIX + "quarantine/write",
        "deleted_read": _PREFIX + "deleted/read",
        "deleted_restore": _PREFIX + "deleted/restore/action",
        "deleted_catalog": _PREFIX + "deleted/read",
    }
)
ABAC_RIGHTS: Mapping[str, str] = MappingProxyType(
    {
        "pull": _PREFIX + "repositories/content/read",
        "metadata_read": _PREFIX + "repositories/metadata/read",
        "catalog": _PREFIX + "catalog/read",
        "push": _PREFIX + "repositories/content/write",
        "metadata_write": _PREFIX + "repositories/metadata/write",
        "delete": _PREFIX + "repositories/content/delete",
        "quarantine_read": _PREFIX + "quarantinedArtifacts/read",
        "quarantine_write": _PREFIX + "quarantinedArtifacts/write",
        # No data action speaks of deleted content: whoever sees a repository sees what went from it, whoever
        # writes into it may bring that back.
        "deleted_read": _PREFIX + "repositories/metadata/read",
        "deleted_restore": _PREFIX + "repositories/content/write",
        "deleted_catalog": _PREFIX + "catalog/read",
    }
)


@dataclass(frozen=True, slots=True)
class Grant:
    """What one assignment contributes: the role's permissions, as far as the condition holds."""

    permissions: tuple[Permission, ...]
    condition: str | None = None

    def allows(self, action: str) -> bool:
        """Tell whether it grants a control-plane action."""
        return any(block.grants(action) for block in self.permissions) and condition_holds(
            self.condition, Request(action)
        )

    def allows_data(self, action: str, repository: str | None) -> bool:
        """Tell whether it grants a data action on a repository (None: on the registry)."""
        return any(block.grants_data(action) for block in self.permissions) and condition_holds(
            self.condition, Request(action, repository)
        )


class Access:
    """Decides from role assignments. Stateless; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def require(self, principal: Principal, action: str, scope: Scope) -> None:
        """Return when the caller may do an action at a scope.

        Raises:
            Failure: AUTHORIZATION_FAILED, whether or not anything exists at the scope.
        """
        with self._database.read() as tx:
            self.require_in(tx, principal, action, scope)

    def require_in(self, tx: Transaction, principal: Principal, action: str, scope: Scope) -> None:
        """Do what ``require`` does, in the caller's transaction."""
        if self.allowed(tx, principal, action, scope):
            return
        raise Failure(
            AUTHORIZATION_FAILED,
            client=principal.app_id or principal.object_id,
            object_id=principal.object_id,
            action=action,
            scope=scope.id,
        )

    def allowed(self, tx: Transaction, principal: Principal, action: str, scope: Scope) -> bool:
        """Tell whether the caller may do a control-plane action at a scope."""
        return any(grant.allows(action) for grant in self.grants(tx, principal.ids, scope))

    def registry_actions(
        self, tx: Transaction, principal: Principal, registry: Scope, mode: str, repository: str | None
    ) -> frozenset[str]:
        """Return the caller's rights on a registry's data: a subset of the keys of ``LEGACY_RIGHTS``.

        ``mode`` is the registry's role assignment mode. ``repository`` None asks for rights on the registry
        as a whole (the catalog); a condition on repository names then grants nothing.
        """
        return self.registry_rights(tx, principal, registry, mode)(repository)

    def registry_rights(
        self, tx: Transaction, principal: Principal, registry: Scope, mode: str
    ) -> Callable[[str | None], frozenset[str]]:
        """Return what ``registry_actions`` says of any repository; assignments are read once."""
        grants = self.grants(tx, principal.ids, registry)
        if mode == ABAC:
            return lambda repository: frozenset(
                right
                for right, action in ABAC_RIGHTS.items()
                if any(grant.allows_data(action, repository) for grant in grants)
            )
        held = frozenset(
            right for right, action in LEGACY_RIGHTS.items() if any(grant.allows(action) for grant in grants)
        )
        return lambda _: held

    def reads_somewhere(self, tx: Transaction, principal: Principal, registry: Scope, mode: str) -> bool:
        """Tell whether the caller may read metadata of repositories, if only under a condition."""
        grants = self.grants(tx, principal.ids, registry)
        if mode != ABAC:
            return any(grant.allows(LEGACY_RIGHTS["metadata_read"]) for grant in grants)
        action = ABAC_RIGHTS["metadata_read"]
        return any(block.grants_data(action) for grant in grants for block in grant.permissions)

    def permissions(self, tx: Transaction, principal_ids: Sequence[str], scope: Scope) -> list[Permission]:
        """Return every permission block held at a scope without a condition."""
        return [
            block
            for grant in self.grants(tx, principal_ids, scope)
            if grant.condition is None
            for block in grant.permissions
        ]

    def grants(self, tx: Transaction, principal_ids: Sequence[str], scope: Scope) -> list[Grant]:
        """Return what principals hold at a scope and above it."""
        rows = role_assignments.grants(tx, principal_ids, scope.chain())
        return [Grant(_permissions(row), row.condition) for row in rows]


def _permissions(row: GrantRow) -> tuple[Permission, ...]:
    """Read a role's permissions; a role that does not exist any more grants nothing."""
    if row.permissions is not None:
        return tuple(permission_from_json(block) for block in row.permissions)
    role = built_in_roles().get(row.role_id)
    return role.permissions if role is not None else ()
