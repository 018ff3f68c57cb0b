"""Failures that many places make alike: what is wrong with members of a body."""

from __future__ import annotations

from collections.abc import Sequence

from controlplane.kernel.catalogue import INVALID_REQUEST_CONTENT
from controlplane.kernel.errors import Detail, Failure

_NAMED = 3


def wrong_member(target: str, reason: str) -> Failure:
    """Say what is wrong with one member of a body; ``target`` is its path, as in ``properties.scope``."""
    return Failure(INVALID_REQUEST_CONTENT, reason=f"{target}: {reason}", target=target)


def wrong_members(found: Sequence[Detail]) -> Failure:
    """Say what is wrong with several members: the message tells of the first ones, the details of all."""
    reason = " ".join(detail.message for detail in found[:_NAMED])
    return Failure(INVALID_REQUEST_CONTENT, reason=reason, target=found[0].target, details=found)
