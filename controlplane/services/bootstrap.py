"""The first start of a deployment: its directory, subscription, default group and owner.

There are no default credentials: the owner's secret is random and returned only by the call that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from controlplane.domain.principals import PrincipalType
from controlplane.domain.roles import OWNER as OWNER_ROLE
from controlplane.domain.scopes import (
    ASSIGNMENT_TYPE,
    DEFINITION_TYPE,
    ROOT,
    SUBSCRIPTION_TYPE,
    Scope,
    parse_scope,
)
from controlplane.kernel.clock import Clock, rfc3339
from controlplane.kernel.ids import Ids
from controlplane.kernel.states import ProvisioningState
from controlplane.persistence import facts, identity, resources, role_assignments, stamps
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.identity import ApplicationRow, ServicePrincipalRow
from controlplane.persistence.resources import ResourceRow
from controlplane.persistence.role_assignments import AssignmentRow
from controlplane.services.directory import DEFAULT_SECRET_LIFE, Directory
from controlplane.services.vault import Vault
from controlplane.settings.model import Settings

OWNER_NAME = "acrctl-owner"
SUBSCRIPTION_NAME = "acrctl"


class BootstrapError(Exception):
    """The settings contradict what was decided at first start."""


@dataclass(frozen=True, slots=True)
class BootstrapResult:
    """Who and where: what a client profile is made of. ``secret`` is set only when it was made just now."""

    tenant_id: str
    subscription_id: str
    group: str
    app_id: str
    object_id: str
    secret: str | None = field(repr=False)


def bootstrap(
    database: Database, settings: Settings, clock: Clock, ids: Ids, vault: Vault
) -> BootstrapResult:
    """Make what a deployment cannot be without, in one transaction; what exists is left as it is.

    Twice, or from several processes at once: one of them makes it, the others find it. Dies midway: nothing
    was made.

    Raises:
        BootstrapError: ACRCTL_TENANT_ID or ACRCTL_SUBSCRIPTION_ID differs from what was decided before.
    """
    with database.write() as tx:
        tenant = _decided(tx, facts.TENANT, settings.tenant_id, ids)
        subscription = _decided(tx, facts.SUBSCRIPTION, settings.subscription_id, ids)
        made = _Maker(tx, clock.now(), OWNER_NAME)
        made.resource(
            Scope(f"/subscriptions/{subscription}", subscription, None, SUBSCRIPTION_TYPE, subscription),
            {"displayName": SUBSCRIPTION_NAME, "state": "Enabled"},
        )
        group = parse_scope(f"/subscriptions/{subscription}/resourceGroups/{settings.default_group}")
        secret = None
        if facts.get(tx, facts.OWNER) is None:
            made.resource(group, {}, location=settings.location)
            secret = _owner_secret(tx, clock, ids, Directory(database, vault, clock, ids))
        return _result(tx, tenant, subscription, settings.default_group, secret)


def new_owner_secret(
    database: Database, settings: Settings, clock: Clock, ids: Ids, vault: Vault
) -> BootstrapResult:
    """Give the owner a new secret, for an operator who lost the old one; every older one stops working.

    An owner that was deleted, disabled or stripped of its role is put back.

    Raises:
        BootstrapError: the deployment has not been started yet.
    """
    with database.write() as tx:
        tenant, subscription = facts.get(tx, facts.TENANT), facts.get(tx, facts.SUBSCRIPTION)
        if tenant is None or subscription is None:
            raise BootstrapError("this database has no owner yet; start the service first")
        secret = _owner_secret(tx, clock, ids, Directory(database, vault, clock, ids))
        return _result(tx, tenant, subscription, settings.default_group, secret)


def _decided(tx: Transaction, name: str, wanted: str | None, ids: Ids) -> str:
    value = facts.set_default(tx, name, (wanted or ids.uuid()).lower())
    if wanted is not None and wanted.lower() != value:
        raise BootstrapError(
            f"ACRCTL_{name.upper()}_ID is {wanted}, but this database was made with {value}; unset it"
        )
    return value


def _result(
    tx: Transaction, tenant: str, subscription: str, group: str, secret: str | None
) -> BootstrapResult:
    app_id = facts.get(tx, facts.OWNER) or ""
    principal = identity.principal(tx, app_id=app_id)
    return BootstrapResult(
        tenant, subscription, group, app_id, "" if principal is None else principal.id, secret
    )


def _owner_secret(tx: Transaction, clock: Clock, ids: Ids, directory: Directory) -> str:
    """Put the owner in place as far as it is not, take its secrets away and make one."""
    now = clock.now()
    application = _owner_application(tx, now, ids)
    principal = _owner_principal(tx, now, ids, application)
    if role_assignments.find(tx, ROOT.key, principal.id, OWNER_ROLE) is None:
        _assign_owner(tx, now, ids, principal)
    for row in identity.secrets_of(tx, application.id):
        identity.delete_secret(tx, application.id, row.key_id)
    stamps.bump(tx, stamps.IDENTITY)
    return directory.add_secret_in(tx, application.id, "owner", now, now + DEFAULT_SECRET_LIFE).text


def _owner_application(tx: Transaction, now: datetime, ids: Ids) -> ApplicationRow:
    app_id = facts.set_default(tx, facts.OWNER, ids.uuid())
    known = identity.application(tx, app_id=app_id)
    if known is not None:
        return known
    row = ApplicationRow(ids.uuid(), app_id, OWNER_NAME, now)
    identity.add_application(tx, row)
    return row


def _owner_principal(
    tx: Transaction, now: datetime, ids: Ids, application: ApplicationRow
) -> ServicePrincipalRow:
    known = identity.principal(tx, app_id=application.app_id)
    if known is not None:
        identity.update_principal(tx, known.id, enabled=True)
        return known
    row = ServicePrincipalRow(
        ids.uuid(), application.app_id, identity.APPLICATION, None, OWNER_NAME, enabled=True, created_at=now
    )
    identity.add_principal(tx, row)
    return row


def _assign_owner(tx: Transaction, now: datetime, ids: Ids, principal: ServicePrincipalRow) -> None:
    """Assign Owner at the root scope: as a resource, and for the evaluator."""
    name = ids.uuid()
    scope = Scope(f"/providers/{ASSIGNMENT_TYPE}/{name}", None, None, ASSIGNMENT_TYPE, name)
    properties = {
        "roleDefinitionId": f"/providers/{DEFINITION_TYPE}/{OWNER_ROLE}",
        "principalId": principal.id,
        "principalType": PrincipalType.SERVICE_PRINCIPAL.value,
    }
    _Maker(tx, now, OWNER_NAME).resource(scope, properties)
    role_assignments.add(
        tx,
        AssignmentRow(
            scope.key, ROOT.key, principal.id, PrincipalType.SERVICE_PRINCIPAL.value, OWNER_ROLE, None
        ),
    )


@dataclass(frozen=True, slots=True)
class _Maker:
    """Writes resources that no request asked for."""

    tx: Transaction
    now: datetime
    author: str

    def resource(self, scope: Scope, properties: Mapping[str, Any], location: str | None = None) -> None:
        if resources.get(self.tx, scope.key) is not None:
            return
        moment = rfc3339(self.now)
        parent = scope.parent or ROOT
        row = ResourceRow(
            key=scope.key,
            id=scope.id,
            type=scope.type.lower(),
            name=scope.name,
            parent_key=parent.key,
            subscription=scope.subscription,
            group_key=parent.key if parent.group is not None else None,
            location=location,
            tags=None,
            members={},
            properties=properties,
            provisioning_state=ProvisioningState.SUCCEEDED,
            version=1,
            system_data={
                "createdBy": self.author, "createdByType": "Application", "createdAt": moment,
                "lastModifiedBy": self.author, "lastModifiedByType": "Application", "lastModifiedAt": moment,
            },
            created_at=self.now,
        )  # fmt: skip
        resources.insert(self.tx, row)
