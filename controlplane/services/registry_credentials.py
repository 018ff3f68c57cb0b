"""The admin user of a registry: one name, two passwords, so that one can be renewed while the other is used.

The user is called as the registry. Passwords are random, sealed by the vault because they must be shown
again, and recognised by their prefix where they leak. A renewal lets the registry's stamp grow, so that the
old password stops working on the next request.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from controlplane.kernel.clock import Clock
from controlplane.kernel.ids import Ids
from controlplane.persistence import registries
from controlplane.persistence.database import Transaction
from controlplane.persistence.registries import AdminPasswordRow
from controlplane.services.vault import Vault

PREFIX = "acrpwd_"
_BYTES = 32


class PasswordName(StrEnum):
    """The admin user's passwords, as the wire spells them."""

    FIRST = "password"
    SECOND = "password2"


@dataclass(frozen=True, slots=True)
class AdminPassword:
    """One password in the clear, for the one answer that shows it."""

    name: str
    value: str

    def __repr__(self) -> str:
        """Name the password without telling it."""
        return f"AdminPassword({self.name})"


@dataclass(frozen=True, slots=True)
class AdminUser:
    """What can be done about a registry's admin passwords. Safe to share between threads.

    Raises, wherever a password is opened:
        VaultError: the master key it was sealed with is gone.
    """

    vault: Vault
    ids: Ids
    clock: Clock

    def create(self, tx: Transaction, registry_id: int) -> None:
        """Give a new registry both passwords; they count once its admin user is enabled."""
        for name in PasswordName:
            self._put(tx, registry_id, name)

    def show(self, tx: Transaction, registry_id: int) -> list[AdminPassword]:
        """Return both passwords in the clear."""
        rows = registries.admin_passwords(tx, registry_id)
        return [AdminPassword(row.name, self.vault.open(row.value)) for row in rows]

    def renew(self, tx: Transaction, registry_id: int, name: PasswordName) -> None:
        """Replace one password; whoever uses it is refused from the next request on."""
        self._put(tx, registry_id, name)
        registries.bump_stamp(tx, registry_id)

    def match(self, rows: Sequence[AdminPasswordRow], password: str) -> AdminPasswordRow | None:
        """Return the row a presented password belongs to; every row is compared, in constant time."""
        given = password.encode()
        hits = [row for row in rows if hmac.compare_digest(self.vault.open(row.value).encode(), given)]
        return hits[0] if hits else None

    def _put(self, tx: Transaction, registry_id: int, name: PasswordName) -> None:
        sealed = self.vault.seal(PREFIX + self.ids.token(_BYTES))
        registries.put_admin_password(tx, registry_id, name.value, sealed, self.clock.now())
