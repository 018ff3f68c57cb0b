"""Long lists, a bounded part at a time: statements and messages take only so many values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")
_IN_A_STATEMENT = 500


def batches(items: Sequence[_Item], size: int = _IN_A_STATEMENT) -> Iterator[Sequence[_Item]]:
    """Yield the items in order, at most ``size`` of them each time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
