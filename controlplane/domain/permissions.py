"""RBAC's rules without its storage: what an action pattern matches, what a set of role permissions grants.

Source: the evaluator rules of Azure RBAC. An assignment grants an action when one of its role's
permission blocks lists a matching ``actions`` pattern and no matching ``notActions`` pattern; patterns
match without regard to case and ``*`` matches across ``/``. Assignments add up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission block of a role definition; members are action patterns."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def grants(self, action: str) -> bool:
        """Tell whether this block grants a control-plane action."""
        return matches_any(self.actions, action) and not matches_any(self.not_actions, action)

    def grants_data(self, action: str) -> bool:
        """Tell whether this block grants a data action."""
        return matches_any(self.data_actions, action) and not matches_any(self.not_data_actions, action)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE)


def matches(pattern: str, action: str) -> bool:
    """Tell whether an action pattern covers an action."""
    return _compiled(pattern).fullmatch(action) is not None


def matches_any(patterns: Iterable[str], action: str) -> bool:
    """Tell whether one of several patterns covers an action."""
    return any(matches(pattern, action) for pattern in patterns)
