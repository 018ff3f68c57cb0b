"""Profiles: which service, as whom, with which subscription and defaults.

`profiles.json` in the configuration folder holds ``{"current": NAME, "profiles": {NAME: {…}}}``. The
service's first start writes the same file. Environment variables win over it, so that a pipeline needs
no file at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cli.errors import LoginNeededError, NotFoundError
from cli.files import config_dir, read_json, write_json

LOGIN_HINT = (
    "Start the service on this machine (it writes a profile), or run: "
    "acrctl login --service-principal -u APP_ID -p SECRET --tenant TENANT --endpoint https://HOST:8443"
)
_WIRE = {
    "endpoint": "endpoint",
    "tenant_id": "tenantId",
    "client_id": "clientId",
    "client_secret": "clientSecret",
    "ca_file": "caFile",
    "subscription_id": "subscriptionId",
    "subscription_name": "subscriptionName",
}
_ENVIRONMENT = {
    "endpoint": "ACRCTL_ENDPOINT",
    "tenant_id": "ACRCTL_TENANT_ID",
    "client_id": "ACRCTL_CLIENT_ID",
    "client_secret": "ACRCTL_CLIENT_SECRET",
    "ca_file": "ACRCTL_CA_FILE",
    "subscription_id": "ACRCTL_SUBSCRIPTION_ID",
}
DEFAULT_KEYS = ("group", "location", "acr")


@dataclass(frozen=True, slots=True)
class Profile:
    """One service and one identity at it. Empty texts mean: not known."""

    name: str
    endpoint: str = ""
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    ca_file: str = ""
    subscription_id: str = ""
    subscription_name: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str, stored: Mapping[str, Any]) -> Profile:
        """Make a profile of its stored form; members it does not know are left alone."""
        known = {attribute: str(stored.get(wire) or "") for attribute, wire in _WIRE.items()}
        known["endpoint"] = known["endpoint"].rstrip("/")
        return cls(name, **known, defaults=dict(stored.get("defaults") or {}))

    def stored(self) -> dict[str, Any]:
        """Return the stored form."""
        members: dict[str, Any] = {wire: getattr(self, attribute) for attribute, wire in _WIRE.items()}
        return members | {"defaults": dict(self.defaults)}


class ProfileStore:
    """The file of profiles."""

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or config_dir()) / "profiles.json"
        self._content = read_json(self.path)

    @property
    def current(self) -> str:
        """Name of the current profile."""
        return str(self._content.get("current") or "default")

    @property
    def names(self) -> list[str]:
        """Names of all profiles, sorted."""
        return sorted(self._content.get("profiles") or {})

    def get(self, name: str) -> Profile | None:
        """Return one profile, or None."""
        stored = (self._content.get("profiles") or {}).get(name)
        return Profile.read(name, stored) if isinstance(stored, dict) else None

    def require(self, name: str) -> Profile:
        """Return one profile; NotFoundError when there is none of that name."""
        found = self.get(name)
        if found is None:
            known = f"Known profiles: {', '.join(self.names)}." if self.names else LOGIN_HINT
            raise NotFoundError(f"There is no profile '{name}'.", hint=known)
        return found

    def save(self, profile: Profile, *, make_current: bool = False) -> None:
        """Add or replace a profile; members of it that others keep in the file survive."""
        profiles = self._content.setdefault("profiles", {})
        profiles[profile.name] = {**profiles.get(profile.name, {}), **profile.stored()}
        if make_current or not self._content.get("current"):
            self._content["current"] = profile.name
        self._write()

    def use(self, name: str) -> None:
        """Make a profile the current one."""
        self._content["current"] = self.require(name).name
        self._write()

    def delete(self, name: str) -> None:
        """Remove a profile; another one becomes current if it was."""
        del self._content["profiles"][self.require(name).name]
        if self.current == name:
            self._content["current"] = self.names[0] if self.names else ""
        self._write()

    def _write(self) -> None:
        write_json(self.path, self._content)


def resolve(store: ProfileStore, wanted: str | None = None) -> Profile:
    """Return the profile a command uses: the named or current one, changed by the environment.

    Raises NotFoundError for an unknown name; an unknown current one is an empty profile.
    """
    name = wanted or os.environ.get("ACRCTL_PROFILE")
    profile = store.require(name) if name else store.get(store.current) or Profile(store.current)
    given = {attribute: os.environ[key] for attribute, key in _ENVIRONMENT.items() if os.environ.get(key)}
    if "endpoint" in given:
        given["endpoint"] = given["endpoint"].rstrip("/")
    defaults = dict(profile.defaults) | {
        key: os.environ[f"ACRCTL_DEFAULTS_{key.upper()}"]
        for key in DEFAULT_KEYS
        if os.environ.get(f"ACRCTL_DEFAULTS_{key.upper()}")
    }
    return replace(profile, **given, defaults=defaults)


def require_login(profile: Profile) -> Profile:
    """Return the profile if it can log in; LoginNeededError otherwise."""
    needed = (profile.endpoint, profile.tenant_id, profile.client_id, profile.client_secret)
    if not all(needed):
        raise LoginNeededError(f"Profile '{profile.name}' is not logged in.", hint=LOGIN_HINT)
    return profile
