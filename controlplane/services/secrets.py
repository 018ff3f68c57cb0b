"""Secrets that resources name by an identifier, as those of a key vault: files below one folder.

``https://{vault}.vault.azure.net/secrets/{name}`` is the file ``{vault}/{name}`` below the setting
``secrets_dir``: what mounts secrets into containers writes just such files. A version in the identifier
is not looked at; the file is the current one.
"""

from __future__ import annotations

import re
from pathlib import Path

from controlplane.settings.model import Settings

_PART = "[A-Za-z0-9][A-Za-z0-9-]{0,126}"
_IDENTIFIER = re.compile(
    rf"https://({_PART})\.[A-Za-z0-9.-]+(?::[0-9]+)?/secrets/({_PART})(?:/[A-Za-z0-9]+)?/?"
)
_LIMIT = 64 * 1024


class SecretMissingError(Exception):
    """There is no such secret; the text may be shown."""


def is_identifier(text: str) -> bool:
    """Tell whether a text has the form of a secret's identifier."""
    return _IDENTIFIER.fullmatch(text) is not None


def read_secret(settings: Settings, identifier: str) -> str:
    """Return a secret's value.

    Raises:
        SecretMissingError: there is no folder of secrets, or no such file.
    """
    found = _IDENTIFIER.fullmatch(identifier)
    if found is None:
        raise SecretMissingError(f"'{identifier}' is no identifier of a secret")
    if settings.secrets_dir is None:
        raise SecretMissingError("no folder of secrets is set (ACRCTL_SECRETS_DIR)")
    path = Path(settings.secrets_dir) / found[1] / found[2]
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_LIMIT).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretMissingError(
            f"the secret '{found[2]}' of the vault '{found[1]}' cannot be read"
        ) from error
