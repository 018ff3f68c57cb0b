"""The profile through which `acrctl` on this machine reaches the service it has just started.

The file is the command line's; this module writes one profile of it and leaves the others alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controlplane.supervisor.errors import StartError
from controlplane.supervisor.places import PRIVATE_FOLDER, write_file

NAME = "local"


@dataclass(frozen=True, slots=True)
class Access:
    """What the profile says, except the secret."""

    endpoint: str
    tenant_id: str
    client_id: str
    subscription_id: str
    subscription_name: str
    ca_file: str | None

    def members(self) -> dict[str, Any]:
        """Return the members as the file spells them."""
        return {
            "endpoint": self.endpoint,
            "tenantId": self.tenant_id,
            "clientId": self.client_id,
            "subscriptionId": self.subscription_id,
            "subscriptionName": self.subscription_name,
            "caFile": self.ca_file or "",
        }


def path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the command line keeps its profiles."""
    configured = environment.get("ACRCTL_CONFIG_DIR")
    return (Path(configured) if configured else Path.home() / ".acrctl") / "profiles.json"


def has_secret(file: Path, access: Access) -> bool:
    """Tell whether the profile holds a secret for this owner of this directory."""
    found = _profiles(_load(file)).get(NAME, {})
    same = found.get("tenantId") == access.tenant_id and found.get("clientId") == access.client_id
    return same and bool(found.get("clientSecret"))


def write(file: Path, access: Access, secret: str | None, defaults: Mapping[str, str]) -> str:
    """Write the profile and return the name of the one that is current afterwards.

    Without a secret the one in the file stays. Defaults fill gaps and replace nothing. The profile becomes
    the current one unless the user has chosen another.

    Raises:
        StartError: the file is not JSON; it is left as it is.
    """
    content = _load(file)
    profiles = content["profiles"] = _profiles(content)
    before = profiles.get(NAME, {})
    profile = {**before, **access.members(), "defaults": {**defaults, **(before.get("defaults") or {})}}
    if secret is not None:
        profile["clientSecret"] = secret
    profiles[NAME] = profile
    if content.get("current") not in profiles:
        content["current"] = NAME
    file.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    write_file(file, (json.dumps(content, indent=2) + "\n").encode())
    return str(content["current"])


def _load(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StartError(f"{file} does not hold JSON.", "Repair it or move it away.") from error
    return content if isinstance(content, dict) else {}


def _profiles(content: Mapping[str, Any]) -> dict[str, Any]:
    profiles = content.get("profiles")
    return dict(profiles) if isinstance(profiles, dict) else {}
