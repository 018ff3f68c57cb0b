"""`acrctl env`: settings that point az, the SDKs and other tools at the service."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from cli import trust
from cli.files import config_dir
from cli.profiles import Profile, require_login
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session

_METADATA = "/metadata/endpoints?api-version=2019-05-01"
_TRUST = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
_SETTERS: dict[str, Callable[[str, str], str]] = {
    "bash": lambda name, value: f"export {name}={shlex.quote(value)}",
    "fish": lambda name, value: f"set -gx {name} {_fish(value)}",
    "powershell": lambda name, value: f"$Env:{name} = '{_doubled(value)}'",
}
_UNSETTERS: dict[str, Callable[[str], str]] = {
    "bash": lambda name: f"unset {name}",
    "fish": lambda name: f"set -e {name}",
    "powershell": lambda name: f"Remove-Item Env:{name} -ErrorAction SilentlyContinue",
}


def _fish(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _doubled(value: str) -> str:
    return value.replace("'", "''")


def settings(profile: Profile) -> dict[str, str]:
    """Return the environment variables for a profile, writing the bundle of authorities they name.

    The configuration folder of az is one per profile: az keeps tokens by host name without port, so two
    services on one machine would otherwise read each other's.
    """
    files: dict[str, str] = {}
    bundle = trust.bundle(profile)
    if bundle:
        files = dict.fromkeys(_TRUST[:2], str(bundle)) | {_TRUST[2]: profile.ca_file}
    return files | {
        "ARM_CLOUD_METADATA_URL": profile.endpoint + _METADATA,
        "AZURE_AUTHORITY_HOST": profile.endpoint,
        "AZURE_CLIENT_ID": profile.client_id,
        "AZURE_CLIENT_SECRET": profile.client_secret,
        "AZURE_CONFIG_DIR": str(config_dir() / "azure" / profile.name),
        "AZURE_CORE_COLLECT_TELEMETRY": "0",
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
        "AZURE_SUBSCRIPTION_ID": profile.subscription_id,
        "AZURE_TENANT_ID": profile.tenant_id,
    }


def _env(session: Session, args: Args) -> object:
    shell = args.shell or ("fish" if os.environ.get("SHELL", "").endswith("/fish") else "bash")
    profile = session.profile if args.unset else require_login(session.profile)
    if args.unset:
        names = (*_TRUST, *settings(Profile(profile.name, endpoint="-")))
        lines = [_UNSETTERS[shell](name) for name in names]
    else:
        lines = [_SETTERS[shell](name, value) for name, value in settings(profile).items()]
    print("\n".join(lines))
    return None


COMMANDS = {
    "env": Command(
        _env,
        (
            Option(("--shell",), "Whose syntax to write; bash or fish by $SHELL.", choices=tuple(_SETTERS)),
            Option(("--unset",), "Write what removes the settings.", Kind.FLAG),
        ),
        (
            (
                "Use az with the service.",
                (
                    'eval "$(acrctl env)" && az login --service-principal'
                    ' -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" --tenant "$AZURE_TENANT_ID"'
                ),
            ),
            ("Take it back.", 'eval "$(acrctl env --unset)"'),
        ),
        about="The output holds the profile's secret. It is meant for `eval`, not for a log.",
    ),
}
