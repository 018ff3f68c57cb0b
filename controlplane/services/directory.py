"""The directory: applications, their secrets, service principals, and managed identities of resources.

Every change bumps the identity stamp in its own transaction, so that it acts on the next request of every
process. A secret is returned once, by the call that makes it; what is stored is a keyed hash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.domain.principals import PrincipalType
from controlplane.domain.secrets import new_secret
from controlplane.kernel.catalogue import DIRECTORY_TAKEN
from controlplane.kernel.clock import Clock
from controlplane.kernel.errors import Failure
from controlplane.kernel.ids import Ids
from controlplane.persistence import facts, identity, stamps
from controlplane.persistence.database import Database, Transaction, UniqueViolationError
from controlplane.persistence.identity import ApplicationRow, Match, SecretRow, ServicePrincipalRow
from controlplane.services.directory_checks import bad, checked_name, found, missing
from controlplane.services.vault import Vault

MAX_SECRETS = 20  # of one application
DEFAULT_SECRET_LIFE = timedelta(days=2 * 365)  # Graph's


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret just made: ``text`` is shown once."""

    row: SecretRow
    text: str

    def __repr__(self) -> str:
        """Name the secret without telling it."""
        return f"NewSecret({self.row.key_id})"


class Directory:
    """The directory of one tenant. Safe to share between threads.

    Functions that take ``tx`` run in the caller's transaction; the others make their own.
    """

    def __init__(self, database: Database, vault: Vault, clock: Clock, ids: Ids) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._ids = ids
        self._tenant: str | None = None

    def tenant_id(self) -> str:
        """Return the directory's id, decided at first start.

        Raises:
            LookupError: the database has not been started on yet.
        """
        if self._tenant is None:
            with self._database.read() as tx:
                self._tenant = facts.get(tx, facts.TENANT)
        if self._tenant is None:
            raise LookupError("the directory has no id yet; run `controlplane up` or bootstrap first")
        return self._tenant

    # --- applications and secrets

    def applications(self, match: Match, limit: int) -> Sequence[ApplicationRow]:
        """List applications by display name."""
        with self._database.read() as tx:
            return identity.list_applications(tx, match, limit)

    def application(self, *, object_id: str | None = None, app_id: str | None = None) -> ApplicationRow:
        """Return one application.

        Raises:
            Failure: DIRECTORY_NOT_FOUND.
        """
        with self._database.read() as tx:
            return found(identity.application(tx, object_id=object_id, app_id=app_id), object_id or app_id)

    def secrets_of(self, app_ids: Sequence[str]) -> Mapping[str, Sequence[SecretRow]]:
        """Return the secrets of applications by client id; those without any are left out."""
        with self._database.read() as tx:
            return identity.secrets_by_app_id(tx, app_ids)

    def create_application(self, display_name: str) -> ApplicationRow:
        """Register an application under a new client id.

        Raises:
            Failure: DIRECTORY_BAD_REQUEST for a name that is empty or too long.
        """
        row = ApplicationRow(
            id=self._ids.uuid(),
            app_id=self._ids.uuid(),
            display_name=checked_name(display_name),
            created_at=self._clock.now(),
        )
        with self._database.write() as tx:
            identity.add_application(tx, row)
            stamps.bump(tx, stamps.IDENTITY)
        return row

    def rename_application(self, object_id: str, display_name: str) -> None:
        """Change the display name of an application and of its service principal.

        Raises:
            Failure: DIRECTORY_NOT_FOUND, or DIRECTORY_BAD_REQUEST for a bad name.
        """
        name = checked_name(display_name)
        with self._database.write() as tx:
            row = found(identity.application(tx, object_id=object_id), object_id)
            identity.update_application(tx, object_id, display_name=name)
            principal = identity.principal(tx, app_id=row.app_id)
            if principal is not None:
                identity.update_principal(tx, principal.id, display_name=name)
            stamps.bump(tx, stamps.IDENTITY)

    def delete_application(self, object_id: str) -> None:
        """Remove an application, its secrets and its service principal.

        Raises:
            Failure: DIRECTORY_NOT_FOUND.
        """
        with self._database.write() as tx:
            row = found(identity.application(tx, object_id=object_id), object_id)
            principal = identity.principal(tx, app_id=row.app_id)
            if principal is not None:
                identity.delete_principal(tx, principal.id)
            identity.delete_application(tx, object_id)
            stamps.bump(tx, stamps.IDENTITY)

    def add_secret(
        self,
        application_id: str,
        display_name: str | None = None,
        starts_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> NewSecret:
        """Make a further secret for an application, valid for two years unless said otherwise.

        Raises:
            Failure: DIRECTORY_NOT_FOUND, or DIRECTORY_BAD_REQUEST for times that make no sense, a name that
                is too long, or too many secrets.
        """
        now = self._clock.now()
        begins = starts_at or now
        ends = expires_at or begins + DEFAULT_SECRET_LIFE
        if ends <= max(begins, now):
            raise bad("endDateTime must lie in the future and after startDateTime.")
        with self._database.write() as tx:
            return self.add_secret_in(tx, application_id, display_name, begins, ends)

    def add_secret_in(
        self,
        tx: Transaction,
        application_id: str,
        display_name: str | None,
        starts_at: datetime,
        expires_at: datetime,
    ) -> NewSecret:
        """Do what ``add_secret`` does, in the caller's transaction and with times already checked."""
        application = found(identity.application(tx, object_id=application_id), application_id)
        if len(identity.secrets_of(tx, application_id)) >= MAX_SECRETS:
            raise bad(f"The application has {MAX_SECRETS} secrets already; remove one first.")
        secret = new_secret(self._ids)
        row = SecretRow(
            key_id=self._ids.uuid(),
            application_id=application.id,
            display_name=None if display_name is None else checked_name(display_name),
            hint=secret.hint,
            lookup=secret.lookup,
            hash=self._vault.mac(secret.text),
            starts_at=starts_at,
            expires_at=expires_at,
        )
        identity.add_secret(tx, row)
        stamps.bump(tx, stamps.IDENTITY)
        return NewSecret(row, secret.text)

    def remove_secret(self, application_id: str, key_id: str) -> None:
        """Remove a secret; every token obtained with it stops working at once.

        Raises:
            Failure: DIRECTORY_NOT_FOUND for the application, DIRECTORY_BAD_REQUEST for the key id.
        """
        with self._database.write() as tx:
            found(identity.application(tx, object_id=application_id), application_id)
            if not identity.delete_secret(tx, application_id, key_id):
                raise bad("No password credential found with keyId.")
            stamps.bump(tx, stamps.IDENTITY)

    # --- service principals

    def principals(self, match: Match, limit: int) -> Sequence[ServicePrincipalRow]:
        """List service principals by display name."""
        with self._database.read() as tx:
            return identity.list_principals(tx, match, limit)

    def principal(self, *, object_id: str | None = None, app_id: str | None = None) -> ServicePrincipalRow:
        """Return one service principal.

        Raises:
            Failure: DIRECTORY_NOT_FOUND.
        """
        with self._database.read() as tx:
            return found(identity.principal(tx, object_id=object_id, app_id=app_id), object_id or app_id)

    def principal_type(self, tx: Transaction, object_id: str) -> PrincipalType | None:
        """Return the type of a principal, None when the directory has no such object."""
        known = identity.principal(tx, object_id=object_id)
        return None if known is None else PrincipalType.SERVICE_PRINCIPAL

    def create_principal(self, app_id: str, *, enabled: bool = True) -> ServicePrincipalRow:
        """Make the service principal of an application.

        Raises:
            Failure: DIRECTORY_BAD_REQUEST for an unknown application, DIRECTORY_TAKEN when it has one.
        """
        try:
            with self._database.write() as tx:
                application = identity.application(tx, app_id=app_id)
                if application is None:
                    raise bad(
                        f"The appId '{app_id}' of the service principal does not reference "
                        "a valid application object."
                    )
                row = ServicePrincipalRow(
                    id=self._ids.uuid(),
                    app_id=application.app_id,
                    kind=identity.APPLICATION,
                    resource_key=None,
                    display_name=application.display_name,
                    enabled=enabled,
                    created_at=self._clock.now(),
                )
                identity.add_principal(tx, row)
                stamps.bump(tx, stamps.IDENTITY)
        except UniqueViolationError:
            raise Failure(
                DIRECTORY_TAKEN,
                reason="The service principal cannot be created, updated, or restored because "
                f"the service principal name {app_id} is already in use.",
            ) from None
        return row

    def enable_principal(self, object_id: str, *, enabled: bool) -> None:
        """Let a service principal act, or stop it from acting at once.

        Raises:
            Failure: DIRECTORY_NOT_FOUND.
        """
        with self._database.write() as tx:
            if not identity.update_principal(tx, object_id, enabled=enabled):
                raise missing(object_id)
            stamps.bump(tx, stamps.IDENTITY)

    def delete_principal(self, object_id: str) -> None:
        """Remove the service principal of an application, which stays. Role assignments stay as well.

        Raises:
            Failure: DIRECTORY_NOT_FOUND, or DIRECTORY_BAD_REQUEST for the identity of a resource.
        """
        with self._database.write() as tx:
            row = found(identity.principal(tx, object_id=object_id), object_id)
            if row.kind != identity.APPLICATION:
                raise bad("A managed identity goes with its resource; remove it there.")
            identity.delete_principal(tx, object_id)
            stamps.bump(tx, stamps.IDENTITY)

    # --- managed identities

    def ensure_identity(self, tx: Transaction, resource_key: str, name: str) -> ServicePrincipalRow:
        """Return the system-assigned identity of a resource, made if it has none.

        ``resource_key`` is the resource's lower-cased id, ``name`` its name. Twice: the same identity.
        """
        known = identity.principal(tx, resource_key=resource_key)
        if known is not None:
            return known
        row = ServicePrincipalRow(
            id=self._ids.uuid(),
            app_id=self._ids.uuid(),
            kind=identity.MANAGED_IDENTITY,
            resource_key=resource_key,
            display_name=name,
            enabled=True,
            created_at=self._clock.now(),
        )
        identity.add_principal(tx, row)
        stamps.bump(tx, stamps.IDENTITY)
        return row

    def remove_identity(self, tx: Transaction, resource_key: str) -> None:
        """Remove the system-assigned identity of a resource; none is no error."""
        known = identity.principal(tx, resource_key=resource_key)
        if known is not None:
            identity.delete_principal(tx, known.id)
            stamps.bump(tx, stamps.IDENTITY)
