"""ABAC conditions, version 2.0, on the names of repositories: read, check and evaluate.

A condition narrows one role assignment. The forms understood are those that make sense for registries:

- ``ActionMatches{'action'}``: the action asked for is the named one (``*`` allowed);
- ``@Request[Microsoft.ContainerRegistry/registries/repositories:name] OPERATOR 'text'``, where OPERATOR is
  String[Not]Equals, String[Not]StartsWith or String[Not]Like, each with or without ``IgnoreCase``, and, with
  ``ForAnyOfAnyValues:`` in front, a set ``{'a', 'b'}``;
- ``AND``/``&&``, ``OR``/``||``, ``NOT``/``!`` and brackets, AND binding tighter than OR.

Anything else is refused when the assignment is made, so that no condition is ever stored that the evaluator
would have to guess at. A comparison without a repository in the request (the catalog) is neither true nor
false, and neither is its negation; what is not true at the end does not hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from controlplane.domain.permissions import matches
from controlplane.domain.wildcards import like

VERSION = "2.0"
ATTRIBUTE = "Microsoft.ContainerRegistry/registries/repositories:name"
MAX_LENGTH = 8192  # Azure's limit is 8 KB
MAX_DEPTH = 32


class ConditionError(ValueError):
    """A condition is malformed or uses what this service does not evaluate; the text says which."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a condition looks at: the action, and the repository it is asked for, if any."""

    action: str
    repository: str | None = None


Test = Callable[[Request], bool | None]  # None: the request has nothing to compare

_COMPARERS: dict[str, Callable[[str, str], bool]] = {
    "Equals": lambda text, value: text == value,
    "StartsWith": lambda text, value: text.startswith(value),
    "Like": like,
}
_OPERATOR = re.compile(r"(ForAnyOfAnyValues:)?String(Not)?(Equals|StartsWith|Like)(IgnoreCase)?")
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<attribute>@[A-Za-z]+\[[^\]\s]*\])"
    r"|(?P<mark>&&|\|\||[(){},!])"
    r"|(?P<word>[A-Za-z][A-Za-z0-9:]*))"
)
_KEYWORDS = {"&&": "AND", "||": "OR", "!": "NOT"}


def condition_holds(condition: str | None, request: Request) -> bool:
    """Tell whether an assignment applies to a request; one without a condition always does.

    Raises:
        ConditionError: the condition was never one this service accepts.
    """
    return condition is None or parse_condition(condition)(request) is True


@lru_cache(maxsize=1024)
def parse_condition(text: str) -> Test:
    """Read a condition into a function of the request.

    Raises:
        ConditionError: it is too long, malformed, or uses an attribute or operator not evaluated here.
    """
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"it is longer than {MAX_LENGTH} characters")
    parser = _Parser(list(_tokens(text)))
    test = parser.disjunction()
    parser.end()
    return test


def _tokens(text: str) -> Iterator[str]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at, end)
        if found is None:
            raise ConditionError(f"unexpected text at character {at + 1}")
        token = found.group().strip()
        word = found["mark"] or found["word"]
        yield _KEYWORDS.get(token, token.upper() if word and token.upper() in {"AND", "OR", "NOT"} else token)
        at = found.end()


class _Parser:
    """Recursive descent over the tokens; the depth is bounded because the text is a caller's."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise ConditionError(f"unexpected '{self._tokens[self._at]}'")

    def disjunction(self) -> Test:
        parts = [self._conjunction()]
        while self._took("OR"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda request: _any(part(request) for part in parts)

    def _conjunction(self) -> Test:
        parts = [self._negation()]
        while self._took("AND"):
            parts.append(self._negation())
        return (
            parts[0] if len(parts) == 1 else lambda request: _not(_any(_not(part(request)) for part in parts))
        )

    def _negation(self) -> Test:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ConditionError(f"it is nested deeper than {MAX_DEPTH} levels")
        try:
            if self._took("NOT"):
                inner = self._negation()
                return lambda request: _not(inner(request))
            if self._took("("):
                inner = self.disjunction()
                self._expect(")")
                return inner
            return self._primary()
        finally:
            self._depth -= 1

    def _primary(self) -> Test:
        token = self._next()
        if token == "ActionMatches":  # noqa: S105 - a word of the language
            self._expect("{")
            pattern = self._text()
            self._expect("}")
            return lambda request: matches(pattern, request.action)
        if token.startswith("@"):
            return self._comparison(token)
        raise ConditionError(f"'{token}' is not supported; use ActionMatches or @Request[{ATTRIBUTE}]")

    def _comparison(self, attribute: str) -> Test:
        if attribute.lower() != f"@request[{ATTRIBUTE}]".lower():
            raise ConditionError(f"the attribute {attribute} is not supported; use @Request[{ATTRIBUTE}]")
        operator = self._next()
        found = _OPERATOR.fullmatch(operator)
        if found is None:
            raise ConditionError(f"the operator {operator} is not supported")
        several, negated, name, folded = found.groups()
        values = self._set() if several else [self._text()]
        return _comparison(_COMPARERS[name], values, negated=bool(negated), folded=bool(folded))

    def _set(self) -> list[str]:
        self._expect("{")
        values = [self._text()]
        while self._took(","):
            values.append(self._text())
        self._expect("}")
        return values

    def _text(self) -> str:
        token = self._next()
        if not token.startswith("'"):
            raise ConditionError(f"expected a quoted text instead of '{token}'")
        return re.sub(r"\\(.)", r"\1", token[1:-1])

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise ConditionError("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _took(self, token: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == token:
            self._at += 1
            return True
        return False

    def _expect(self, token: str) -> None:
        found = self._next()
        if found != token:
            raise ConditionError(f"expected '{token}' instead of '{found}'")


def _comparison(
    compare: Callable[[str, str], bool], values: list[str], *, negated: bool, folded: bool
) -> Test:
    wanted = [value.casefold() for value in values] if folded else values

    def holds(request: Request) -> bool | None:
        if request.repository is None:
            return None
        name = request.repository.casefold() if folded else request.repository
        return any(compare(name, value) is not negated for value in wanted)

    return holds


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _any(values: Iterable[bool | None]) -> bool | None:
    seen = set(values)
    return True if True in seen else None if None in seen else False
