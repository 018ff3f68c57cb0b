"""Credential sets: the user of an upstream, by identifiers of secrets, and whether it can be used."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from controlplane.persistence import resources
from controlplane.persistence.database import Database
from controlplane.services.secrets import SecretMissingError, read_secret
from controlplane.services.upstream import Login
from controlplane.settings.model import Settings

_KEPT_SECONDS = 30.0  # how long a secret that was changed is still used


class CredentialSets:
    """Reads the credentials that credential sets name. Safe to share between threads."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._known: dict[str, tuple[float, Login]] = {}

    def login(self, key: str) -> Login:
        """Return the user that the credential set of a resource key is.

        Raises:
            SecretMissingError: the set, or one of its secrets, is not there.
        """
        until, login = self._known.get(key, (0.0, None))
        if login is not None and until > time.monotonic():
            return login
        with self._database.read() as tx:
            row = resources.get(tx, key)
        if row is None:
            raise SecretMissingError("the credential set is gone")
        login = self.read(row.properties["authCredentials"][0])
        self._known[key] = (time.monotonic() + _KEPT_SECONDS, login)
        return login

    def read(self, credential: Mapping[str, Any]) -> Login:
        """Return the user that a pair of identifiers is.

        Raises:
            SecretMissingError: one of the secrets is not there.
        """
        name = read_secret(self._settings, credential["usernameSecretIdentifier"])
        return Login(name, read_secret(self._settings, credential["passwordSecretIdentifier"]))

    def health(self, credential: Mapping[str, Any]) -> dict[str, str]:
        """Tell whether the secrets of a pair are there."""
        try:
            self.read(credential)
        except SecretMissingError as error:
            return {"status": "Unhealthy", "errorCode": "SecretNotFound", "errorMessage": str(error)}
        return {"status": "Healthy"}
