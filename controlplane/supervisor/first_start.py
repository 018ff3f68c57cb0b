"""Everything that must be true before the first process starts. Each step may be done again at any time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from controlplane.kernel.clock import Clock
from controlplane.kernel.ids import Ids
from controlplane.persistence import schema
from controlplane.persistence.database import Database
from controlplane.services.bootstrap import (
    SUBSCRIPTION_NAME,
    BootstrapError,
    BootstrapResult,
    bootstrap,
    new_owner_secret,
)
from controlplane.services.vault import VaultError, ensure_key_file
from controlplane.settings.model import Settings
from controlplane.supervisor import certificates, profile, sockets
from controlplane.supervisor.errors import StartError
from controlplane.supervisor.places import Places

# Processes of a supervisor that was killed end themselves within this time.
_LEFTOVERS_END = 7.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the start decided. ``secret`` is set only when it was made now; ``why`` says why it was."""

    access: profile.Access
    profile_file: Path
    current_profile: str
    secret: str | None = field(repr=False)
    why: str


def check_port(settings: Settings) -> None:
    """Make sure that the TLS port can be opened.

    Raises:
        StartError: it is taken; the message names the port, its holder where known, and the setting.
    """
    if settings.port == 0:
        raise StartError("ACRCTL_PORT is 0, which names no port.", "Set ACRCTL_PORT to a free port.")
    patience = _LEFTOVERS_END if Places(settings.state_dir.resolve()).report.exists() else 0.0
    deadline = time.monotonic() + patience
    while not sockets.is_free(settings.host, settings.port):
        if time.monotonic() < deadline:
            time.sleep(0.1)
            continue
        holder = sockets.holder(settings.port) or "another process"
        raise StartError(
            f"Port {settings.port} on {settings.host} is taken by {holder}.",
            "Stop it, or set ACRCTL_PORT to a free port and try again.",
        )


def prepare(settings: Settings, database: Database, clock: Clock, ids: Ids) -> Prepared:
    """Bring folders, schema, certificates, owner and profile into being where they are missing.

    Raises:
        StartError: the master key does not fit, or the profile file cannot be read.
    """
    Places(settings.state_dir.resolve()).make()
    schema.upgrade(database)
    files = certificates.ensure(settings, clock.now())
    file = profile.path()
    try:
        vault = ensure_key_file(settings)
        result = bootstrap(database, settings, clock, ids, vault)
        access = _access(settings, result, files.authority)
        why = "made at this first start"
        if result.secret is None and not profile.has_secret(file, access):
            result = new_owner_secret(database, settings, clock, ids, vault)
            why = f"a new one, because {file} had none for this service; older ones no longer work"
    except VaultError as error:
        raise StartError(f"The master key cannot be used: {error}.", "Check ACRCTL_MASTER_KEY.") from error
    except BootstrapError as error:
        raise StartError(f"{error}.") from error
    current = profile.write(file, access, result.secret, {"group": settings.default_group})
    return Prepared(access, file, current, result.secret, why)


def _access(settings: Settings, result: BootstrapResult, authority: Path | None) -> profile.Access:
    return profile.Access(
        endpoint=settings.public_url,
        tenant_id=result.tenant_id,
        client_id=result.app_id,
        subscription_id=result.subscription_id,
        subscription_name=SUBSCRIPTION_NAME,
        ca_file=None if authority is None else str(authority),
    )
