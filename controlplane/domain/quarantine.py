"""Quarantine: what was pushed waits until a scanner has found it good.

Source: ACR's quarantine pattern. While a registry's policy is on, only those who may read the quarantine pull
what is not marked as passed; that holds for what was there before the policy as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

STATE, DETAILS = "quarantineState", "quarantineDetails"
MEMBERS = frozenset({STATE, DETAILS})
LONGEST_DETAILS = 32 * 1024  # characters


class State(StrEnum):
    """What is known of a manifest. The values are stored."""

    QUARANTINED = "Quarantined"
    PASSED = "Passed"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a scanner says of a manifest; None: that stays as it is."""

    state: State | None = None
    details: str | None = None


def bars(state: str | None) -> bool:
    """Tell whether a manifest in a state may not be pulled while the policy is on."""
    return state != State.PASSED


def verdict_of(members: Mapping[str, Any]) -> Verdict | None:
    """Read a verdict out of the attributes of a request; None when they hold none.

    Raises:
        ValueError: a member is not of its kind; it is named.
    """
    if MEMBERS.isdisjoint(members):
        return None
    return Verdict(_state(members.get(STATE)), _details(members.get(DETAILS)))


def _state(value: Any) -> State | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in set(State):
        raise ValueError(f"'{STATE}' is one of {', '.join(State)}")
    return State(value)


def _details(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST_DETAILS or "\0" in value:
        raise ValueError(f"'{DETAILS}' is a text of at most {LONGEST_DETAILS} characters")
    return value
