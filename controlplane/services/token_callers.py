"""Registry tokens as callers of the distribution plane: who signs in with one, and what its scope map allows.

Nothing is cached: rights are looked up when a token is minted, and again when the registry's stamp has moved.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from controlplane.domain.registry_errors import CREDENTIAL_REFUSED
from controlplane.domain.scope_maps import SYSTEM_MAPS, ScopeMap
from controlplane.kernel.errors import Failure
from controlplane.persistence import tokens
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.tokens import PasswordRow
from controlplane.services.token_credentials import TokenPasswords

_NO_RIGHTS = ScopeMap({}, {})


class TokenSignIn(NamedTuple):
    """Which password of which token was presented: the token's name in lower case, the password's lookup."""

    name: str
    lookup: str


class TokenCallers:
    """Checks passwords of tokens and evaluates scope maps. Safe to share between threads."""

    def __init__(self, database: Database, passwords: TokenPasswords) -> None:
        self._database = database
        self._passwords = passwords

    def sign_in(self, registry_id: int, username: str, password: str) -> TokenSignIn:
        """Return what a token's name and one of its passwords stand for.

        Raises:
            Failure: CREDENTIAL_REFUSED. That the password has expired, or the token is disabled, is told only
                to who has it.
        """
        name = username.lower()
        with self._database.read() as tx:
            token = tokens.find(tx, registry_id, name)
            rows = () if token is None else tokens.passwords(tx, token.key)
        row = self._passwords.match(rows, password)
        if token is None or row is None:
            raise Failure(CREDENTIAL_REFUSED, reason="the user name or password is wrong")
        if not row.valid_at(self._passwords.clock.now()):
            raise Failure(CREDENTIAL_REFUSED, reason="the password has expired")
        if not token.enabled:
            raise Failure(CREDENTIAL_REFUSED, reason="the token is disabled")
        return TokenSignIn(name, row.lookup)

    def holds(self, registry_id: int, who: TokenSignIn) -> bool:
        """Tell whether a token is still there and enabled, and the password still counts."""
        with self._database.read() as tx:
            return self._good(tx, registry_id, who) is not None

    def ends_at(self, registry_id: int, who: TokenSignIn) -> datetime | None:
        """Return when the password expires, None for never."""
        with self._database.read() as tx:
            row = self._good(tx, registry_id, who)
        return None if row is None else row.expires_at

    def scope_map(self, registry_id: int, who: TokenSignIn) -> ScopeMap:
        """Return what a token may do; nothing, once it is no good any more."""
        with self._database.read() as tx:
            token = tokens.find(tx, registry_id, who.name)
            if token is None or token.scope_map_key is None or not self._good(tx, registry_id, who):
                return _NO_RIGHTS
            system = SYSTEM_MAPS.get(token.scope_map_key.rpartition("/")[2])
            actions = tokens.scope_map(tx, token.scope_map_key) if system is None else system.actions
        return ScopeMap.of(actions)

    def _good(self, tx: Transaction, registry_id: int, who: TokenSignIn) -> PasswordRow | None:
        token = tokens.find(tx, registry_id, who.name)
        if token is None or not token.enabled:
            return None
        now = self._passwords.clock.now()
        rows = tokens.passwords(tx, token.key)
        return next((row for row in rows if row.lookup == who.lookup and row.valid_at(now)), None)
