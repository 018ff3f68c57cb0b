"""The part of OData's ``$filter`` that ARM's lists use: comparisons with texts, ``and``, ``or``, parentheses.

A filter is read once into a tree and asked about each candidate. Names and values compare without regard to
case. Source: the list operations of Azure Resource Manager (``resourceType eq '…' and tagName eq '…'``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<mark>[()])|(?P<word>[^\s()']+))")
LONGEST = 4096  # characters
DEEPEST = 16  # parentheses


class FilterError(ValueError):
    """A filter cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """``name eq 'value'``, or ``ne`` when not ``equal``; both sides in lower case."""

    name: str
    value: str
    equal: bool


@dataclass(frozen=True, slots=True)
class Junction:
    """Several filters of which ``all`` must hold, or any."""

    parts: tuple[Filter, ...]
    all: bool


Filter = Comparison | Junction
Values = Callable[[str], Collection[str]]


def parse(text: str, names: Collection[str]) -> Filter:
    """Read a filter that may compare the given names (in lower case).

    Raises:
        FilterError: it is no filter, or compares something else.
    """
    if len(text) > LONGEST:
        raise FilterError(f"it is longer than {LONGEST} characters")
    parser = _Parser(list(_tokens(text)), names)
    tree = parser.either(0)
    if parser.left:
        raise FilterError(f"'{parser.left[0]}' was not expected")
    return tree


def holds(tree: Filter, values: Values) -> bool:
    """Tell whether a filter holds; ``values`` returns what a name stands for, in lower case."""
    if isinstance(tree, Comparison):
        return (tree.value in values(tree.name)) is tree.equal
    return (all if tree.all else any)(holds(part, values) for part in tree.parts)


def demanded(tree: Filter | None, name: str) -> str | None:
    """Return the value a name must have for the filter to hold at all; None when it is not settled."""
    if isinstance(tree, Comparison):
        return tree.value if tree.equal and tree.name == name else None
    if isinstance(tree, Junction) and tree.all:
        return next((value for part in tree.parts if (value := demanded(part, name)) is not None), None)
    return None


def _tokens(text: str) -> Iterator[str]:
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            raise FilterError(f"it cannot be read from '{text[place:].strip()[:20]}' on")
        yield found.group().strip()
        place = found.end()


class _Parser:
    def __init__(self, tokens: list[str], names: Collection[str]) -> None:
        self.left = tokens
        self.names = names

    def either(self, depth: int) -> Filter:
        return self._joined("or", False, lambda: self._both(depth))

    def _both(self, depth: int) -> Filter:
        return self._joined("and", True, lambda: self._part(depth))

    def _joined(self, word: str, every: bool, read: Callable[[], Filter]) -> Filter:
        parts = [read()]
        while self.left and self.left[0].lower() == word:
            self.left.pop(0)
            parts.append(read())
        return parts[0] if len(parts) == 1 else Junction(tuple(parts), every)

    def _part(self, depth: int) -> Filter:
        if self._peek() != "(":
            return self._comparison()
        if depth == DEEPEST:
            raise FilterError("its parentheses are nested too deeply")
        self.left.pop(0)
        inner = self.either(depth + 1)
        if self._next() != ")":
            raise FilterError("a parenthesis is not closed")
        return inner

    def _comparison(self) -> Comparison:
        name, operator, value = self._next().lower(), self._next().lower(), self._next()
        if name not in self.names:
            raise FilterError(f"'{name}' cannot be compared; known are {', '.join(sorted(self.names))}")
        if operator not in {"eq", "ne"}:
            raise FilterError(f"'{operator}' is not supported; known are eq and ne")
        if not value.startswith("'"):
            raise FilterError(f"'{value}' must be a text in single quotes")
        return Comparison(name, value[1:-1].replace("''", "'").lower(), operator == "eq")

    def _peek(self) -> str:
        return self.left[0] if self.left else ""

    def _next(self) -> str:
        if not self.left:
            raise FilterError("it ends too early")
        return self.left.pop(0)
