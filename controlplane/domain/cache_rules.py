"""Artifact cache rules: which repository of a registry stands for which repository of an upstream.

A source is ``host/repository`` or, with a wildcard, ``host/prefix/*``; then the target ends in ``/*`` as
well, or is ``*``. Of several rules that fit, the most particular one counts, so rules may overlap.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from controlplane.domain.repository_names import is_repository_name
from controlplane.domain.upstreams import host_of, is_host, repository_at

_ANY = "*"
_DOTTED = re.compile(r"[.:]|^localhost$")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A repository, or with ``open`` everything below a prefix (empty: everything)."""

    name: str
    open: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``name``, ``name/*`` or ``*``.

        Raises:
            ValueError: it is none of them.
        """
        name = text.removesuffix(_ANY)
        is_open = name != text
        if is_open and name and not name.endswith("/"):
            raise ValueError(f"'{text}' may have '*' only as its last part")
        name = name.removesuffix("/")
        if (name or not is_open) and not is_repository_name(name):
            raise ValueError(f"'{text}' is no repository, REPOSITORY/* or *")
        return cls(name, is_open)

    def rest(self, repository: str) -> str | None:
        """Return what of a repository's name lies below the prefix, "" without one; None: no fit."""
        if not self.open:
            return "" if repository == self.name else None
        if not self.name:
            return repository
        prefix = f"{self.name}/"
        return repository.removeprefix(prefix) if repository.startswith(prefix) else None

    def joined(self, rest: str) -> str:
        """Return the repository that has ``rest`` below this prefix."""
        return "/".join(part for part in (self.name, rest) if part)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``ttl`` is for how many seconds a tag counts as fresh."""

    key: str
    target: Pattern
    host: str
    source: Pattern
    credential_set: str | None
    ttl: int

    def upstream(self, repository: str) -> str | None:
        """Return what the upstream calls a repository of the registry; None when the rule is not about it."""
        rest = self.target.rest(repository)
        return None if rest is None else repository_at(self.host, self.source.joined(rest))


def parse_source(text: str) -> tuple[str, Pattern]:
    """Read ``host/repository`` or ``host/prefix/*``; return the host and the pattern.

    Raises:
        ValueError: it is neither.
    """
    name, slash, rest = text.partition("/")
    if not slash or not _DOTTED.search(name) or not is_host(name):
        raise ValueError(f"'{text}' does not begin with a registry, such as registry.example.com/team/app")
    return host_of(name), Pattern.parse(rest)


def check_pair(source: Pattern, target: Pattern) -> None:
    """Refuse a wildcard on one side only.

    Raises:
        ValueError: the sides do not fit each other.
    """
    if source.open != target.open:
        raise ValueError("either both repositories end in '*', or none does")


def best(rules: Sequence[Rule], repository: str) -> Rule | None:
    """Return the rule that counts for a repository: an exact one, or else the one with the longest prefix."""
    found = [rule for rule in rules if rule.upstream(repository) is not None]
    return max(found, key=lambda rule: (not rule.target.open, len(rule.target.name)), default=None)
