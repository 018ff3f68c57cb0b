"""Hiding secrets in what `--debug` shows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
_SECRET_KEYS = frozenset(
    {
        "accesstoken",
        "access_token",
        "assertion",
        "client_assertion",
        "client_secret",
        "clientsecret",
        "id_token",
        "password",
        "refresh_token",
        "refreshtoken",
        "secrettext",
    }
)
_SECRET_HEADERS = frozenset({"authorization", "cookie", "set-cookie"})
_FORM_SECRET = re.compile(rf"(^|&)({'|'.join(sorted(_SECRET_KEYS))})=[^&]*", re.IGNORECASE)


def _masked(value: Any, *, inside_passwords: bool = False) -> Any:
    if isinstance(value, Mapping):
        return {
            key: MASK
            if (key.lower() in _SECRET_KEYS and isinstance(item, str))
            or (inside_passwords and key == "value")
            else _masked(item, inside_passwords=key == "passwords")
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item, inside_passwords=inside_passwords) for item in value]
    return value


def headers(given: Mapping[str, str]) -> dict[str, str]:
    """Return headers with credentials replaced by a mask."""
    return {name: MASK if name.lower() in _SECRET_HEADERS else value for name, value in given.items()}


def body(content: bytes | str | None, *, limit: int = 4000) -> str:
    """Return a body as text with secrets masked, cut to ``limit`` characters.

    JSON and forms are understood; anything else is told by its size only, since nothing is known of it.
    """
    if not content:
        return ""
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    try:
        return json.dumps(_masked(json.loads(text)))[:limit]
    except ValueError:
        form = _FORM_SECRET.sub(rf"\1\2={MASK}", text)
        return form[:limit] if re.fullmatch(r"[\w.+%*=&-]+", text) else f"<{len(text)} characters>"
