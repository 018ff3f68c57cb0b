"""Who calls the distribution plane, and what that caller may do with a registry's content.

Five kinds of credentials: the registry's admin user (either password), one of the registry's tokens with a
password, a service principal with its secret, a service principal known by an Entra access token, and nobody
at all where anonymous pull is on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from controlplane.domain.principals import Principal
from controlplane.domain.registry_errors import CREDENTIAL_REFUSED
from controlplane.domain.registry_scopes import ADMIN_RIGHTS, ANONYMOUS_RIGHTS, Right
from controlplane.domain.scopes import parse_scope
from controlplane.domain.visibility import ALL_NAMES, EVERYTHING, NOTHING, Visible
from controlplane.kernel.errors import Failure
from controlplane.persistence import identity, registries
from controlplane.persistence.database import Database
from controlplane.persistence.hot import RegistryView
from controlplane.services.access import Access
from controlplane.services.audiences import MANAGEMENT, REGISTRY
from controlplane.services.authentication import CREDENTIAL_CLAIM, Authentication, SignIn
from controlplane.services.issuer import ENTRA, Issuer
from controlplane.services.registry_credentials import AdminUser
from controlplane.services.token_callers import TokenCallers, TokenSignIn
from controlplane.services.token_rules import is_client_id


class CredentialKind(StrEnum):
    """What a caller can be known by."""

    ADMIN = "admin"
    TOKEN = "token"  # noqa: S105 - a kind
    PRINCIPAL = "principal"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a token rests on, as its ``cred`` claim spells it.

    ``name`` is the password's name, the token's name or the principal's object id; ``proof`` the password's
    version, the lookup of the token's password, or the key id of the principal's secret (empty when it has
    none).
    """

    kind: CredentialKind
    name: str = ""
    proof: str = ""

    @property
    def identity(self) -> str:
        """Who it is: all passwords of one user are one caller, and so is everybody without a name."""
        if self.kind is CredentialKind.TOKEN:
            return f"{self.kind}:{self.name}"
        return self.name if self.kind is CredentialKind.PRINCIPAL else self.kind.value

    @property
    def token(self) -> TokenSignIn:
        """What the credential of a token says."""
        return TokenSignIn(self.name, self.proof)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}/{self.proof}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a ``cred`` claim; None when it is of another version of this service."""
        kind, _, rest = text.partition("/")
        name, _, proof = rest.partition("/")
        known = {member.value: member for member in CredentialKind}
        return cls(known[kind], name, proof) if kind in known else None


ANONYMOUS = Credential(CredentialKind.ANONYMOUS)
_SHOWN_TO = frozenset({Right.CATALOG.value, Right.METADATA_READ.value})


class RegistryCallers:
    """Checks credentials and evaluates rights. Safe to share between threads."""

    def __init__(  # noqa: PLR0913 - the kinds of callers
        self,
        database: Database,
        authentication: Authentication,
        access: Access,
        issuer: Issuer,
        admin_user: AdminUser,
        *,
        tokens: TokenCallers,
    ) -> None:
        self._database = database
        self._authentication = authentication
        self._access = access
        self._issuer = issuer
        self._admin_user = admin_user
        self._tokens = tokens

    def password(self, registry: RegistryView, username: str, password: str) -> Credential:
        """Return the credential that a user name and a password are.

        The name is the registry's, for its admin user, a client id, or that of a token; a token is never
        called like one of the others.

        Raises:
            Failure: CREDENTIAL_REFUSED. Beside wrong names and passwords, which are not told apart, only that
                the admin user is disabled is told to everybody.
        """
        if username.lower() == registry.name:
            return self._admin(registry, password)
        if not is_client_id(username):
            found_token = self._tokens.sign_in(registry.id, username, password)
            return Credential(CredentialKind.TOKEN, found_token.name, found_token.lookup)
        found = self._authentication.sign_in(username, password)
        if not isinstance(found, SignIn):
            raise Failure(CREDENTIAL_REFUSED, reason="the user name or password is wrong")
        return Credential(CredentialKind.PRINCIPAL, found.principal.object_id, found.key_id)

    def _admin(self, registry: RegistryView, password: str) -> Credential:
        if not registry.admin_enabled:
            raise Failure(CREDENTIAL_REFUSED, reason="the admin user is disabled")
        with self._database.read() as tx:
            rows = registries.admin_passwords(tx, registry.id)
        row = self._admin_user.match(rows, password)
        if row is None:
            raise Failure(CREDENTIAL_REFUSED, reason="the user name or password is wrong")
        return Credential(CredentialKind.ADMIN, row.name, str(row.version))

    def entra(self, registry: RegistryView, token: str) -> Credential:
        """Return the credential that an Entra access token is.

        A token meant for the management API counts only where the registry's policy accepts it.

        Raises:
            Failure: CREDENTIAL_REFUSED.
        """
        accepted = {REGISTRY, MANAGEMENT} if registry.arm_tokens_accepted else {REGISTRY}
        try:
            principal = self._authentication.bearer(token, frozenset(accepted))
            claims = self._issuer.verify(ENTRA, token)
        except Failure as error:
            raise Failure(CREDENTIAL_REFUSED, reason=error.message) from error
        proof = claims.get(CREDENTIAL_CLAIM) or ""
        return Credential(CredentialKind.PRINCIPAL, principal.object_id, str(proof))

    def is_open(self, registry: RegistryView, credential: Credential) -> bool:
        """Tell whether the registry takes this kind of credential at all, from what was read of it."""
        if credential.kind is CredentialKind.ADMIN:
            return bool(registry.admin_enabled)
        if credential.kind is CredentialKind.ANONYMOUS:
            return bool(registry.anonymous_pull)
        return True

    def holds(self, registry: RegistryView, credential: Credential) -> bool:
        """Tell whether a credential is still good."""
        if not self.is_open(registry, credential):
            return False
        if credential.kind is CredentialKind.ADMIN:
            with self._database.read() as tx:
                rows = registries.admin_passwords(tx, registry.id)
            return any((row.name, str(row.version)) == (credential.name, credential.proof) for row in rows)
        if credential.kind is CredentialKind.TOKEN:
            return self._tokens.holds(registry.id, credential.token)
        if credential.kind is CredentialKind.PRINCIPAL:
            return self._principal(credential) is not None
        return True

    def ends_at(self, registry: RegistryView, credential: Credential) -> datetime | None:
        """Return when the password or secret behind a credential expires, None for never."""
        if credential.kind is CredentialKind.TOKEN:
            return self._tokens.ends_at(registry.id, credential.token)
        if credential.kind is not CredentialKind.PRINCIPAL or not credential.proof:
            return None
        with self._database.read() as tx:
            secret = identity.secret(tx, credential.proof)
        return None if secret is None else secret.expires_at

    def rights(
        self, registry: RegistryView, credential: Credential, repository: str | None
    ) -> frozenset[str]:
        """Return the rights a good credential has on a repository, or on the registry (None).

        ``metadata_read`` on the registry without ``catalog`` is the right to list those repositories that
        ``visible`` says.
        """
        if not self.is_open(registry, credential):
            return frozenset()
        if credential.kind is CredentialKind.ADMIN:
            return ADMIN_RIGHTS
        if credential.kind is CredentialKind.ANONYMOUS:
            return frozenset() if repository is None else ANONYMOUS_RIGHTS
        if credential.kind is CredentialKind.TOKEN:
            scope_map = self._tokens.scope_map(registry.id, credential.token)
            return scope_map.registry_rights() if repository is None else scope_map.rights(repository)
        principal = self._principal(credential)
        if principal is None:
            return frozenset()
        scope, mode = parse_scope(registry.key), registry.role_assignment_mode
        with self._database.read() as tx:
            found = self._access.registry_actions(tx, principal, scope, mode, repository)
            if repository is None and self._access.reads_somewhere(tx, principal, scope, mode):
                found |= {Right.METADATA_READ.value}
        return found

    def visible(self, registry: RegistryView, credential: Credential) -> Visible:
        """Return which repositories a good credential lets see in the catalog."""
        if credential.kind is CredentialKind.TOKEN:
            return self._tokens.scope_map(registry.id, credential.token).visible()
        if Right.CATALOG in self.rights(registry, credential, None):
            return EVERYTHING
        if credential.kind is not CredentialKind.PRINCIPAL:
            return NOTHING
        principal = self._principal(credential)
        if principal is None:
            return NOTHING
        scope, mode = parse_scope(registry.key), registry.role_assignment_mode
        with self._database.read() as tx:
            rights = self._access.registry_rights(tx, principal, scope, mode)
        return Visible((ALL_NAMES,), lambda name: not _SHOWN_TO.isdisjoint(rights(name)))

    def _principal(self, credential: Credential) -> Principal | None:
        return self._authentication.principal(credential.name, credential.proof or None)
