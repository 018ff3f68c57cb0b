"""What a data-plane token may do: rights, and the scope texts that ask for them.

Source: the scope grammar of the Docker token specification (``type:name:action[,action]``, several in one
parameter separated by spaces) and the rights ACR's clients ask for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from controlplane.domain.repository_names import is_repository_name

REPOSITORY = "repository"
REGISTRY = "registry"
CATALOG = "catalog"
DELETED_CATALOG = "deleted_catalog"
MAX_SCOPES = 64

_ACTIONS = re.compile(r"[a-z_*]{1,64}(?:,[a-z_*]{1,64}){0,31}")


class Right(StrEnum):
    """Rights on a repository; the two catalogs are rights on the registry.

    No token is asked for the rights on the quarantine: what a caller with a good token may pull, or mark, is
    looked up when content in quarantine is met.
    """

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"
    METADATA_READ = "metadata_read"
    METADATA_WRITE = "metadata_write"
    DELETED_READ = "deleted_read"
    DELETED_RESTORE = "deleted_restore"
    CATALOG = "catalog"
    DELETED_CATALOG = "deleted_catalog"
    QUARANTINE_READ = "quarantine_read"
    QUARANTINE_WRITE = "quarantine_write"


_REGISTRY_RIGHTS = {CATALOG: Right.CATALOG, DELETED_CATALOG: Right.DELETED_CATALOG}
_LISTING_RIGHTS = {Right.CATALOG, Right.METADATA_READ}
_QUARANTINE_RIGHTS = {Right.QUARANTINE_READ, Right.QUARANTINE_WRITE}
REPOSITORY_RIGHTS = frozenset(Right) - frozenset(_REGISTRY_RIGHTS.values()) - _QUARANTINE_RIGHTS
# A password that everybody shares opens no quarantine.
ADMIN_RIGHTS: frozenset[str] = frozenset(Right) - _QUARANTINE_RIGHTS
ANONYMOUS_RIGHTS: frozenset[str] = frozenset({Right.PULL, Right.METADATA_READ})


@dataclass(frozen=True, slots=True)
class ScopeRequest:
    """One scope a client asks for: a resource and the actions wanted on it, in the order asked."""

    type: str
    name: str
    actions: tuple[str, ...]

    def granted(self, rights: Iterable[str]) -> tuple[str, ...]:
        """Return what of it the given rights allow; ``*`` asks for everything on a repository."""
        held = frozenset(rights)
        if self.type == REGISTRY:
            return self._granted_listing(held)
        if "*" in self.actions:
            return tuple(sorted(held & REPOSITORY_RIGHTS))
        return tuple(a for a in dict.fromkeys(self.actions) if a in held and a in REPOSITORY_RIGHTS)

    def _granted_listing(self, held: frozenset[str]) -> tuple[str, ...]:
        """Return ``*`` for a whole catalog, ``metadata_read`` for what of it the caller may read."""
        if "*" in self.actions and _REGISTRY_RIGHTS.get(self.name) in held:
            return ("*",)
        wanted = self.name == CATALOG and not {"*", Right.METADATA_READ.value}.isdisjoint(self.actions)
        return (Right.METADATA_READ.value,) if wanted and held & _LISTING_RIGHTS else ()

    def __str__(self) -> str:
        return f"{self.type}:{self.name}:{','.join(self.actions)}"


def parse_scopes(texts: Iterable[str]) -> list[ScopeRequest]:
    """Read scope parameters; scopes of an unknown kind are left out, since nothing is granted for them.

    Raises:
        ValueError: a scope is not of the grammar, or there are more than 64.
    """
    words = [word for text in texts for word in text.split()]
    if len(words) > MAX_SCOPES:
        raise ValueError(f"more than {MAX_SCOPES} scopes were asked for")
    requests = (_parse(word) for word in words)
    return [request for request in requests if _is_known(request)]


def _parse(word: str) -> ScopeRequest:
    kind, first, rest = word.partition(":")
    name, second, actions = rest.rpartition(":")
    if not (kind and first and second and name) or not _ACTIONS.fullmatch(actions):
        raise ValueError(f"'{word[:200]}' is not a scope")
    return ScopeRequest(kind, name, tuple(actions.split(",")))


def _is_known(request: ScopeRequest) -> bool:
    if request.type == REPOSITORY:
        return is_repository_name(request.name)
    return request.type == REGISTRY and request.name in _REGISTRY_RIGHTS
