"""Bodies that directory clients send: read strictly, so that nothing is accepted and then ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request
from werkzeug.exceptions import HTTPException

from controlplane.identity.directory_views import AUDIENCE
from controlplane.kernel.clock import parse_rfc3339
from controlplane.kernel.errors import Failure
from controlplane.services.directory_checks import bad

MAX_BODY = 256 * 1024  # bytes

# Members of an application that have one supported value; clients send it all the same.
_FIXED_APPLICATION: Mapping[str, Any] = {
    "keyCredentials": [],
    "passwordCredentials": [],
    "identifierUris": [],
    "signInAudience": AUDIENCE,
}


@dataclass(frozen=True, slots=True)
class PasswordRequest:
    """What ``addPassword`` asks for."""

    display_name: str | None
    starts_at: datetime | None
    expires_at: datetime | None


def application_name(*, required: bool) -> str | None:
    """Read the body of an application's POST or PATCH: the display name is what can be set.

    Raises:
        Failure: DIRECTORY_BAD_REQUEST.
    """
    body = json_body()
    for name, value in body.items():
        if name in _FIXED_APPLICATION:
            if value not in (None, _FIXED_APPLICATION[name]):
                raise bad(f"The property '{name}' is not supported with this value.")
        elif name != "displayName":
            raise unknown(name)
    return text(body, "displayName", required=required)


def principal_request() -> tuple[str, bool]:
    """Read the body that makes a service principal: client id, and whether it is enabled."""
    body = json_body()
    _only(body, "appId", "accountEnabled")
    app_id = text(body, "appId", required=True) or ""
    enabled = _flag(body, "accountEnabled")
    return app_id.lower(), enabled is not False


def principal_patch() -> bool | None:
    """Read a service principal's PATCH: whether it is enabled is what can be changed."""
    body = json_body()
    _only(body, "accountEnabled")
    return _flag(body, "accountEnabled")


def password_request() -> PasswordRequest:
    """Read the body of ``addPassword``; the whole of it may be missing."""
    body = json_body() if request.get_data(cache=True) else {}
    _only(body, "passwordCredential")
    inner = body.get("passwordCredential")
    if inner is None:
        inner = {}
    if not isinstance(inner, dict):
        raise bad("passwordCredential must be an object.")
    _only(inner, "displayName", "startDateTime", "endDateTime")
    return PasswordRequest(
        text(inner, "displayName"), _moment(inner, "startDateTime"), _moment(inner, "endDateTime")
    )


def key_id() -> str:
    """Read the body of ``removePassword``."""
    body = json_body()
    _only(body, "keyId")
    return (text(body, "keyId", required=True) or "").lower()


def wanted_ids() -> tuple[tuple[str, ...], frozenset[str] | None]:
    """Read the body of ``getByIds``: object ids and the types wanted (None: all)."""
    body = json_body()
    _only(body, "ids", "types")
    ids, types = _texts(body, "ids"), _texts(body, "types")
    if ids is None:
        raise bad("ids is required.")
    if len(ids) > 1000:  # noqa: PLR2004 - Graph's limit
        raise bad("At most 1000 ids can be asked for at once.")
    wanted = None if types is None else frozenset(kind.lower() for kind in types)
    return tuple(value.lower() for value in ids), wanted


def json_body() -> dict[str, Any]:
    """Return the request's JSON object.

    Raises:
        Failure: DIRECTORY_BAD_REQUEST.
    """
    request.max_content_length = MAX_BODY
    try:
        body = request.get_json(force=True)
    except HTTPException as error:
        if error.code == 413:  # noqa: PLR2004 - too large
            raise bad("The request body is too large.") from None
        raise bad("Unable to read JSON request payload.") from None
    except RecursionError:
        raise bad("The JSON request payload is nested too deeply.") from None
    if not isinstance(body, dict):
        raise bad("The request body must be a JSON object.")
    return body


def text(body: Mapping[str, Any], name: str, *, required: bool = False) -> str | None:
    """Return a text member of a body.

    Raises:
        Failure: DIRECTORY_BAD_REQUEST.
    """
    value = body.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not value:
        raise bad(f"The property '{name}' must be text that is not empty.")
    return value


def unknown(name: str) -> Failure:
    """Say that a body has a member that is not supported."""
    return bad(f"The property '{name}' is not supported by this service.")


def _only(body: Mapping[str, Any], *names: str) -> None:
    for name in body:
        if name not in names:
            raise unknown(name)


def _flag(body: Mapping[str, Any], name: str) -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad(f"The property '{name}' must be true or false.")
    return value


def _moment(body: Mapping[str, Any], name: str) -> datetime | None:
    value = text(body, name)
    try:
        return None if value is None else parse_rfc3339(value)
    except (ValueError, OverflowError):
        raise bad(f"The property '{name}' must be a date and time (RFC 3339).") from None


def _texts(body: Mapping[str, Any], name: str) -> list[str] | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise bad(f"The property '{name}' must be a list of texts.")
    return value
