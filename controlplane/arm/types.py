"""The types of a deployment: found in a package, checked once, looked up by every part of the mechanism."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

from controlplane.arm.absent import AbsentType
from controlplane.arm.declaration import ANY_CALLER, Endpoint, Kind, ResourceType, Verb


class DeclarationError(Exception):
    """A declaration contradicts itself or another; the program cannot start with it."""


@dataclass(frozen=True, slots=True)
class Types:
    """All declared types and endpoints.

    Raises:
        DeclarationError: two say the same, a parent is missing, or a verb has no way to be served.
    """

    by_key: Mapping[str, ResourceType]
    endpoints: tuple[Endpoint, ...] = ()
    absent: tuple[AbsentType, ...] = ()

    @classmethod
    def of(
        cls,
        types: Iterable[ResourceType],
        endpoints: Iterable[Endpoint] = (),
        absent: Iterable[AbsentType] = (),
    ) -> Types:
        """Collect declarations and check them against each other."""
        by_key: dict[str, ResourceType] = {}
        for declared in types:
            if declared.key in by_key:
                raise DeclarationError(f"{declared.type} is declared twice")
            by_key[declared.key] = declared
        found = cls(by_key, tuple(endpoints), tuple(absent))
        for declared in found:
            found._check(declared)
        for endpoint in found.endpoints:
            if "/" not in endpoint.permission and endpoint.permission != ANY_CALLER:
                raise DeclarationError(f"{endpoint.path}: it needs a permission, or ANY_CALLER")
        found._check_absent()
        return found

    @classmethod
    def discover(cls, package: ModuleType) -> Types:
        """Import every module of a package and collect its ``RESOURCE``, ``ENDPOINTS`` and ``ABSENT``."""
        types: list[ResourceType] = []
        endpoints: list[Endpoint] = []
        absent: list[AbsentType] = []
        for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            if hasattr(module, "RESOURCE"):
                types.append(module.RESOURCE)
            endpoints.extend(getattr(module, "ENDPOINTS", ()))
            absent.extend(getattr(module, "ABSENT", ()))
        return cls.of(types, endpoints, absent)

    def __iter__(self) -> Iterator[ResourceType]:
        return iter(self.by_key.values())

    def get(self, type_path: str) -> ResourceType | None:
        """Return a type by its path in any case."""
        return self.by_key.get(type_path.lower())

    def children(self, parent: ResourceType) -> list[ResourceType]:
        """Return the types that lie directly below a type."""
        return [
            child for child in self if child.kind is not Kind.EXTENSION and child.parent.lower() == parent.key
        ]

    def deletes_slowly(self, declared: ResourceType) -> bool:
        """Tell whether DELETE of a type is long-running: by its own steps, or by a descendant's."""
        below = any(self.deletes_slowly(child) for child in self.children(declared))
        return bool(declared.lifecycle.deprovision) or below

    def _check(self, declared: ResourceType) -> None:
        lost = [one.type for one in declared.references if one.type.lower() not in self.by_key]
        empty = [action.name for action in declared.actions if action.run is None and not action.steps]
        patch_alone = Verb.PATCH in declared.verbs and Verb.PUT not in declared.verbs
        faults = {
            "its parent is not declared": self._is_orphan(declared),
            "it has no api-version": not declared.api_versions,
            "its api-versions are not in order": list(declared.api_versions) != sorted(declared.api_versions),
            "PATCH is a merge and a PUT; it needs PUT": patch_alone,
            "shows_state needs properties to show it in": declared.properties is None
            and declared.shows_state,
            f"it refers to {lost}, not declared": lost,
            f"actions {empty} have neither run nor steps": empty,
        }
        for words, faulty in faults.items():
            if faulty:
                raise DeclarationError(f"{declared.type}: {words}")

    def _check_absent(self) -> None:
        for missing in self.absent:
            if missing.path and missing.type.lower() in self.by_key:
                raise DeclarationError(f"{missing.type} is declared, and as absent too")
            if missing.parent.lower() not in self.by_key:
                raise DeclarationError(f"{missing.type}: its parent is not declared")

    def _is_orphan(self, declared: ResourceType) -> bool:
        child = declared.kind is not Kind.EXTENSION and bool(declared.parent)
        return child and declared.parent.lower() not in self.by_key
