"""Names that clients choose: what a registry's name may be, and how its login server is called.

A registry's name is unique in the whole service without regard to case, since it becomes part of a host
name. Source: path parameter ``registryName`` of the ARM models (5 to 50 characters, ``^[a-zA-Z0-9]*$``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

REGISTRY_NAME_MIN, REGISTRY_NAME_MAX = 5, 50
REGISTRY_NAME_PATTERN = r"^[a-zA-Z0-9]{5,50}\Z"
REGISTRY_NAME_RULE = (
    f"Registry names have {REGISTRY_NAME_MIN} to {REGISTRY_NAME_MAX} characters, letters and digits only."
)
HTTPS_PORT = 443

_REGISTRY_NAME = re.compile(REGISTRY_NAME_PATTERN)


class Unavailable(StrEnum):
    """Why a name cannot be had, as checkNameAvailability spells it."""

    INVALID = "Invalid"
    ALREADY_EXISTS = "AlreadyExists"


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a name can be had; ``reason`` and ``message`` only when it cannot."""

    available: bool
    reason: Unavailable | None = None
    message: str | None = None


AVAILABLE = Availability(available=True)


def is_registry_name(text: str) -> bool:
    """Tell whether a text may name a registry."""
    return _REGISTRY_NAME.match(text) is not None


def bad_registry_name(text: str) -> Availability:
    """Say that a text cannot name a registry at all."""
    return Availability(
        False, Unavailable.INVALID, f"The registry name '{text}' is invalid. {REGISTRY_NAME_RULE}"
    )


def taken_registry_name(name: str) -> Availability:
    """Say that another registry, in whatever subscription, has the name."""
    return Availability(False, Unavailable.ALREADY_EXISTS, f"The registry {name} is already in use.")


def with_port(host: str, port: int) -> str:
    """Return ``host:port`` as clients send it in ``Host``: lower case, 443 left out."""
    return host.lower() if port == HTTPS_PORT else f"{host.lower()}:{port}"


def region_endpoint(name: str, region: str, kind: str, domain: str, port: int) -> str:
    """Return a host of a registry that always means one region; ``kind`` is ``geo`` or ``data``."""
    return with_port(f"{name}.{region}.{kind}.{domain}", port)


def domain_login_server(name: str, domain: str, port: int) -> str:
    """Return a registry's login server behind wildcard DNS."""
    return with_port(f"{name}.{domain}", port)
