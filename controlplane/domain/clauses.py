"""``$filter`` as the authorization and directory APIs take it: clauses joined by ``and``, calls among them.

A clause is ``member eq 'text'``, a call such as ``atScope()``, ``assignedTo('id')`` or
``startswith(member,'text')``, or ``list/any(x:x eq 'text')``. What a clause means is its reader's business;
values keep their case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TEXT = r"'(?:[^']|'')*'"
_CLAUSE = re.compile(
    rf"\s*(?:(?P<member>\w+)\s+eq\s+(?P<equal>{_TEXT})"
    rf"|(?P<list>\w+)/any\(\s*(?P<x>\w+)\s*:\s*(?P=x)\s+eq\s+(?P<element>{_TEXT})\s*\)"
    rf"|(?P<call>\w+)\(\s*(?:(?P<first>\w+)\s*,)?\s*(?P<argument>{_TEXT})?\s*\))\s*"
)
_AND = re.compile(r"and\s+", re.IGNORECASE)
MAX_LENGTH = 2048


class ClauseError(ValueError):
    """A filter is not understood; nothing of it may be applied."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition; its ``form`` reads ``member eq``, ``startswith member``, ``list any`` or ``atScope``.

    ``value`` is the text compared with, None for a call without one.
    """

    form: str
    value: str | None


def parse_clauses(text: str) -> tuple[Clause, ...]:
    """Read a filter.

    Raises:
        ClauseError: it has another form.
    """
    clauses: list[Clause] = []
    at = 0
    while len(text) <= MAX_LENGTH:
        found = _CLAUSE.match(text, at)
        if found is None:
            break
        clauses.append(_clause(found))
        at = found.end()
        if at == len(text):
            return tuple(clauses)
        joint = _AND.match(text, at)
        if joint is None:
            break
        at = joint.end()
    raise ClauseError(f"The filter '{text[:200]}' is not supported.")


def _clause(found: re.Match[str]) -> Clause:
    if found["member"]:
        return Clause(f"{found['member']} eq", _unquoted(found["equal"]))
    if found["list"]:
        return Clause(f"{found['list']} any", _unquoted(found["element"]))
    name = f"{found['call']} {found['first']}" if found["first"] else found["call"]
    return Clause(name, _unquoted(found["argument"]))


def _unquoted(text: str | None) -> str | None:
    return None if text is None else text[1:-1].replace("''", "'")
