"""What a token and a scope map may say, beyond the form of their bodies.

Passwords are made by ``generateCredentials`` alone. A body of a token may name those it keeps, as clients do
to delete the others; it can neither make one nor change what is known of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.domain.scope_maps import action_problem, is_gateway_action
from controlplane.kernel import catalogue
from controlplane.kernel.errors import Detail, Failure
from controlplane.kernel.refusals import wrong_members
from controlplane.services.token_credentials import Json, credentials, passwords_of

_CLIENT_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_PASSWORDS = "properties.credentials.passwords"
_CERTIFICATES = "properties.credentials.certificates"


def is_client_id(name: str) -> bool:
    """Tell whether a user name is that of a service principal, not of a token."""
    return _CLIENT_ID.fullmatch(name) is not None


def refuse_name(name: str, registry_name: str) -> None:
    """Refuse a token's name under which somebody else signs in to the registry.

    Raises:
        Failure: INVALID_RESOURCE_NAME.
    """
    rule = None
    if name.lower() == registry_name.lower():
        rule = "The admin user of the registry signs in under this name."
    elif is_client_id(name):
        rule = "Service principals sign in under such a name, their client id."
    if rule is not None:
        raise Failure(catalogue.INVALID_RESOURCE_NAME, name=name, rule=rule)


def kept(given: Mapping[str, Any], before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Json:
    """Return the credentials a token has after a write.

    ``given`` are the properties as sent, ``before`` and ``after`` those of the token. What is not spoken of
    stays; null, or a list, keeps no more than it names.

    Raises:
        Failure: FEATURE_NOT_SUPPORTED for certificates, TOKEN_PASSWORD_UNKNOWN, INVALID_REQUEST_CONTENT for a
            password named twice or without a name, or PROPERTY_READ_ONLY.
    """
    wanted = after.get("credentials") or {}
    if wanted.get("certificates"):
        raise Failure(
            catalogue.FEATURE_NOT_SUPPORTED,
            feature="A token's certificate",
            hint="Use passwords, which generateCredentials makes.",
            target=_CERTIFICATES,
        )
    stored = passwords_of(before or {})
    spoken = given.get("credentials", {})
    if spoken is not None and "passwords" not in spoken:
        return credentials(stored)
    return credentials(_named(stored, [] if spoken is None else wanted.get("passwords") or []))


def _named(stored: Sequence[Json], wanted: Sequence[Mapping[str, Any]]) -> list[Json]:
    known = {one["name"]: one for one in stored}
    named: set[str] = set()
    for place, one in enumerate(wanted):
        name, target = one.get("name"), f"{_PASSWORDS}[{place}]"
        if name is None or name in named:
            reason = f"'{target}' must name a password that no other member of the list names."
            raise Failure(catalogue.INVALID_REQUEST_CONTENT, reason=reason, target=target)
        if name not in known:
            raise Failure(catalogue.TOKEN_PASSWORD_UNKNOWN, name=name, target=target)
        for member, value in one.items():
            if known[name].get(member) != value:
                path = f"{target}.{member}"
                raise Failure(catalogue.PROPERTY_READ_ONLY, name=path, target=path)
        named.add(name)
    return [one for one in stored if one["name"] in named]


def checked_actions(actions: Sequence[str]) -> list[str]:
    """Return a scope map's actions, each once, in the order given.

    Raises:
        Failure: INVALID_REQUEST_CONTENT naming every action that is none, or FEATURE_NOT_SUPPORTED for
            actions on connected registries.
    """
    found: list[Detail] = []
    for place, action in enumerate(actions):
        target = f"properties.actions[{place}]"
        if is_gateway_action(action):
            raise Failure(
                catalogue.FEATURE_NOT_SUPPORTED,
                feature="An action on a connected registry",
                hint="Leave out actions that begin with 'gateway/'.",
                target=target,
            )
        problem = action_problem(action)
        if problem is not None:
            found.append(Detail("InvalidMember", f"'{target}': {problem}.", target))
    if found:
        raise wrong_members(found)
    return list(dict.fromkeys(actions))
