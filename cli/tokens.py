"""Access tokens: asked from the token service with the profile's secret, kept until they expire.

`token.json` in the configuration folder holds tokens by identity and scope, mode 0600. A secret that was
changed at the service is noticed when a token expires or is refused, whichever comes first.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

from cli.errors import CommandError, LoginNeededError
from cli.files import config_dir, read_json, write_json
from cli.profiles import LOGIN_HINT, Profile, require_login

if TYPE_CHECKING:
    from cli.http import Http

MARGIN_SECONDS = 120
REGISTRY_SCOPE = "https://containerregistry.azure.net/.default"


class Tokens:
    """Tokens of one profile. ``http`` is called for only when a token must be fetched."""

    def __init__(self, profile: Profile, http: Http) -> None:
        self._profile = profile
        self._http = http
        self._path = config_dir() / "token.json"

    @property
    def arm_scope(self) -> str:
        """The scope of the management API."""
        return f"{self._profile.endpoint}/.default"

    def get(self, scope: str = "", *, fresh: bool = False) -> dict[str, Any]:
        """Return ``{"accessToken", "expiresOn"}`` (epoch seconds) for a scope, the API's by default.

        ``fresh`` skips the cache, after a refusal. Raises LoginNeededError when the service refuses.
        """
        scope = scope or self.arm_scope
        require_login(self._profile)
        kept = {} if fresh else self._read().get(self._key(), {}).get(scope, {})
        if kept and kept["expiresOn"] - MARGIN_SECONDS > time.time():
            return dict(kept)
        entry = self._fetch(scope)
        self._keep(scope, entry)
        return entry

    def forget(self) -> None:
        """Drop the tokens of this identity."""
        content = self._read()
        if content.pop(self._key(), None) is not None:
            write_json(self._path, content)

    def _fetch(self, scope: str) -> dict[str, Any]:
        answer = self._http.send(
            "POST",
            f"{self._profile.endpoint}/{self._profile.tenant_id}/oauth2/v2.0/token",
            form={
                "grant_type": "client_credentials",
                "client_id": self._profile.client_id,
                "client_secret": self._profile.client_secret,
                "scope": scope,
            },
        )
        try:
            body = answer.json()
        except ValueError:
            body = {}
        if "access_token" in body:
            lifetime = int(body.get("expires_in", 0))
            return {"accessToken": body["access_token"], "expiresOn": int(time.time()) + lifetime}
        if answer.status_code in (400, 401, 403):
            reason = str(body.get("error_description") or body.get("error") or "no reason given")
            raise LoginNeededError(f"The token service refused: {reason.splitlines()[0]}", hint=LOGIN_HINT)
        raise CommandError(f"The token service answered {answer.status_code} without a token.")

    def _key(self) -> str:
        parts = (self._profile.endpoint, self._profile.tenant_id, self._profile.client_id)
        return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]

    def _read(self) -> dict[str, Any]:
        try:
            return read_json(self._path)
        except CommandError:
            return {}  # a cache that cannot be read is no cache

    def _keep(self, scope: str, entry: dict[str, Any]) -> None:
        content, now = self._read(), time.time()
        live = {
            identity: {s: e for s, e in entries.items() if e["expiresOn"] > now}
            for identity, entries in content.items()
        }
        live.setdefault(self._key(), {})[scope] = entry
        write_json(self._path, {identity: entries for identity, entries in live.items() if entries})
