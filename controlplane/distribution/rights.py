"""Rights that are asked for once a request is in: which more a caller has depends on what it is about."""

from __future__ import annotations

from controlplane.distribution.gate import Caller, Gate, Need, challenge
from controlplane.domain.registry_errors import DENIED
from controlplane.domain.registry_scopes import REPOSITORY, Right
from controlplane.kernel.errors import Failure
from controlplane.persistence.hot import RegistryView
from controlplane.services.registry_tokens import Grant


def require(caller: Caller, repository: str, need: Need) -> None:
    """Return if a caller has a further right on a repository.

    Raises:
        Failure: UNAUTHORIZED with the challenge, or DENIED for a password.
    """
    resource = (REPOSITORY, repository)
    if caller.grant.allows(resource, need.any_of):
        return
    if caller.grant.is_password:
        raise Failure(DENIED, reason=f"the user lacks {need.asked}")
    raise challenge(caller.host, resource, need, "insufficient_scope")


def sees_quarantine(gate: Gate, grant: Grant, registry: RegistryView, repository: str) -> bool:
    """Tell whether a caller may pull what has not passed quarantine, which all may without the policy."""
    return not registry.quarantine or gate.could_have(grant, registry, repository, Right.QUARANTINE_READ)
