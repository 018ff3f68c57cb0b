"""What a row has to reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rule = Literal[
    "ratio at least", "ratio at most", "ratio below", "value at least", "value at most", "value below"
]
_SIGNS: dict[Rule, str] = {
    "ratio at least": ">= {:g} x",
    "ratio at most": "<= {:g} x",
    "ratio below": "< {:g} x",
    "value at least": ">= {:g}",
    "value at most": "<= {:g}",
    "value below": "< {:g}",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A rule and its limit. The ratio is always ours divided by the peer's."""

    rule: Rule
    limit: float

    @property
    def compares(self) -> bool:
        """Tell whether the peer's figure counts."""
        return self.rule.startswith("ratio")

    def passes(self, ours: float, peer: float) -> bool:
        """Tell whether the medians of both sides satisfy the bar."""
        if self.rule == "value at least":
            return ours >= self.limit
        if self.rule == "value at most":
            return ours <= self.limit
        if self.rule == "value below":
            return ours < self.limit
        ratio = ratio_of(ours, peer)
        if self.rule == "ratio at least":
            return ratio >= self.limit
        return ratio <= self.limit if self.rule == "ratio at most" else ratio < self.limit

    def __str__(self) -> str:
        return _SIGNS[self.rule].format(self.limit)


def ratio_of(ours: float, peer: float) -> float:
    """Divide; a peer that shows nothing at all makes the ratio infinite."""
    return ours / peer if peer else float("inf")
