"""Scope maps: lists of actions on repositories, and the rights that they come to.

Source: scope maps of ACR. An action is ``repositories/{name}/{what}``; for the name may stand ``*``, all
repositories, or a prefix with ``/*`` at its end, everything below it. Nowhere else may a ``*`` stand. A map
may have 500 actions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from controlplane.domain.registry_scopes import Right
from controlplane.domain.repository_names import is_repository_name
from controlplane.domain.visibility import Span, Visible, merged

MAX_ACTIONS = 500
_REPOSITORIES, _GATEWAY = "repositories", "gateway"
_WILD = "*"
_GATEWAY_ACTIONS = frozenset({"config/read", "config/write", "message/read", "message/write"})
# What is deleted is seen by who sees the repository, and brought back by who may write into it.
_RIGHTS: Mapping[str, frozenset[Right]] = MappingProxyType(
    {
        "content/read": frozenset({Right.PULL}),
        "content/write": frozenset({Right.PUSH, Right.DELETED_RESTORE}),
        "content/delete": frozenset({Right.DELETE}),
        "metadata/read": frozenset({Right.METADATA_READ, Right.DELETED_READ}),
        "metadata/write": frozenset({Right.METADATA_WRITE}),
    }
)


class MapType(StrEnum):
    """Who made a scope map, as the wire spells it."""

    SYSTEM = "SystemDefined"
    USER = "UserDefined"


@dataclass(frozen=True, slots=True)
class SystemMap:
    """A scope map that every registry has."""

    name: str
    description: str
    actions: tuple[str, ...]


def _everywhere(*whats: str) -> tuple[str, ...]:
    return tuple(f"{_REPOSITORIES}/{_WILD}/{what}" for what in whats)


_METADATA = ("metadata/read", "metadata/write")
SYSTEM_MAPS: Mapping[str, SystemMap] = MappingProxyType(
    {
        one.name: one
        for one in (
            SystemMap(
                "_repositories_admin",
                "Can perform all read, write and delete operations on the registry",
                _everywhere(*_METADATA, "content/read", "content/write", "content/delete"),
            ),
            SystemMap(
                "_repositories_pull",
                "Can pull any repository of the registry",
                _everywhere("content/read"),
            ),
            SystemMap(
                "_repositories_pull_metadata_read",
                "Can perform all read operations on the registry",
                _everywhere("content/read", "metadata/read"),
            ),
            SystemMap(
                "_repositories_push",
                "Can push to any repository of the registry",
                _everywhere("content/read", "content/write"),
            ),
            SystemMap(
                "_repositories_push_metadata_write",
                "Can perform all read and write operations on the registry",
                _everywhere(*_METADATA, "content/read", "content/write"),
            ),
        )
    }
)


def action_problem(action: str) -> str | None:
    """Say what is wrong with an action on repositories, None for a good one."""
    name, what = _parts(action)
    if what not in _RIGHTS:
        return f"it must be {_REPOSITORIES}/{{name}}/ and one of {', '.join(_RIGHTS)}"
    if is_repository_name(name) or name == _WILD or is_repository_name(name.removesuffix("/*")):
        return None
    if _WILD in name:
        return "a * may stand for all repositories or at the end, as in team/*"
    return f"'{name[:255]}' is not the name of a repository"


def is_gateway_action(action: str) -> bool:
    """Tell whether an action is one on a connected registry."""
    kind, _, rest = action.partition("/")
    return kind == _GATEWAY and rest.partition("/")[2] in _GATEWAY_ACTIONS


@dataclass(frozen=True, slots=True)
class ScopeMap:
    """What a map's actions come to: rights by repository, and by prefix (empty: all repositories)."""

    names: Mapping[str, frozenset[str]]
    prefixes: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, actions: Iterable[str]) -> ScopeMap:
        """Read actions; those that mean nothing here give nothing."""
        names: dict[str, frozenset[str]] = {}
        prefixes: dict[str, frozenset[str]] = {}
        for action in actions:
            name, what = _parts(action)
            wild = name.endswith(_WILD)
            held, key = (prefixes, name.removesuffix(_WILD)) if wild else (names, name)
            held[key] = held.get(key, frozenset()) | _RIGHTS.get(what, frozenset())
        return cls(names, prefixes)

    def rights(self, repository: str) -> frozenset[str]:
        """Return the rights on a repository; takes time in proportion to the number of actions."""
        below = (rights for prefix, rights in self.prefixes.items() if repository.startswith(prefix))
        return self.names.get(repository, frozenset()).union(*below)

    def registry_rights(self) -> frozenset[str]:
        """Return the rights on the registry: to list it whole, or those of its repositories that it names."""
        if Right.METADATA_READ in self.prefixes.get("", ()):
            return frozenset({Right.CATALOG, Right.DELETED_CATALOG})
        return frozenset({Right.METADATA_READ}) if self.visible().spans else frozenset()

    def visible(self) -> Visible:
        """Return which repositories may be listed."""
        names = (Span.of_name(name) for name, held in self.names.items() if Right.METADATA_READ in held)
        below = (Span.below(prefix) for prefix, held in self.prefixes.items() if Right.METADATA_READ in held)
        return Visible(merged((*names, *below)))


def _parts(action: str) -> tuple[str, str]:
    """Return the name and what may be done of an action on repositories; empty texts for any other."""
    kind, _, rest = action.partition("/")
    parts = rest.rsplit("/", 2)
    return (parts[0], "/".join(parts[1:])) if kind == _REPOSITORIES and len(parts) == 3 else ("", "")  # noqa: PLR2004
