"""Filters of `repository purge`: `REPOSITORY:TAGS`, both regular expressions, as `acr purge` takes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cli.errors import BadUsageError

_SPLIT = re.compile(r"(?<!\?):")
_PLAIN = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: a pattern for the whole name of repositories, and one for whole tags.

    The service reads the pattern for tags.
    """

    repositories: str
    tags: str

    @property
    def is_name(self) -> bool:
        """Whether it names one repository: then it means this one and no other that fits the pattern."""
        return _PLAIN.fullmatch(self.repositories) is not None

    def fits(self, repository: str) -> bool:
        """Tell whether a repository is meant."""
        if self.is_name:
            return repository == self.repositories
        return re.fullmatch(self.repositories, repository) is not None


def parse(text: str) -> Filter:
    """Return the filter that a text describes; BadUsageError when it is none."""
    parts = _SPLIT.split(text, maxsplit=1)
    if len(parts) != 2 or not all(parts):  # noqa: PLR2004 - repositories and tags
        raise BadUsageError(f"--filter: '{text}' is not of the form REPOSITORY:TAGS")
    found = Filter(*parts)
    try:
        re.compile(found.repositories)
    except re.error as problem:
        raise BadUsageError(f"--filter: '{found.repositories}' is not a pattern: {problem}") from None
    return found


def selected(filters: Iterable[Filter], catalog: Callable[[], list[str]]) -> list[tuple[str, str]]:
    """Return pairs of a repository and a pattern for its tags, one for each repository.

    The catalog is read only when a pattern needs it. Several filters for one repository are joined.
    """
    filters = list(filters)
    names = [] if all(one.is_name for one in filters) else catalog()
    wanted: dict[str, list[str]] = {}
    for one in filters:
        for repository in [one.repositories] if one.is_name else [n for n in names if one.fits(n)]:
            wanted.setdefault(repository, []).append(one.tags)
    return [(name, _joined(patterns)) for name, patterns in sorted(wanted.items())]


def _joined(patterns: list[str]) -> str:
    """Return one pattern for whole tags."""
    return f"^(?:{'|'.join(f'(?:{one})' for one in patterns)})$"
